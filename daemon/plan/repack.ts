import type { ColdOfContent } from '../domain/cold-store-port.ts';
import type { Content } from '../domain/content.ts';
import { copiesOf } from '../domain/copies.ts';
import type { Deal } from '../domain/deal.ts';
import { epochsOfMs } from '../domain/epoch.ts';
import type { Piece } from '../domain/piece.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { carBytes, carCapacityBytes } from './pieces.ts';
import { isLive } from './providers.ts';
import { renewBefore } from './terms.ts';

/** What a piece is seen as here: also what lists show of it. */
type Marked = Pick<Piece, 'state' | 'repack'>;

/** Its contents are on their way into another piece, and no copy of it is renewed meanwhile. */
export function isRepacking({ state, repack }: Marked): boolean {
  return state === 'built' && repack !== undefined && repack.givenUpEpoch === undefined;
}

/** Another piece has taken over from it: it is never brought back. */
export function isRepacked({ repack }: Pick<Piece, 'repack'>): boolean {
  return repack?.doneEpoch !== undefined;
}

/** What lies in it needs no other piece. */
export function isInForce(piece: Marked): boolean {
  return piece.state !== 'retired' && !isRepacking(piece);
}

/**
 * So little of it is wanted any more that the rest is worth another piece, which must then be a smaller one. What several
 * contents share is counted for each of them: it would come along with any of them.
 */
export function isMostlyDead({ members, built }: Pick<Piece, 'members' | 'built'>, { repackBelow }: ColdPolicy): boolean {
  const wanted = members.filter(({ gone }) => gone === undefined);
  if (built === undefined || wanted.length === 0 || wanted.length === members.length) return false;
  const wantedBytes = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (wantedBytes >= repackBelow * built.carSizeBytes) return false;
  return carBytes(wantedBytes, wanted.length) <= carCapacityBytes(built.pieceSizeBytes / 2);
}

export interface RepackLook {
  piece: Piece;
  /** Every deal of the piece. */
  deals: readonly Deal[];
  policy: ColdPolicy;
  headEpoch: number;
}

/** Whether a piece of which copies would have to be renewed is repacked instead: only where there is time for both, one after the other. */
export function mayRepack({ piece, deals, policy, headEpoch }: RepackLook, startLeadEpochs: number): boolean {
  const { givenUpEpoch } = piece.repack ?? {};
  // All copies of it are renewed first.
  if (givenUpEpoch !== undefined && headEpoch < givenUpEpoch + Math.floor(policy.durationEpochs / 2)) return false;
  const deadline = deadlineOf(deals, policy);
  const neededEpochs = epochsOfMs(policy.maxWaitMs) + startLeadEpochs;
  return isMostlyDead(piece, policy) && deadline !== undefined && headEpoch + neededEpochs < deadline;
}

/** Then it is renewed after all, unless its contents have copies elsewhere; undefined when there is no copy that could end. */
function deadlineOf(deals: readonly Deal[], policy: ColdPolicy): number | undefined {
  const ends = deals.filter(isLive).map(({ terms }) => terms.endEpoch);
  return ends.length === 0 ? undefined : Math.min(...ends) - Math.floor(renewBefore(policy) / 2);
}

/** What users read meanwhile. */
export function repackingReason(deals: readonly Deal[], policy: ColdPolicy): Reason {
  const deadline = deadlineOf(deals, policy);
  const orElse = deadline === undefined ? '' : `; unless these are there by epoch ${deadline}, it is renewed after all`;
  return {
    code: 'repacking',
    text: `little of it is wanted any more, so it is not renewed: what is goes into another piece, and its copies count until that one has its own${orElse}`,
  };
}

/** A content that is wanted of the piece. */
export interface WantedMember {
  contentKey: string;
  /** Undefined when nothing names it any more, which is about to be marked. */
  hot: Content['hot'] | undefined;
  cold: ColdOfContent;
}

