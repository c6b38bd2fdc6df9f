import { createHash } from 'node:crypto';

import { encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { parseCid } from '../../domain/cid.ts';
import { CODECS } from './links.ts';

/** What stands above the contents of a piece. */
export interface Spine {
  root: CID;
  /** Its own nodes, separators among them, by CID; none when one content is alone, which then is its own root. */
  nodes: ReadonlyMap<string, Uint8Array>;
  /** To which content a block belongs that a node links to, by the CID of the link. */
  contents: ReadonlyMap<string, string>;
  /** Under which CIDs the root blocks of the contents lie in the CAR, and of which content each is. */
  roots: ReadonlyMap<string, string>;
}

export const SPINE_NODE_BYTES_MAX = 1024 * 1024;
const SHA2_256 = 0x12;
/** A receipt shows up to 126 bytes on either side of a content's root block. */
const SEPARATOR_BYTES = 128;

/**
 * The root of a piece of these contents: a tree of dag-cbor nodes of at most 1 MiB. A node is `{ "contents": [links] }`
 * or, above such, `{ "nodes": [links] }`, so that who finds a piece and nothing else can tell what was put into it.
 * The same contents in the same order make the same tree. One content alone is its own root, unless `evenForOne`.
 *
 * Where there are several, every other link of `contents`, from the first to the last, is to a raw block of 128 bytes that
 * nobody else's can be: it keeps the bytes of neighbours, and the links above them, out of receipts.
 */
export function buildSpine(
  contentKeys: readonly string[],
  { nodeBytesMax = SPINE_NODE_BYTES_MAX, evenForOne = false }: { nodeBytesMax?: number | undefined; evenForOne?: boolean | undefined } = {},
): Spine {
  const members = contentKeys.map((key) => parseCid(key));
  const [first] = members;
  if (first === undefined) throw new RangeError('a piece without contents');
  const nodes = new Map<string, Uint8Array>();
  const contents = new Map(contentKeys.map((key) => [key, key]));
  const spine = { nodes, contents, roots: contents };
  if (members.length === 1 && !evenForOne) return { root: first, ...spine };

  const keep = keeperOf(nodes);
  const nextSeparator = separatorsOf(contentKeys);
  const separated = (group: readonly CID[]): CID[] =>
    members.length === 1
      ? [...group]
      : [...group.flatMap((content) => [keep(CODECS.raw, nextSeparator()), content]), keep(CODECS.raw, nextSeparator())];
  const roomBytes = nodeBytesMax - NODE_OVERHEAD_BYTES;
  let level = grouped(members, roomBytes - SEPARATOR_LINK_BYTES, SEPARATOR_LINK_BYTES).map((group) =>
    keep(CODECS.dagCbor, encode({ contents: separated(group) })),
  );
  while (level.length > 1) level = grouped(level, roomBytes).map((group) => keep(CODECS.dagCbor, encode({ nodes: group })));
  return { root: level[0] ?? first, ...spine };
}

export function keeperOf(nodes: Map<string, Uint8Array>): (codec: number, bytes: Uint8Array) => CID {
  return (codec, bytes) => {
    const cid = CID.createV1(codec, createDigest(SHA2_256, createHash('sha256').update(bytes).digest()));
    nodes.set(cid.toString(), bytes);
    return cid;
  };
}

/**
 * Each is another one, as a CAR holds every block once; and none can be told before all the contents of its piece are known, so
 * that nobody pins it beforehand to have it lie elsewhere.
 */
function separatorsOf(contentKeys: readonly string[]): () => Uint8Array {
  const seed = createHash('sha256').update(contentKeys.join('\n')).digest();
  let next = 0;
  return () => {
    const number = next++;
    const half = (which: string): Buffer => createHash('sha512').update(seed).update(`separator ${number} ${which}`).digest();
    return Buffer.concat([half('left'), half('right')], SEPARATOR_BYTES);
  };
}

/** The map's head, its key and the list's head. */
export const NODE_OVERHEAD_BYTES = 16;
/** The tag, the byte string's head and the zero before the CID. */
export const LINK_OVERHEAD_BYTES = 6;
const SEPARATOR_LINK_BYTES = 36 + LINK_OVERHEAD_BYTES;

/** In order, each group as large as fits, and of two at least: a tree must come to an end. `besideBytes` go with each link. */
export function grouped(links: readonly CID[], bytesMax: number, besideBytes = 0): CID[][] {
  const groups: CID[][] = [];
  let room = 0;
  for (const link of links) {
    const bytes = link.byteLength + LINK_OVERHEAD_BYTES + besideBytes;
    const group = groups.at(-1);
    if (group === undefined || (room < bytes && group.length >= 2)) {
      groups.push([link]);
      room = bytesMax - bytes;
    } else {
      group.push(link);
      room -= bytes;
    }
  }
  return groups;
}
