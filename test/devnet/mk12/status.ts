import type { MarketActor } from '../market-actor.ts';
import type { ProviderDeal, ProviderDealState } from '../provider.ts';
import type { Timing } from '../providers.ts';
import type { StatusReply } from './wire.ts';

/** What a sector goes through, as Boost shows it. */
const SEALING = ['deal not found', 'WaitDeals', 'Packing', 'PreCommitBatchWait', 'WaitSeed', 'CommitAggregateWait'] as const;

/** Boost's checkpoints. A deal that has failed is complete, with an error. */
const CHECKPOINT: Readonly<Record<ProviderDealState, string>> = {
  refused: 'Accepted',
  waiting: 'Accepted',
  ready: 'Transferred',
  publishing: 'Published',
  published: 'IndexedAndAnnounced',
  sealing: 'IndexedAndAnnounced',
  active: 'IndexedAndAnnounced',
  failed: 'Complete',
};

/**
 * As Boost 2.2 says it. Before there is a deal ID it looks at sector 0, which is proving: so "Proving" is what a deal says
 * that was accepted a moment ago.
 */
export function boostStatus(world: { market: MarketActor; timing: Timing; epoch: number }, deal: ProviderDeal): StatusReply {
  const dealId = isPublished(deal) ? (world.market.find(deal.proposal) ?? 0) : 0;
  return render(deal, {
    error: deal.state === 'failed' ? deal.message : '',
    status: CHECKPOINT[deal.state],
    sealingStatus: dealId === 0 || deal.state === 'active' ? 'Proving' : sealingOf(world, deal),
    ...(deal.publishCid === undefined ? {} : { publishCid: deal.publishCid }),
    chainDealId: dealId,
  });
}

/**
 * As Curio 1.28 says it: whoever asks is believed; nothing of the chain until the deal leaves its pipeline; and of a deal that
 * failed before it was published no more than of one that it never heard of.
 */
export function curioStatus(market: MarketActor, deal: ProviderDeal | undefined): StatusReply | undefined {
  if (deal === undefined || (deal.state === 'failed' && deal.publishCid === undefined)) return undefined;
  const isSealed = deal.state === 'active' || deal.state === 'failed';
  const shown = render(deal, {
    error: deal.state === 'failed' ? deal.message : '',
    status: isSealed ? 'Sealed' : 'Processing',
    sealingStatus: isSealed ? 'Sealed and Indexed' : 'Not assigned to sector',
    ...(isSealed && deal.publishCid !== undefined ? { publishCid: deal.publishCid } : {}),
    chainDealId: isSealed ? (market.find(deal.proposal) ?? 0) : 0,
  });
  return { ...shown, transferSizeBytes: 1, receivedBytes: 1 };
}

/** As a deal is shown that Curio is not through with, or never will be. */
export function inPipeline(deal: ProviderDeal | undefined): ProviderDeal | undefined {
  return deal === undefined || deal.publishCid === undefined ? deal : { ...deal, state: 'published' };
}

function isPublished({ state }: ProviderDeal): boolean {
  return state === 'published' || state === 'sealing' || state === 'active';
}

function sealingOf({ timing, epoch }: { timing: Timing; epoch: number }, deal: ProviderDeal): string {
  const age = epoch - (deal.publishedEpoch ?? epoch);
  const step = Math.ceil((age / Math.max(1, timing.sealEpochs)) * (SEALING.length - 1));
  return SEALING[Math.min(step, SEALING.length - 1)] ?? SEALING[1];
}

type Shown = Omit<NonNullable<StatusReply['status']>, 'proposal' | 'signedProposalCid'>;

function render(deal: ProviderDeal, status: Shown): StatusReply {
  const { mk12, proposal, proposalCid } = deal;
  return {
    uuid: mk12?.uuid ?? '',
    error: '',
    isOffline: mk12?.isOffline ?? false,
    transferSizeBytes: mk12?.transfer.sizeBytes ?? 0,
    receivedBytes: mk12?.receivedBytes ?? 0,
    status: { ...status, proposal, signedProposalCid: proposalCid },
  };
}
