import { link } from './cids.ts';
import { type ClientDeal, STATE } from './client-deal.ts';
import type { Faults } from './faults.ts';
import { unpadded } from './piece-cid.ts';
import type { World } from './world.ts';

const TRANSFER_COMPLETE = 6;
const TRANSFER_ONGOING = 1;

/** `DealInfo`; in lists there are no stages. */
export function renderDealInfo(world: World, deal: ClientDeal, options: { inList: boolean }): Record<string, unknown> {
  const { proposal } = deal.signed;
  const hasChannel = deal.transferId !== undefined && deal.dataRef.TransferType !== 'manual';
  return {
    ProposalCid: link(deal.proposalCid),
    State: shownState(world.faults, deal),
    Message: deal.message,
    DealStages: options.inList ? null : { Stages: deal.stages.length === 0 ? null : deal.stages },
    Provider: proposal.provider,
    DataRef: { ...deal.dataRef, RawBlockSize: 0 },
    PieceCID: link(proposal.pieceCid),
    Size: unpadded(proposal.pieceSizeBytes),
    PricePerEpoch: proposal.pricePerEpoch,
    Duration: proposal.endEpoch - proposal.startEpoch,
    DealID: deal.dealId,
    CreationTime: deal.createdAt,
    Verified: proposal.verified,
    TransferChannelID: hasChannel ? channel(world, deal) : null,
    DataTransfer: hasChannel ? renderTransfer(world, deal, options) : null,
  };
}

function shownState(faults: Faults, deal: ClientDeal): number {
  return faults.ofProvider(deal.signed.proposal.provider).lieState ?? deal.state;
}

function channel(world: World, deal: ClientDeal): Record<string, unknown> {
  return { Initiator: world.peerId, Responder: responder(world, deal), ID: BigInt(deal.transferId ?? '0') };
}

function responder({ providers }: World, deal: ClientDeal): string {
  return providers.find(deal.signed.proposal.provider)?.peerId ?? '';
}

export function renderTransfer(world: World, deal: ClientDeal, options: { inList: boolean }): Record<string, unknown> {
  const isOver = deal.state !== STATE.transferring && deal.transferred !== undefined;
  const log = { Log: 'sending data', UpdatedTime: deal.createdAt };
  const stage = (Name: string) => ({
    Name,
    Description: '',
    CreatedTime: deal.createdAt,
    UpdatedTime: deal.createdAt,
    Logs: Name === 'Ongoing' ? [log] : null,
  });
  const names = ['Requested', 'Queued', 'Ongoing', ...(isOver ? ['TransferFinished', 'Completing'] : [])];
  return {
    TransferID: BigInt(deal.transferId ?? '0'),
    Status: isOver ? TRANSFER_COMPLETE : TRANSFER_ONGOING,
    BaseCID: link(deal.root),
    IsInitiator: true,
    IsSender: true,
    Voucher: JSON.stringify([link(deal.proposalCid)]),
    Message: '',
    OtherPeer: responder(world, deal),
    Transferred: deal.transferred ?? 0,
    Stages: options.inList ? null : { Stages: names.map(stage) },
  };
}
