import type { DueContent, WaitingContent } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import type { Piece, PieceMember } from '../domain/piece.ts';
import { carBytesOfContent } from './pieces.ts';
import { isLive } from './providers.ts';
import { isRepacked, isRepacking } from './repack.ts';

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
 * A held content is in a piece of its policy that is in force, or waits for one; while its piece is being repacked it does so
 * beside being in it. When nobody pins it any more it is marked as gone: its bytes stay in what was built, a piece of which all
 * contents are gone is retired, and one whose pin comes back is not, unless another one has taken it over.
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
  const home = homeOf(lying, policy, contentKey);
  const plan: ContentPlan = { pieces: changes(home, (piece) => withMember(piece, contentKey, headEpoch)) };
  if (!home.every(isRepacking)) return waiting === undefined ? plan : { ...plan, unwait: waiting };
  if (content.hot !== 'pinned' || waiting?.policy === policy) return plan;
  const wait = { contentKey, policy, sizeBytes: carBytesOfContent(content), sinceMs: nowMs };
  return { ...plan, wait, ...(waiting === undefined ? {} : { unwait: waiting }) };
}

/** Pieces that it is wanted in. Where there is none, those that were retired as nobody wanted it are brought back. */
function homeOf(lying: readonly Piece[], policy: string, contentKey: string): Piece[] {
  const isMember = (member: PieceMember): boolean => member.contentKey === contentKey;
  const own = lying.filter((piece) => piece.policy === policy && piece.members.some(isMember));
  const wanted = own.filter(({ state }) => state !== 'retired');
  return wanted.length > 0 ? wanted : own.filter((piece) => !isRepacked(piece) && piece.members.find(isMember)?.gone === true);
}

function changes(pieces: readonly Piece[], change: (piece: Piece) => Piece): ContentPlan['pieces'] {
  return pieces.map((before) => ({ before, after: change(before) })).filter(({ before, after }) => before !== after);
}

/** Before it is built a content just leaves, but for a part, as all parts belong together; later it stays in the bytes. Of a built piece nobody wants the CAR is to go: it is due once more. */
function without(piece: Piece, contentKey: string, headEpoch: number): Piece {
  if (!piece.members.some((member) => member.contentKey === contentKey && member.gone === undefined)) return piece;
  const members =
    piece.built === undefined && piece.part === undefined
      ? piece.members.filter((member) => member.contentKey !== contentKey)
      : piece.members.map((member) => (member.contentKey === contentKey ? { ...member, gone: true as const } : member));
  if (members.some(({ gone }) => gone === undefined)) return { ...piece, members };
  const gone = retired({ ...piece, members });
  return piece.built === undefined ? gone : { ...gone, due: { queue: 'renew', epoch: headEpoch } };
}

export function retired(piece: Piece): Piece {
  const { due: _, repack, ...rest } = piece;
  return {
    ...rest,
    ...(repack !== undefined && isRepacked(piece) ? { repack } : {}),
    state: 'retired',
    next: { code: 'retired', text: 'nobody pins any of it: no further deal is made, those that run go on' },
  };
}

/** Its bytes are made of hot blocks, as soon as these are there. */
function unbuilt({ due: _, built: __, ...piece }: Piece): Piece {
  return { ...piece, state: 'sealed', next: { code: 'building', text: 'the piece is being built' } };
}

/**
 * The bytes of a piece cannot be had any more, and no deal is left to fetch them from. Of a part they are made again, as those of
 * the other parts are in pieces: they will be the same. What is still wanted of another one is looked at, and waits for another
 * piece as soon as it is hot. `list` is undefined when it is worth another try first.
 */
export function planRepack(piece: Piece, deals: readonly Deal[]): { after: Piece; list?: string[] } {
  const buildFailures = piece.buildFailures + 1;
  if (deals.some(isLive) || buildFailures < FAILURES_BEFORE_REPACK) return { after: { ...piece, buildFailures } };
  if (piece.part !== undefined) return { after: unbuilt({ ...piece, buildFailures: 0 }) };
  const wanted = piece.members.filter(({ gone }) => gone === undefined);
  const { due: _, repack: __, ...rest } = piece;
  const next = { code: 'repacked', text: 'its bytes cannot be had any more; its contents go into other pieces' };
  return {
    after: { ...rest, state: 'retired', members: [], buildFailures, next },
    list: wanted.map(({ contentKey }) => contentKey),
  };
}

function withMember(piece: Piece, contentKey: string, headEpoch: number): Piece {
  if (!piece.members.some((member) => member.contentKey === contentKey && member.gone === true)) return piece;
  const members = piece.members.map(({ gone, ...member }) =>
    member.contentKey === contentKey || gone === undefined ? member : { ...member, gone },
  );
  if (piece.state !== 'retired') return { ...piece, members };
  if (piece.built === undefined) return unbuilt({ ...piece, members });
  return {
    ...piece,
    members,
    state: 'built',
    next: { code: 'proposing', text: 'it is pinned again' },
    due: { queue: 'renew', epoch: headEpoch },
  };
}
