import { CID } from 'multiformats/cid';

import { unlessAborted } from '../../domain/abort.ts';
import { type BlockSource, PieceError } from '../../domain/cold-ports.ts';
import { HotError } from '../../domain/ports.ts';
import { type CidSet, createCidSet } from './cid-set.ts';
import { CODECS, LinksError, linksOf } from './links.ts';
import { BLOCKS_AHEAD, createReadAhead, type ReadAhead } from './read-ahead.ts';

export interface WalkOptions {
  root: Uint8Array;
  blocks: BlockSource;
  /** Nodes above contents, which no tier has, by CID. */
  own?: ReadonlyMap<string, Uint8Array>;
  /** The content to which a block belongs that is linked from above contents. */
  contentOf(cid: Uint8Array): string | undefined;
  signal: AbortSignal;
  /** Links kept of all blocks on the way down together; others are read again. The default takes about 100 MB. */
  linksHeldMax?: number | undefined;
  /** Only links are of interest: raw blocks, which have none, are not read and come as no bytes. */
  linksOnly?: boolean;
  /** All below it has been walked. */
  onLeave?: (cid: Uint8Array) => void;
  /** A link to what was walked before, or is being walked. */
  onAgain?: (cid: Uint8Array) => void;
}

export interface Visit {
  cid: Uint8Array;
  block: Uint8Array;
  /** A node above contents. */
  isOwn: boolean;
  /** To which it belongs; undefined above contents. */
  contentKey: string | undefined;
  /** The content to which the block belongs that links to it first. */
  above: string | undefined;
}

/** Each block of a DAG once, told apart by their whole CIDs: a block, then what its links lead to, as they are written in it. Rejects with a PieceError. */
export async function* walkDepthFirst(options: WalkOptions): AsyncGenerator<Visit, void, undefined> {
  const { root, blocks, contentOf, linksHeldMax = LINKS_HELD_MAX, onLeave, onAgain } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const reader = createReader(options, createReadAhead(blocks, signal), signal);
  const seen = createCidSet();
  const stack = createStack(linksHeldMax);
  try {
    stack.push({ cid: new Uint8Array(), links: [root], next: 0, contentKey: undefined });
    for (let frame = stack.top(); frame !== undefined; frame = stack.top()) {
      const { cid: parent, contentKey: above } = frame;
      if (frame.links === undefined) stack.refill(linksIn(parent, await reader.read(parent, above), above));
      const cid = frame.links?.[frame.next];
      frame.next += 1;
      if (cid === undefined) {
        stack.pop();
        if (parent.length > 0) onLeave?.(parent);
      } else if (seen.add(cid)) {
        const contentKey = above ?? contentOf(cid);
        reader.expect([cid, ...upcoming(stack.frames, seen)]);
        const block = await reader.read(cid, contentKey);
        yield { cid, block, isOwn: reader.isOwn(cid), contentKey, above };
        const links = linksIn(cid, block, contentKey);
        if (links.length > 0) stack.push({ cid, links, next: 0, contentKey });
        else onLeave?.(cid);
      } else onAgain?.(cid);
    }
  } finally {
    ended.abort();
  }
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
  /** A node above the contents. */
  isOwn(cid: Uint8Array): boolean;
  /** @throws PieceError that names the content. */
  read(cid: Uint8Array, contentKey: string | undefined): Promise<Uint8Array>;
}

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map();
const NO_BYTES = new Uint8Array();

function isRaw(cid: Uint8Array): boolean {
  return CID.decode(cid).code === CODECS.raw;
}

/** Blocks wherever they lie: above the contents, in their own CID, in the tier. */
function createReader({ own = NOTHING, linksOnly = false }: WalkOptions, ahead: ReadAhead, signal: AbortSignal): Reader {
  function here(cid: Uint8Array): Uint8Array | undefined {
    return blockWithin(cid) ?? own.get(CID.decode(cid).toString()) ?? (linksOnly && isRaw(cid) ? NO_BYTES : undefined);
  }
  return {
    expect: (cids) => ahead.expect(cids.filter((cid) => here(cid) === undefined)),
    isOwn: (cid) => own.size > 0 && own.has(CID.decode(cid).toString()),
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

/** The block of an identity CID, which is its own digest; undefined for all others. */
export function blockWithin(cid: Uint8Array): Uint8Array | undefined {
  const { multihash } = CID.decode(cid);
  return multihash.code === IDENTITY ? multihash.digest : undefined;
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

/** Of a PieceError. */
export function named(contentKey: string | undefined): { contentKey?: string } {
  return contentKey === undefined ? {} : { contentKey };
}
