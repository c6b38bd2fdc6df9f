import type { Chain, DealMaker, DealReport } from '../../domain/cold-ports.ts';
import { ColdError } from '../../domain/cold-ports.ts';
import type { Deal } from '../../domain/deal.ts';
import { EPOCHS_PER_DAY } from '../../domain/epoch.ts';
import type { Clock } from '../../domain/ports.ts';
import { isSameDeal, type Sight } from '../../plan/chain-place.ts';
import { createdEpoch, type Seen } from '../../plan/deal-step.ts';
import { isBeforeChain } from '../../plan/providers.ts';
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

/** For looking through a week of messages. */
const LIST_MS = 300_000;
const NOWHERE: Found = { final: 'absent', atHead: 'absent' };

/** Asks maker and chain about one deal. What did not answer is left out: nothing is concluded from silence. */
export async function lookAtDeal(deal: Deal, pieceCid: string, look: Look, options: LookAtDealOptions, signal: AbortSignal): Promise<Seen> {
  const { maker, clock } = options;
  const report = asksMaker(deal) ? await answerOf(maker.report(deal, within(signal, ASK_PROVIDER_MS))) : undefined;
  const found = await findOnChain(deal, pieceCid, report, look, options, signal);
  signal.throwIfAborted();
  const { headEpoch, finalizedEpoch, finalizedKey } = look.view;
  return { ...found, headEpoch, finalizedEpoch, finalizedKey, nowMs: clock.nowMs(), ...(report === undefined ? {} : { report }) };
}

/** Once it is on the chain its maker has nothing to add; a refusal is looked into, as it may be published all the same. */
function asksMaker({ state, sends }: Deal): boolean {
  return sends > 0 && (isBeforeChain({ state }) || state === 'rejected');
}

/**
 * By the id that is known, those that its publish message made, and the one that the maker names, until one is ours. Before a deal
 * is given up that nobody names, what was published is looked through.
 */
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
  for (const candidates of [known, byMessage, byMaker, ...(isLastLook(deal, report, look) ? [byList(look)] : [])]) {
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

/** A provider may publish and not say so: Curio names no deal before it is through with it, and one that refuses names none at all. */
function isLastLook(deal: Deal, report: DealReport | undefined, { view }: Look): boolean {
  const isOpen = asksMaker(deal) && deal.begunAs === undefined;
  return isOpen && view.finalizedEpoch > deal.terms.startEpoch && (report !== undefined || deal.state === 'rejected');
}

const byList =
  ({ view }: Look): Candidates =>
  async ({ provider, terms, history }, pieceCid, _report, chain, signal) => {
    const { startEpoch } = terms;
    const wanted = { pieceCid, provider, startEpoch, from: createdEpoch({ history, terms }), to: startEpoch };
    try {
      const found = (await chain.findPublished?.(wanted, within(signal, LIST_MS))) ?? [];
      return found.map(({ chainDealId }) => chainDealId);
    } catch (error) {
      // A node that never gets through must not keep the deal open for good: what is locked on the chain is compared, too.
      if (error instanceof ColdError && view.finalizedEpoch > startEpoch + EPOCHS_PER_DAY) return [];
      throw error;
    }
  };

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
    if (found === undefined || !isSameDeal(deal, pieceCid, clientId, found)) return 'absent';
    // A provider may publish the like of it with a client of its own.
    if (deal.wallet !== undefined && clientId === undefined) throw new ColdError('unreachable', 'who pays for it was not to be learned');
    return found;
  };
  const final = await read(view.finalizedKey);
  if (final !== 'absent') return { final, atHead: undefined };
  const atHead = await read(undefined);
  return atHead === 'absent' ? undefined : { final, atHead };
}
