import type { WaitingContent } from '../domain/cold-store-port.ts';
import type { Content } from '../domain/content.ts';
import type { PieceMember } from '../domain/piece.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { formatDuration, formatSize } from '../domain/units.ts';

/** Header of a CAR and the top of the tree that links its contents. */
const CAR_BASE_BYTES = 1_024;
/** What the synthetic root's tree needs for each content: two links and their share of the nodes, and a separator of 128 bytes. */
const LINK_BYTES = 320;
/** Length and CID in front of a block in a CAR, with room for an unusual hash. */
const SECTION_BYTES = 48;
/** A piece's record lists its contents and is written anew whenever one of its deals moves. */
const MEMBERS_MAX = 1_000;

export interface PiecesInput {
  /** Of one policy. */
  waiting: readonly WaitingContent[];
  policy: ColdPolicy;
  nowMs: number;
  /** The largest piece, padded; rounded down to a power of two. */
  pieceMaxBytes: number;
}

export interface PiecesPlan {
  /** Contents of each piece to be sealed now, in the order in which they will lie in it. */
  seal: { members: PieceMember[]; from: WaitingContent[]; why: Reason }[];
  /** Contents that are too large for a piece, and are cut into parts. */
  toCut: WaitingContent[];
  /** The rest is old enough then. */
  lookAtMs?: number;
}

/**
 * Contents lie in pieces in the order in which they began to wait. A piece is sealed as soon as they make `minFillBytes`
 * together, when the next one would not fit any more, or when the oldest has waited for `maxWaitMs`. One that is larger
 * than the largest piece is cut by itself and holds nobody up.
 */
export function planPieces({ waiting, policy, nowMs, pieceMaxBytes }: PiecesInput): PiecesPlan {
  const capacityBytes = carCapacityBytes(pieceMaxBytes);
  const plan: PiecesPlan = { seal: [], toCut: [] };
  let open: WaitingContent[] = [];
  let openBytes = 0;
  const seal = (code: string, text: string): void => {
    plan.seal.push({ members: open.map(memberOf), from: open, why: { code, text } });
    open = [];
    openBytes = 0;
  };
  for (const content of [...waiting].sort(byAge)) {
    if (content.toCut === true || carBytes(content.sizeBytes, 1) > capacityBytes) {
      plan.toCut.push(content);
      continue;
    }
    if (carBytes(openBytes + content.sizeBytes, open.length + 1) > capacityBytes) {
      seal('full', 'the next content would not fit into the largest piece');
    }
    open.push(content);
    openBytes += content.sizeBytes;
    if (openBytes >= policy.minFillBytes) seal('filled', `its contents make ${formatSize(policy.minFillBytes)} together`);
    else if (open.length >= MEMBERS_MAX) seal('full', `it holds ${MEMBERS_MAX} contents`);
  }
  const oldestMs = open[0]?.sinceMs;
  if (oldestMs !== undefined) {
    if (leftToWaitMs(oldestMs, policy, nowMs) === 0)
      seal('old_enough', `its oldest content has waited for ${formatDuration(policy.maxWaitMs)}`);
    else plan.lookAtMs = oldestMs + policy.maxWaitMs;
  }
  return plan;
}

/** Nothing is left when the clock was put back behind the time at which the wait began: it would last who knows how long. */
function leftToWaitMs(sinceMs: number, { maxWaitMs }: ColdPolicy, nowMs: number): number {
  return sinceMs > nowMs ? 0 : Math.max(0, sinceMs + maxWaitMs - nowMs);
}

/** Why a content has no piece yet, for people. */
export function waitingReason(content: WaitingContent, policy: ColdPolicy | undefined, nowMs: number): Reason {
  if (content.reason !== undefined) return content.reason;
  if (policy === undefined) return { code: 'no_policy', text: `waiting: there is no policy called ${content.policy} any more` };
  const leftMs = leftToWaitMs(content.sinceMs, policy, nowMs);
  const when = leftMs === 0 ? 'now' : `in ${formatDuration(leftMs)} at the latest`;
  return {
    code: 'waiting_for_piece',
    text: `waiting for piece: it is sealed ${when}, or as soon as ${formatSize(policy.minFillBytes)} are together`,
  };
}

/** Bytes of a content within a CAR: its distinct blocks, each behind its length and CID. */
export function carBytesOfContent({ sizeBytes = 0, blocks = 0 }: Pick<Content, 'sizeBytes' | 'blocks'>): number {
  return sizeBytes + blocks * SECTION_BYTES;
}

/** The largest CAR of a piece: a piece of p bytes holds p × 127/128. */
export function carCapacityBytes(pieceMaxBytes: number): number {
  const padded = 2 ** Math.floor(Math.log2(pieceMaxBytes));
  return Math.floor((padded / 128) * 127);
}

/** A CAR with so many contents. */
export function carBytes(sizeBytes: number, contents: number): number {
  return CAR_BASE_BYTES + LINK_BYTES * contents + sizeBytes;
}

function byAge(a: WaitingContent, b: WaitingContent): number {
  return a.sinceMs - b.sinceMs || (a.contentKey < b.contentKey ? -1 : 1);
}

function memberOf({ contentKey, sizeBytes }: WaitingContent): PieceMember {
  return { contentKey, sizeBytes };
}
