import type { Chain, DealMaker, DealReport } from '../../domain/cold-ports.ts';
import { ColdError } from '../../domain/cold-ports.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Clock } from '../../domain/ports.ts';
import { isSameDeal, type Sight } from '../../plan/chain-place.ts';
import type { Seen } from '../../plan/deal-step.ts';
import { ASK_NODE_MS, ASK_PROVIDER_MS, answerOf, within } from './deadline.ts';
import type { Look, SpendingGuard } from './guard.ts';

export interface LookAtDealOptions {
  chain: Chain;
  maker: DealMaker;
  guard: SpendingGuard;
  clock: Clock;
}

/** What a deal's place on the chain is, read at the finalized tip set and, where that shows nothing, at the head. */
interface Found {
  final: Sight;
  atHead: Sight;
  chainDealId?: number;
}

const NOWHERE: Found = { final: 'absent', atHead: 'absent' };

/** Asks maker and chain about one deal. What did not answer is left out: nothing is concluded from silence. */
export async function lookAtDeal(deal: Deal, pieceCid: string, look: Look, options: LookAtDealOptions, signal: AbortSignal): Promise<Seen> {
  const { maker, clock } = options;
  const report = asksMaker(deal) ? await answerOf(maker.report(deal, within(signal, ASK_PROVIDER_MS))) : undefined;
  const found = await findOnChain(deal, pieceCid, report, look, options, signal);
  signal.throwIfAborted();
  const { headEpoch, finalizedEpoch } = look.view;
  return { ...found, headEpoch, finalizedEpoch, nowMs: clock.nowMs(), ...(report === undefined ? {} : { report }) };
}

/** Once it is on the chain its maker has nothing to add; a refusal is looked into, as it may be published all the same. */
function asksMaker({ state, sends }: Deal): boolean {
  return sends > 0 && ['intended', 'proposed', 'accepted', 'rejected'].includes(state);
}

/** By the id that is known, those that its publish message made, and the one that the maker names, until one is ours. */
async function findOnChain(
  deal: Deal,
  pieceCid: string,
  report: DealReport | undefined,
  look: Look,
  options: LookAtDealOptions,
  signal: AbortSignal,
): Promise<Found> {
  let unread = false;
  const tried = new Set<number>();
  // Of the wallet that paid: the present one may be another.
  const clientId = deal.wallet === undefined ? undefined : await options.guard.idAddress(deal.wallet, signal);
  for (const candidates of [known, byMessage, byMaker]) {
    try {
      for (const id of await candidates(deal, pieceCid, report, options.chain, signal)) {
        if (tried.has(id)) continue;
        tried.add(id);
        const found = await sightOf(id, deal, pieceCid, clientId, look, options.chain, signal);
        if (found !== undefined) return { ...found, chainDealId: id };
      }
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      unread = true;
    }
  }
  return unread ? { final: undefined, atHead: undefined } : NOWHERE;
}

type Candidates = (deal: Deal, pieceCid: string, report: DealReport | undefined, chain: Chain, signal: AbortSignal) => Promise<number[]>;

const known: Candidates = async ({ chainDealId }) => (chainDealId === undefined ? [] : [chainDealId]);

const byMessage: Candidates = async (deal, pieceCid, report, chain, signal) => {
  const publishCid = (report !== undefined && 'publishCid' in report ? report.publishCid : undefined) ?? deal.publishCid;
  if (publishCid === undefined) return [];
  const published = (await chain.publishedDeals(publishCid, within(signal, ASK_NODE_MS))) ?? [];
  return published
    .filter((one) => one.pieceCid === pieceCid && one.startEpoch === deal.terms.startEpoch)
    .map(({ chainDealId }) => chainDealId);
};

const byMaker: Candidates = async (_deal, _pieceCid, report) =>
  report !== undefined && 'chainDealId' in report && report.chainDealId !== undefined ? [report.chainDealId] : [];

/** Undefined when the chain has nothing under that id, or another deal. */
async function sightOf(
  id: number,
  deal: Deal,
  pieceCid: string,
  clientId: string | undefined,
  { view }: Look,
  chain: Chain,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const read = async (at: readonly string[] | undefined): Promise<Sight> => {
    const found = await chain.marketDeal(id, at, within(signal, ASK_NODE_MS));
    return found !== undefined && isSameDeal(deal, pieceCid, clientId, found) ? found : 'absent';
  };
  const final = await read(view.finalizedKey);
  if (final !== 'absent') return { final, atHead: undefined };
  const atHead = await read(undefined);
  return atHead === 'absent' ? undefined : { final, atHead };
}
