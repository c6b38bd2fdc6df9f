import { CID } from 'multiformats/cid';

import { type BlockSource, PieceError } from '../../domain/cold-ports.ts';
import { HotError } from '../../domain/ports.ts';
import { encodeHeader, encodeSectionHead, SECTION_BYTES_MAX } from './car-format.ts';
import { type CidSet, createCidSet } from './cid-set.ts';
import { LinksError, linksOf } from './links.ts';
import { BLOCKS_AHEAD, createReadAhead, type ReadAhead } from './read-ahead.ts';
import { buildSpine, type Spine } from './spine.ts';

/**
 * The CAR of a piece. The bytes are those that Lotus makes when it walks the same DAG, for it commits to what it walks
 * and not to the file it was given. Lotus v1.26.3 walks in three places, which agree:
 *
 * - `ClientDealPieceCID` and `ClientDealSize`: `WriteCar` of go-car v0.6.1 over boxo's merkledag: each block, then its
 *   links as they are written in it, depth first; a set of whole CIDs, so that one block linked as CIDv0 and as CIDv1,
 *   or as dag-pb and as raw, is two sections;
 * - `ClientStartDeal` without a piece CID: `SelectiveCar` of the same go-car with "explore all recursively", which
 *   loads in that same order and writes each whole CID once;
 * - the provider, go-fil-markets v1.28.3: keeps the blocks in the order in which they come over graphsync, in a CARv2
 *   opened with `UseWholeCIDs(true)` and `StoreIdentityCIDs(true)`, and commits to its payload.
 *
 * So an identity CID is a section like every other: its block is its own digest, and links in there are followed. That
 * is also what a real node said: of the CID `bafkqablimvwgy3y` ("hello") a payload of 46 bytes, which is a header of 31
 * and a section of 15.
 */
export interface Car {
  root: CID;
  /** The bytes, from the first, as they come. May be asked for once. Rejects with a PieceError. */
  bytes: AsyncGenerator<Uint8Array, void, undefined>;
}

export interface CarOptions {
  /** In the order in which they shall lie in the CAR; at least one. */
  contentKeys: readonly string[];
  blocks: BlockSource;
  signal: AbortSignal;
  /** Links kept of all blocks on the way down together; others are read again. The default takes about 100 MB. */
  linksHeldMax?: number;
  /** A block and its CID. */
  sectionBytesMax?: number | undefined;
  /** A root above the content even when it is alone. */
  rootAboveOne?: boolean;
}

export function openCar(options: CarOptions): Car {
  const spine = buildSpine(options.contentKeys, { evenForOne: options.rootAboveOne });
  return { root: spine.root, bytes: walk(spine, options) };
}

/** A block whose links are being followed. */
interface Frame {
  cid: Uint8Array;
  /** Undefined once they were let go to save memory: they are read again when it is their turn. */
  links: readonly Uint8Array[] | undefined;
  next: number;
  /** The content to which it belongs; undefined above contents. */
  contentKey: string | undefined;
}

/** A DAG may be as deep as it is large. */
const LINKS_HELD_MAX = 500_000;

async function* walk(spine: Spine, options: CarOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { blocks, linksHeldMax = LINKS_HELD_MAX, sectionBytesMax = SECTION_BYTES_MAX } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const reader = createReader(spine, createReadAhead(blocks, signal), signal);
  const seen = createCidSet();
  const stack = createStack(linksHeldMax);
  try {
    yield encodeHeader(spine.root);
    stack.push({ cid: new Uint8Array(), links: [spine.root.bytes], next: 0, contentKey: undefined });
    for (let frame = stack.top(); frame !== undefined; frame = stack.top()) {
      const { cid: parent, contentKey: above } = frame;
      if (frame.links === undefined) stack.refill(linksIn(parent, await reader.read(parent, above), above));
      const cid = frame.links?.[frame.next];
      frame.next += 1;
      if (cid === undefined) stack.pop();
      else if (seen.add(cid)) {
        const contentKey = above ?? contentOf(spine, cid);
        reader.expect([cid, ...upcoming(stack.frames, seen)]);
        const block = await reader.read(cid, contentKey);
        yield sectionHead(cid, block, contentKey, sectionBytesMax);
        yield block;
        const links = linksIn(cid, block, contentKey);
        if (links.length > 0) stack.push({ cid, links, next: 0, contentKey });
      }
    }
  } finally {
    ended.abort();
  }
}

function contentOf(spine: Spine, cid: Uint8Array): string | undefined {
  const key = CID.decode(cid).toString();
  return spine.contentKeys.has(key) ? key : undefined;
}

interface Stack {
  /** The innermost is the last. */
  readonly frames: readonly Frame[];
  top(): Frame | undefined;
  push(frame: Frame): void;
  /** Gives the top frame links that were let go. */
  refill(links: readonly Uint8Array[]): void;
  pop(): void;
}