/** What is to be done with a piece that is being repacked, is about to be, or was not in time. */
export interface RepackPlan {
  kind: 'retire' | 'give_up' | 'begin' | 'go_on' | 'nothing';
  after: Piece;
  /** Contents whose cold side is to be looked at: they may begin to wait for a piece, or need none any more. */
  list: string[];
  /** Contents that have to be hot for that, and are not. */
  warm: string[];
}

/** Where a content stands beside the piece, from nowhere to as well as it can. */
const NOWHERE = 0;
/** It waits for another piece, or is in one that is to be built, or in an older one. */
const COMING = 1;
const BUILT = 2;
/** In a newer piece with `min` active copies, or with all of them. */
const SAFE = 3;
const KEPT = 4;

/**
 * Old copies count until new ones are there: a piece is retired when a newer one has all its copies of each content, or at least
 * there is one when no old copy is left. Where that does not come about in time it is renewed, whatever was begun beside it.
 */
export function planRepacking(look: RepackLook & { begins: boolean; wanted: readonly WantedMember[] }): RepackPlan {
  const { piece, deals, policy, headEpoch, begins, wanted } = look;
  const isGoing = isRepacking(piece);
  const standings = wanted.map(({ cold }) => standingOf(piece, cold, policy));
  const least = Math.min(KEPT, ...standings);
  const nowhere = wanted.filter((_, index) => standings[index] === NOWHERE);
  const plan = { after: piece, list: [], warm: [] };
  if (least === KEPT || (isGoing && least >= BUILT && !deals.some(isLive)))
    return { ...plan, kind: 'retire', after: repacked(piece, headEpoch) };
  if (isGoing && least < SAFE && isOver(look)) {
    const repack = { sinceEpoch: headEpoch, ...piece.repack, givenUpEpoch: headEpoch };
    // All of them: one may be about to wait, by what was known of the piece before.
    return { ...plan, kind: 'give_up', after: { ...piece, repack }, list: wanted.map(({ contentKey }) => contentKey) };
  }
  if (!isGoing && !begins) return { ...plan, kind: 'nothing' };
  return {
    kind: isGoing ? 'go_on' : 'begin',
    after: isGoing ? piece : { ...piece, repack: { sinceEpoch: headEpoch } },
    list: nowhere.filter(({ hot }) => hot === 'pinned').map(({ contentKey }) => contentKey),
    warm: nowhere.filter(({ hot }) => hot === 'cold').map(({ contentKey }) => contentKey),
  };
}

/** No time is left, or so much is pinned again that it is worth renewing. */
function isOver({ piece, deals, policy, headEpoch }: RepackLook): boolean {
  return headEpoch >= (deadlineOf(deals, policy) ?? 0) || !isMostlyDead(piece, policy);
}

/** Only newer pieces take over, so that no two ever wait for, or leave it to, each other. */
function standingOf({ id, policy: name }: Piece, { waiting, pieces }: ColdOfContent, { replicas }: ColdPolicy): number {
  const place = pieces.findIndex((piece) => piece.id === id);
  const others = pieces.filter((piece) => piece.id !== id && piece.policy === name && isInForce(piece));
  const newer = others.filter((piece) => piece.state === 'built' && pieces.indexOf(piece) > place);
  const [best] = copiesOf(newer);
  if (best?.weakest === undefined) return others.length > 0 || waiting?.policy === name ? COMING : NOWHERE;
  const { active } = best;
  if (active >= replicas.target) return KEPT;
  return active >= replicas.min ? SAFE : BUILT;
}

/** Due once more, so that what is kept of it for transfers goes. */
function repacked(piece: Piece, headEpoch: number): Piece {
  return {
    ...piece,
    state: 'retired',
    repack: { sinceEpoch: headEpoch, ...piece.repack, doneEpoch: headEpoch },
    next: { code: 'repacked', text: 'what is wanted of it is in another piece: no further deal is made, those that run go on' },
    due: { queue: 'renew', epoch: headEpoch },
  };
}
