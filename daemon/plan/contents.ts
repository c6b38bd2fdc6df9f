import type { DueContent, WaitingContent } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import type { Piece } from '../domain/piece.ts';
import { carBytesOfContent } from './pieces.ts';
import { isLive } from './providers.ts';

/** The hot tier may just be restarting. */
const FAILURES_BEFORE_REPACK = 3;

/** What is to be done for a content that was pinned, or that nobody pins any more. */
export interface ContentPlan {
  /** Pieces that change, in the order in which they came. */
  pieces: { before: Piece; after: Piece }[];
  wait?: WaitingContent;
  unwait?: WaitingContent;
}

/**
 * A held content is in a piece of its policy or waits for one. When nobody pins it any more it is marked as gone: its
 * bytes stay in what was built, a piece of which all contents are gone is retired, and one whose pin comes back is not.
 */
export function planContent(
  { contentKey, content, pieces, waiting }: DueContent,
  policy: string,
  nowMs: number,
  headEpoch: number,
): ContentPlan {
  const lying = pieces.map(({ value }) => value);
  if (content === undefined || content.pins === 0) {
    return {
      pieces: changes(lying, (piece) => without(piece, contentKey, headEpoch)),
      ...(waiting === undefined ? {} : { unwait: waiting }),
    };
  }
  const home = lying.filter((piece) => piece.policy === policy && piece.members.some((member) => member.contentKey === contentKey));
  const plan: ContentPlan = { pieces: changes(home, (piece) => withMember(piece, contentKey, headEpoch)) };
  if (home.length > 0) return waiting === undefined ? plan : { ...plan, unwait: waiting };
  if (content.hot !== 'pinned' || waiting?.policy === policy) return plan;
  const wait = { contentKey, policy, sizeBytes: carBytesOfContent(content), sinceMs: nowMs };
  return { ...plan, wait, ...(waiting === undefined ? {} : { unwait: waiting }) };
}

function changes(pieces: readonly Piece[], change: (piece: Piece) => Piece): ContentPlan['pieces'] {
  return pieces.map((before) => ({ before, after: change(before) })).filter(({ before, after }) => before !== after);
}

/** Before it is built a content just leaves; later it stays in the bytes. Of a built piece nobody wants the CAR is to go: it is due once more. */
function without(piece: Piece, contentKey: string, headEpoch: number): Piece {
  if (!piece.members.some((member) => member.contentKey === contentKey && member.gone === undefined)) return piece;
  const members =
    piece.built === undefined
      ? piece.members.filter((member) => member.contentKey !== contentKey)
      : piece.members.map((member) => (member.contentKey === contentKey ? { ...member, gone: true as const } : member));
  if (members.some(({ gone }) => gone === undefined)) return { ...piece, members };
  const gone = retired({ ...piece, members });
  return piece.built === undefined ? gone : { ...gone, due: { queue: 'renew', epoch: headEpoch } };
}

export function retired(piece: Piece): Piece {
  const { due: _, ...rest } = piece;
  return {
    ...rest,
    state: 'retired',
    next: { code: 'retired', text: 'nobody pins any of it: no further deal is made, those that run go on' },
  };
}

/**
 * The bytes of a piece cannot be had any more, and no deal is left to fetch them from: what is still wanted of it waits
 * for another piece, as it may be hot. `wait` is undefined when it is worth another try first.
 */
export function planRepack(piece: Piece, deals: readonly Deal[], nowMs: number): { after: Piece; wait?: WaitingContent[] } {
  const buildFailures = piece.buildFailures + 1;
  if (deals.some(isLive) || buildFailures < FAILURES_BEFORE_REPACK) return { after: { ...piece, buildFailures } };
  const wanted = piece.members.filter(({ gone }) => gone === undefined);
  const { due: _, ...rest } = piece;
  const next = { code: 'repacked', text: 'its bytes cannot be had any more; its contents go into other pieces' };
  return {
    after: { ...rest, state: 'retired', members: [], buildFailures, next },
    wait: wanted.map(({ contentKey, sizeBytes }) => ({ contentKey, policy: piece.policy, sizeBytes, sinceMs: nowMs })),
  };
}

function withMember(piece: Piece, contentKey: string, headEpoch: number): Piece {
  if (!piece.members.some((member) => member.contentKey === contentKey && member.gone === true)) return piece;
  const members = piece.members.map(({ gone, ...member }) =>
    member.contentKey === contentKey || gone === undefined ? member : { ...member, gone },
  );
  if (piece.state !== 'retired') return { ...piece, members };
  return {
    ...piece,
    members,
    state: 'built',
    next: { code: 'proposing', text: 'it is pinned again' },
    due: { queue: 'renew', epoch: headEpoch },
  };
}