function createStack(linksHeldMax: number): Stack {
  const frames: Frame[] = [];
  let linksHeld = 0;
  /** Frames before it, but the first, have been let go. */
  let heldFrom = 1;
  return {
    frames,
    top: () => frames.at(-1),
    push(frame) {
      frames.push(frame);
      linksHeld += frame.links?.length ?? 0;
      // The outermost are needed last. The first is the CAR's own and has one link.
      for (; linksHeld > linksHeldMax && heldFrom < frames.length - 1; heldFrom++) {
        const outer = frames[heldFrom];
        linksHeld -= outer?.links?.length ?? 0;
        if (outer !== undefined) outer.links = undefined;
      }
    },
    refill(links) {
      const top = frames.at(-1);
      if (top !== undefined) top.links = links;
      linksHeld += links.length;
    },
    pop() {
      linksHeld -= frames.pop()?.links?.length ?? 0;
      heldFrom = Math.max(1, Math.min(heldFrom, frames.length - 1));
    },
  };
}

/** Links looked at to find what comes next: with many in a row that were seen, reading ahead pauses. */
const LOOKED_AT_MAX = 64;

/** CIDs whose turn comes next, if no block before them brings others. */
function upcoming(frames: readonly Frame[], seen: CidSet): Uint8Array[] {
  const found: Uint8Array[] = [];
  let looks = LOOKED_AT_MAX;
  for (let i = frames.length - 1; i >= 0; i--) {
    const { links = [], next } = frames[i] ?? { next: 0 };
    for (let at = next; at < links.length; at++) {
      const cid = links[at];
      if (found.length === BLOCKS_AHEAD || looks === 0) return found;
      looks -= 1;
      if (cid !== undefined && !seen.has(cid)) found.push(cid);
    }
    // Outer frames that were let go, or ever so many: what is near is enough.
    if (frames.length - i > LOOKED_AT_MAX) break;
  }
  return found;
}

interface Reader {
  expect(cids: readonly Uint8Array[]): void;
  /** @throws PieceError that names the content. */
  read(cid: Uint8Array, contentKey: string | undefined): Promise<Uint8Array>;
}

/** Blocks wherever they lie: in the spine, in their own CID, in the tier. */
function createReader(spine: Spine, ahead: ReadAhead, signal: AbortSignal): Reader {
  function here(cid: Uint8Array): Uint8Array | undefined {
    const decoded = CID.decode(cid);
    return decoded.multihash.code === IDENTITY ? decoded.multihash.digest : spine.nodes.get(decoded.toString());
  }
  return {
    expect: (cids) => ahead.expect(cids.filter((cid) => here(cid) === undefined)),
    async read(cid, contentKey) {
      const block = here(cid);
      if (block !== undefined) return block;
      try {
        return await unlessAborted(ahead.take(cid), signal);
      } catch (error) {
        throw readError(error, contentKey, signal);
      }
    },
  };
}

const IDENTITY = 0x00;

/** Whoever gives blocks may be slow to hear of the end. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The tier's own error is the cause. A tier that is down says nothing about any content, so none is named: who hears of
 * a content may take it out of the piece.
 */
function readError(error: unknown, contentKey: string | undefined, signal: AbortSignal): PieceError {
  const failure = error instanceof HotError ? error.failure : undefined;
  if (signal.aborted || failure === 'aborted') return new PieceError('aborted', 'building the piece was stopped', { cause: error });
  const message = `a block of ${contentKey} could not be read: ${error instanceof Error ? error.message : String(error)}`;
  if (failure === 'too_many_bytes') return new PieceError('too_large', message, { ...named(contentKey), cause: error });
  return new PieceError('missing_block', message, { ...named(failure === 'down' ? undefined : contentKey), cause: error });
}

function sectionHead(cid: Uint8Array, block: Uint8Array, contentKey: string | undefined, sectionBytesMax: number): Uint8Array {
  if (cid.length + block.length > sectionBytesMax) {
    const message = `the block ${CID.decode(cid)} of ${contentKey} has ${block.length} bytes: of more than ${sectionBytesMax} with its CID, providers could not take it in or give it back by its CID`;
    throw new PieceError('too_large', message, named(contentKey));
  }
  return encodeSectionHead(cid, block.length);
}

function linksIn(cid: Uint8Array, block: Uint8Array, contentKey: string | undefined): Uint8Array[] {
  const decoded = CID.decode(cid);
  try {
    return linksOf(decoded.code, block);
  } catch (error) {
    if (!(error instanceof LinksError)) throw error;
    const message = `the block ${decoded} of ${contentKey} cannot be walked: ${error.message}`;
    throw new PieceError('missing_block', message, { ...named(contentKey), cause: error });
  }
}

function named(contentKey: string | undefined): { contentKey?: string } {
  return contentKey === undefined ? {} : { contentKey };
}
