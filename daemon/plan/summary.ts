import type { Deal } from '../domain/deal.ts';
import type { Piece, PieceSummary } from '../domain/piece.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { queueOf } from './deals.ts';
import { independentCopies } from './independent.ts';
import { isLive } from './providers.ts';

/** Where the copies of a piece stand. */
export function summaryOf(deals: readonly Deal[], policy: ColdPolicy | undefined, before: PieceSummary): PieceSummary {
  const active = deals.filter(({ state }) => state === 'active');
  const ends = active.map(({ terms }) => terms.endEpoch);
  return {
    min: policy?.replicas.min ?? before.min,
    target: policy?.replicas.target ?? before.target,
    active: independentCopies(active),
    pending: deals.filter(isLive).length - active.length,
    ...(ends.length === 0 ? {} : { soonestEndEpoch: Math.min(...ends) }),
  };
}

/** A piece after a change of its deals: its summary, and a look at it now if a deal moved. */
export function pieceAfter(piece: Piece, deals: readonly Deal[], policy: ColdPolicy | undefined, headEpoch: number): Piece {
  const summary = summaryOf(deals, policy, piece.summary);
  return { ...piece, summary, due: { queue: queueOf(deals, policy), epoch: headEpoch } };
}

/** No transfer needs the CAR any more: every live deal is on the chain. */
export function isCarIdle(deals: readonly Deal[]): boolean {
  return deals.filter(isLive).every(({ state }) => state === 'published' || state === 'active');
}
