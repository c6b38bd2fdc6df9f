import { CID } from 'multiformats/cid';

import { type BlockSource, PieceError } from '../../domain/cold-ports.ts';
import { encodeHeader, encodeSectionHead, SECTION_BYTES_MAX } from './car-format.ts';
import { named, walkDepthFirst } from './depth-first.ts';
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
  blocks: BlockSource;
  signal: AbortSignal;
  /** Links kept of all blocks on the way down together; others are read again. The default takes about 100 MB. */
  linksHeldMax?: number;
  /** A block and its CID. */
  sectionBytesMax?: number | undefined;
  /** Hears of each section before its bytes are given. `own` is the block where it is a node above the contents, which no tier has. */
  onSection?: (section: { cid: Uint8Array; blockBytes: number; own?: Uint8Array }) => void;
  /** Told of each content's root block once, before its section comes. */
  onRoot?: ((place: RootPlace) => void) | undefined;
}

/** Where in a CAR the section of a content's root block lies: its length, its CID and the block. */
export interface RootPlace {
  contentKey: string;
  offset: number;
  length: number;
  /** The content among whose blocks it lies, when that is another one which links to it and came before. */
  within?: string;
}

export interface ContentsCarOptions extends CarOptions {
  /** In the order in which they shall lie in the CAR; at least one. */
  contentKeys: readonly string[];
  /** A root above the content even when it is alone. */
  rootAboveOne?: boolean;
}

export function openCar({ contentKeys, rootAboveOne, ...options }: ContentsCarOptions): Car {
  return openCarUnder(buildSpine(contentKeys, { evenForOne: rootAboveOne }), options);
}

export function openCarUnder(spine: Spine, options: CarOptions): Car {
  return { root: spine.root, bytes: sections(spine, options) };
}

async function* sections(spine: Spine, options: CarOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { blocks, signal, linksHeldMax, sectionBytesMax = SECTION_BYTES_MAX, onSection } = options;
  const noteRoot = options.onRoot === undefined ? () => undefined : createRootNotes(spine, options.onRoot);
  const header = encodeHeader(spine.root);
  let at = header.length;
  yield header;
  const contentOf = (cid: Uint8Array): string | undefined => spine.contents.get(CID.decode(cid).toString());
  for await (const { cid, block, isOwn, contentKey, above } of walkDepthFirst({
    root: spine.root.bytes,
    blocks,
    own: spine.nodes,
    contentOf,
    signal,
    linksHeldMax,
  })) {
    const head = sectionHead(cid, block, contentKey, sectionBytesMax);
    onSection?.({ cid, blockBytes: block.length, ...(isOwn ? { own: block } : {}) });
    noteRoot(cid, at, head.length + block.length, above);
    at += head.length + block.length;
    yield head;
    yield block;
  }
}

/** A content's root may be a block of another content, too, and then lies where that one first has it. */
function createRootNotes(
  { roots }: Spine,
  onRoot: NonNullable<CarOptions['onRoot']>,
): (cid: Uint8Array, offset: number, length: number, above: string | undefined) => void {
  const keys = new Map([...roots].map(([cid, key]) => [latin1(CID.parse(cid).bytes), key]));
  return (cid, offset, length, above) => {
    const contentKey = keys.get(latin1(cid));
    if (contentKey !== undefined) onRoot({ contentKey, offset, length, ...(above === undefined ? {} : { within: above }) });
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function sectionHead(cid: Uint8Array, block: Uint8Array, contentKey: string | undefined, sectionBytesMax: number): Uint8Array {
  if (cid.length + block.length > sectionBytesMax) {
    const message = `the block ${CID.decode(cid)} of ${contentKey} has ${block.length} bytes: of more than ${sectionBytesMax} with its CID, providers could not take it in or give it back by its CID`;
    throw new PieceError('too_large', message, named(contentKey));
  }
  return encodeSectionHead(cid, block.length);
}
