import type { DealReport } from '../domain/cold-ports.ts';
import type { Deal, DealState } from '../domain/deal.ts';
import type { ProviderEvent } from '../domain/provider.ts';
import type { Sight } from './chain-place.ts';
import { isLive } from './providers.ts';
import type { ColdRules } from './rules.ts';

const HISTORY_KEPT = 64;
/** A deal on its way is looked at again after this share of its age. */
const AGE_SHARE = 10;

export type VerifyRules = Pick<
  ColdRules,
  'finalityEpochs' | 'confirmLostEpochs' | 'startLeadEpochs' | 'pollEpochs' | 'pollCapEpochs' | 'recheckEpochs' | 'settleEpochs'
>;

/** What was learned of one deal in one look at chain and maker. */
export interface Seen {
  headEpoch: number;
  finalizedEpoch: number;
  /** The tip set at, or next below, the finalized epoch. */
  finalizedKey?: readonly string[];
  nowMs: number;
  final: Sight;
  atHead: Sight;
  /** Under which the chain has it, at the finalized tip set or at the head. */
  chainDealId?: number;
  /** Absent when the maker was not asked or did not answer. */
  report?: DealReport;
}

export interface StepInput {
  deal: Deal;
  seen: Seen;
  rules: VerifyRules;
}

/** A deal after one look, and what follows from it. */
export interface DealStep {
  deal: Deal;
  /** What the commitments of the deal's budget day change by. */
  budgetAtto: bigint;
  /** For its provider's history. */
  events: ProviderEvent[];
  /** Precisely the same request is to be sent, again or for the first time. */
  resend: boolean;
  /** To be said in the log. */
  note?: string;
}

/** It stays where it is, to be looked at again. */
export function same({ deal, seen, rules }: StepInput): DealStep {
  return { deal: withDue(deal, seen, rules), budgetAtto: 0n, events: [], resend: false };
}

export function moved({ deal, seen, rules }: StepInput, state: DealState, reason: string, event?: ProviderEvent['kind']): DealStep {
  const { headEpoch, nowMs } = seen;
  const next: Deal = { ...deal, state, history: withHistory({ ...deal, state }, reason, seen) };
  if (!isLive(next)) delete next.outcome;
  return {
    deal: withDue(next, seen, rules),
    budgetAtto: commitment(next) - commitment(deal),
    events: event === undefined ? [] : [{ epoch: headEpoch, atMs: nowMs, kind: event, text: `deal ${deal.id}: ${reason}` }],
    resend: false,
  };
}

/** The first event stays: it says when the deal was intended. */
export function withHistory({ state, history }: Deal, reason: string, { headEpoch, nowMs }: Seen): Deal['history'] {
  const [first, ...later] = [...history, { state, atMs: nowMs, epoch: headEpoch, reason }];
  return [...(first === undefined ? [] : [first]), ...later.slice(1 - HISTORY_KEPT)];
}

/** Epoch at which it was intended. */
export function createdEpoch({ history, terms }: Pick<Deal, 'history' | 'terms'>): number {
  return history[0]?.epoch ?? terms.startEpoch;
}

/** What counts against the budget: deals whose fate is open, or that were made. */
function commitment({ state, costAtto }: Pick<Deal, 'state' | 'costAtto'>): bigint {
  return state === 'rejected' || state === 'failed' ? 0n : costAtto;
}

function withDue(deal: Deal, seen: Seen, rules: VerifyRules): Deal {
  const { dueEpoch: _, ...rest } = deal;
  const dueEpoch = dueEpochOf(deal, seen, rules);
  return dueEpoch === undefined ? rest : { ...rest, dueEpoch };
}

function dueEpochOf(deal: Deal, { headEpoch, finalizedEpoch }: Seen, rules: VerifyRules): number | undefined {
  const soon = headEpoch + 1;
  if (isLive(deal) && deal.suspectSinceEpoch !== undefined) {
    return Math.max(soon, headEpoch + deal.suspectSinceEpoch + rules.confirmLostEpochs - finalizedEpoch);
  }
  switch (deal.state) {
    case 'intended':
    case 'proposed':
    case 'accepted':
    case 'published':
      return headEpoch + clamp(Math.floor((headEpoch - createdEpoch(deal)) / AGE_SHARE), rules.pollEpochs, rules.pollCapEpochs);
    case 'active':
      return Math.max(soon, Math.min(headEpoch + rules.recheckEpochs, deal.terms.endEpoch));
    case 'rejected':
      // Who refuses may still publish, until its start is final.
      return Math.max(soon, deal.terms.startEpoch + rules.finalityEpochs + 1);
    case 'expired':
    case 'missed':
    case 'lost':
      return headEpoch + rules.settleEpochs;
    case 'failed':
      return undefined;
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
