import { createHash } from 'node:crypto';

import { encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { parseCid } from '../../domain/cid.ts';
import { CODECS } from './links.ts';

/** What stands above the contents of a piece. */
export interface Spine {
  root: CID;
  /** Its own nodes by CID; none when one content is alone, which then is its own root. */
  nodes: ReadonlyMap<string, Uint8Array>;
  /** The content that each link of a node is to, where it is to a content. */
  contentKeys: ReadonlySet<string>;
}

const SPINE_NODE_BYTES_MAX = 1024 * 1024;
const SHA2_256 = 0x12;

/**
 * The root of a piece of these contents: a tree of dag-cbor nodes of at most 1 MiB. A node is `{ "contents": [links] }`
 * or, above such, `{ "nodes": [links] }`, so that who finds a piece and nothing else can tell what was put into it.
 * The same contents in the same order make the same tree. One content alone is its own root, unless `evenForOne`.
 */
export function buildSpine(
  contentKeys: readonly string[],
  { nodeBytesMax = SPINE_NODE_BYTES_MAX, evenForOne = false }: { nodeBytesMax?: number | undefined; evenForOne?: boolean | undefined } = {},
): Spine {
  const members = contentKeys.map((key) => parseCid(key));
  const [first] = members;
  if (first === undefined) throw new RangeError('a piece without contents');
  const nodes = new Map<string, Uint8Array>();
  const spine = { nodes, contentKeys: new Set(contentKeys) };
  if (members.length === 1 && !evenForOne) return { root: first, ...spine };

  let level = encodeLevel('contents', members, nodeBytesMax, nodes);
  while (level.length > 1) level = encodeLevel('nodes', level, nodeBytesMax, nodes);
  return { root: level[0] ?? first, ...spine };
}

function encodeLevel(name: 'contents' | 'nodes', links: readonly CID[], nodeBytesMax: number, nodes: Map<string, Uint8Array>): CID[] {
  return grouped(links, nodeBytesMax - NODE_OVERHEAD_BYTES).map((group) => {
    const bytes = encode({ [name]: group });
    const cid = CID.createV1(CODECS.dagCbor, createDigest(SHA2_256, createHash('sha256').update(bytes).digest()));
    nodes.set(cid.toString(), bytes);
    return cid;
  });
}

/** The map's head, its key and the list's head. */
const NODE_OVERHEAD_BYTES = 16;
/** The tag, the byte string's head and the zero before the CID. */
const LINK_OVERHEAD_BYTES = 6;

/** In order, each group as large as fits, and of two at least: a tree must come to an end. */
function grouped(links: readonly CID[], bytesMax: number): CID[][] {
  const groups: CID[][] = [];
  let room = 0;
  for (const link of links) {
    const bytes = link.byteLength + LINK_OVERHEAD_BYTES;
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
