import { type Deal, LIVE_STATES } from '../../domain/deal.ts';
import type { Piece } from '../../domain/piece.ts';
import type { Op } from '../../domain/ports.ts';
import { coldKeys } from './keys.ts';

/** What lists say of a deal; see `keys.ts`. */
export type IndexedDeal = Pick<Deal, 'id' | 'pieceId' | 'provider' | 'state' | 'createdMs' | 'dueEpoch'>;
/** What lists say of a piece. */
export type IndexedPiece = Pick<Piece, 'id' | 'state' | 'createdMs' | 'due'>;

/** Every entry that belongs to the deal. */
export function entriesOfDeal({ id, pieceId, provider, state, createdMs, dueEpoch }: IndexedDeal): string[] {
  const entries = [coldKeys.dealOfPiece(pieceId, createdMs, id)];
  if (dueEpoch !== undefined) entries.push(coldKeys.dueDeal(dueEpoch, id));
  if (isLive(state)) entries.push(coldKeys.liveDeal(provider, id));
  if (state === 'active') entries.push(coldKeys.activeDeal(id));
  return entries;
}

/** Every entry that belongs to the piece. */
export function entriesOfPiece({ id, state, createdMs, due }: IndexedPiece): string[] {
  const entries: string[] = [];
  if (state === 'sealed') entries.push(coldKeys.sealed(createdMs, id));
  if (due !== undefined) entries.push(coldKeys.duePiece(due.queue, due.epoch, id));
  return entries;
}

/** From the entries before a change to those after it. */
export function entryOps(before: readonly string[], after: readonly string[]): Op[] {
  return [
    ...before.filter((key) => !after.includes(key)).map((key): Op => ({ del: key })),
    ...after.filter((key) => !before.includes(key)).map((key): Op => ({ put: key, value: {} })),
  ];
}

export function isLive(state: Deal['state']): boolean {
  return (LIVE_STATES as readonly string[]).includes(state);
}
