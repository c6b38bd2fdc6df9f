import type { ColdOfContent, WaitingContent } from '../daemon/domain/cold-store-port.ts';
import { copiesOf } from '../daemon/domain/copies.ts';
import type { Reason } from '../daemon/domain/pin.ts';
import type { ColdPolicy } from '../daemon/domain/policy.ts';
import { formatSize } from '../daemon/domain/units.ts';
import { publicHeld, publicNext } from './cold-public.ts';
import { type ColdSide, type EpochTime, epochTimes } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';

/** Where the cold copies of a content stand, in a few words for users. */
export interface ColdSummary {
  replicas: { min: number; target: number; active: number; pending: number };
  /** What happens next, or why nothing does. */
  next: Reason;
  soonestEndEpoch?: number;
}

/** What is the same for all contents of a page. */
export interface SummaryContext {
  /** Why nothing is spent at present, in words for users. */
  held: Reason | undefined;
  policies: readonly ColdPolicy[];
}

const JOINING: Reason = { code: 'joining', text: 'it is about to join a piece' };
const NOT_HELD: Reason = { code: 'not_held', text: 'deals are made as soon as all of it is held hot' };

/**
 * Of a content that lies in several pieces, the one counts of which most can be said: copies of different pieces may be with
 * one provider, so they are not added up. One that was cut is there as often as its weakest part.
 */
function summarize(cold: ColdOfContent | undefined, isHeld: boolean, context: SummaryContext): ColdSummary {
  const pieces = cold?.pieces ?? [];
  const wanted = pieces.filter(({ state }) => state !== 'retired');
  const [best] = copiesOf(wanted.length > 0 ? wanted : pieces);
  const piece = best?.weakest ?? best?.pieces[0];
  if (best === undefined || piece === undefined) return withoutPiece(cold?.waiting, isHeld, context);
  const { active, pending } = best;
  const { min, target } = piece.summary;
  const wanting = piece.state !== 'retired' && active + pending < target;
  const next = nextOf(piece);
  const ends = best.pieces.flatMap(({ summary }) => summary.soonestEndEpoch ?? []);
  return {
    replicas: { min, target, active, pending },
    next: wanting ? joined(context.held, next) : next,
    ...(ends.length === 0 ? {} : { soonestEndEpoch: Math.min(...ends) }),
  };
}

function nextOf({ next, part }: ColdOfContent['pieces'][number]): Reason {
  const { code, text } = publicNext(next);
  return part === undefined ? { code, text } : { code, text: `part ${part.index + 1} of ${part.of}: ${text}` };
}

function withoutPiece(waiting: WaitingContent | undefined, isHeld: boolean, { held, policies }: SummaryContext): ColdSummary {
  const policy = policies.find(({ name }) => name === waiting?.policy) ?? policies.find(({ name }) => name === 'default');
  const replicas = { min: 0, target: 0, ...policy?.replicas, active: 0, pending: 0 };
  if (waiting === undefined) return { replicas, next: isHeld ? JOINING : NOT_HELD };
  return { replicas, next: joined(held, waiting.reason === undefined ? waitsForPiece(waiting, policy) : publicNext(waiting.reason)) };
}

function waitsForPiece({ sinceMs }: WaitingContent, policy: ColdPolicy | undefined): Reason {
  if (policy === undefined) return { code: 'no_policy', text: 'waiting: there is no such policy any more' };
  const until = formatTimestamp(sinceMs + policy.maxWaitMs);
  const enough = formatSize(policy.minFillBytes);
  return { code: 'waiting_for_piece', text: `waiting for piece: it is sealed at ${until}, or as soon as ${enough} are together` };
}

function joined(held: Reason | undefined, next: Reason): Reason {
  return held === undefined ? next : { code: held.code, text: `${held.text}; ${next.text}` };
}

/** Of a page of pins. */
export interface ColdInfo {
  summaryOf(contentKey: string, isHeld: boolean): ColdSummary;
  time: EpochTime;
  /** What is said of copies is old: since when the chain could not be read. */
  stale: string | undefined;
}

/** The chain is read every few minutes; when it was not for so long, what is known of copies is said to be old. */
const STALE_MS = 3_600_000;

/** One read for all of them; undefined when no deals are made. */
export async function readColdInfo(cold: ColdSide | undefined, contentKeys: readonly string[]): Promise<ColdInfo | undefined> {
  if (cold === undefined) return undefined;
  const keys = [...new Set(contentKeys)];
  const read = keys.length === 0 ? [] : await cold.store.coldOf(keys);
  const byKey = new Map(keys.map((key, index) => [key, read[index]]));
  const context = { held: publicHeld(cold.view.held()), policies: cold.view.policies() };
  return {
    time: epochTimes(cold.view.lastView()),
    stale: staleness(cold.view.lastView(), cold.clock.nowMs()),
    summaryOf: (contentKey, isHeld) => summarize(byKey.get(contentKey), isHeld, context),
  };
}

function staleness(last: ReturnType<ColdSide['view']['lastView']>, nowMs: number): string | undefined {
  if (last === undefined) return 'stale: the chain has not been read since this service was started';
  return nowMs - last.atMs < STALE_MS ? undefined : `stale: the chain could not be read since ${formatTimestamp(last.atMs)}`;
}
