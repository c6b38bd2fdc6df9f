import type { ColdOfContent } from '../daemon/domain/cold-ports.ts';
import type { Reason } from '../daemon/domain/pin.ts';
import type { ColdPolicy } from '../daemon/domain/policy.ts';
import { type ColdSide, type EpochTime, epochTimes } from './cold-side.ts';

/** Where the cold copies of a content stand, in a few words. */
export interface ColdSummary {
  replicas: { min: number; target: number; active: number; pending: number };
  /** What happens next, or why nothing does: for users. */
  next: Reason;
  soonestEndEpoch?: number;
}

const SOON: Reason = { code: 'joining', text: 'its pieces are about to be chosen' };
const NOT_HELD: Reason = { code: 'fetching', text: 'deals are made once all of it is held hot' };

/** What holds everybody's deals back names nodes, wallets and the operator's own words: those are not for users. */
const PAUSED: Reason = { code: 'paused', text: 'no new deals are made at present' };

/**
 * Of a content that lies in several pieces, the one counts that most can be said for: copies of different pieces may be with
 * one provider, so they are not added up.
 */
export function summarize(cold: ColdOfContent | undefined, { held, policies, isHeld }: SummaryInput): ColdSummary {
  const piece = [...(cold?.pieces ?? [])].sort((a, b) => rank(b) - rank(a))[0];
  if (piece === undefined) return withoutPiece(cold, { held, policies, isHeld });
  const { min, target, active, pending, soonestEndEpoch } = piece.summary;
  const wanting = piece.state !== 'retired' && active + pending < target;
  return {
    replicas: { min, target, active, pending },
    next: wanting && held ? joined(PAUSED, piece.next) : piece.next,
    ...(soonestEndEpoch === undefined ? {} : { soonestEndEpoch }),
  };
}

export interface SummaryInput {
  /** True while nothing is spent. */
  held: boolean;
  policies: readonly ColdPolicy[];
  /** The hot tier has all of it. */
  isHeld: boolean;
}

function withoutPiece(cold: ColdOfContent | undefined, { held, policies, isHeld }: SummaryInput): ColdSummary {
  const waiting = cold?.waiting;
  const policy = policies.find(({ name }) => name === waiting?.policy) ?? policies.find(({ name }) => name === 'default');
  const { min, target } = policy?.replicas ?? { min: 0, target: 0 };
  const next = waiting?.reason ?? (waiting !== undefined ? WAITING : isHeld ? SOON : NOT_HELD);
  return { replicas: { min, target, active: 0, pending: 0 }, next: held && waiting !== undefined ? joined(PAUSED, next) : next };
}

const WAITING: Reason = {
  code: 'waiting_for_piece',
  text: 'waiting for piece: until there is enough to share one, or it has waited long enough',
};

function joined(first: Reason, then: Reason): Reason {
  return { code: first.code, text: `${first.text}; ${then.text}` };
}

function rank({ state, summary }: ColdOfContent['pieces'][number]): number {
  return (state === 'retired' ? 0 : 1_000_000) + summary.active * 1_000 + summary.pending;
}

/** Of each content in turn, for `info` of a page of pins: one read for all of them. */
export interface ColdInfo {
  summaryOf(contentKey: string, isHeld: boolean): ColdSummary;
  time: EpochTime;
}

/** Undefined when no deals are made. */
export async function readColdInfo(cold: ColdSide | undefined, contentKeys: readonly string[]): Promise<ColdInfo | undefined> {
  if (cold === undefined) return undefined;
  const keys = [...new Set(contentKeys)];
  const read = keys.length === 0 ? [] : await cold.store.coldOf(keys);
  const byKey = new Map(keys.map((key, index) => [key, read[index]]));
  const shared = { held: cold.view.held() !== undefined, policies: cold.view.policies() };
  return {
    time: epochTimes(cold.view.lastView()),
    summaryOf: (contentKey, isHeld) => summarize(byKey.get(contentKey), { ...shared, isHeld }),
  };
}
