import type { Shortage } from '../domain/cold-store-port.ts';
import { EPOCHS_PER_DAY } from '../domain/epoch.ts';
import type { Piece } from '../domain/piece.ts';

/** What waits for money or a provider is looked at again within so long: a budget begins anew with the day, and `retryEpochs` are no more. */
export const WAIT_EPOCHS_MAX = EPOCHS_PER_DAY;

/** What is said of a piece that lacks nothing, or of which deals are on their way. */
const GOING: ReadonlySet<string> = new Set(['enough', 'in_progress', 'proposing']);

/** A deal of it should be made, and something is in the way that `next` says. */
export function isWaiting({ state, next }: Pick<Piece, 'state' | 'next'>): boolean {
  return state === 'built' && !GOING.has(next.code);
}

/** Of pieces that wait: how many have too few copies, and what most of these wait for. Undefined when none has. */
export function shortageOf(pieces: readonly Pick<Piece, 'state' | 'next' | 'summary'>[], isMore: boolean): Shortage | undefined {
  const short = pieces.filter((piece) => isWaiting(piece) && piece.summary.active < piece.summary.target);
  const byCode = [...Map.groupBy(short, ({ next }) => next.code).values()];
  const [most] = byCode.sort((a, b) => b.length - a.length);
  const why = most?.[0]?.next;
  if (why === undefined) return undefined;
  return { pieces: short.length, belowMin: short.filter(({ summary }) => summary.active < summary.min).length, isMore, why };
}
