import { encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { parseCid } from '../../domain/cid.ts';
import { type BlockSource, PieceError } from '../../domain/cold-ports.ts';
import type { PiecePart } from '../../domain/piece.ts';
import { createCidSet } from './cid-set.ts';
import { walkDepthFirst } from './depth-first.ts';
import { CODECS, rawCidOf } from './links.ts';
import { grouped, keeperOf, NODE_OVERHEAD_BYTES, SPINE_NODE_BYTES_MAX, type Spine } from './spine.ts';

/** What a part's root links to. Together it is all of the part, and nothing that is not in it can be reached. */
export interface PartLinks {
  /** Blocks of which something below lies in other parts: as raw blocks, so that who walks the part stops there. Parents first. */
  spine: CID[];
  /** Blocks that lie in the part with all that is below them. */
  whole: CID[];
}

interface Open {
  cid: Uint8Array;
  /** In the depth-first order of the content. */
  place: number;
  /** So far: all that it links to is in this part, with all below. */
  isWhole: boolean;
  /** Below it, those that are whole and have none above them that is. */
  whole: Placed[];
}

interface Placed {
  cid: Uint8Array;
  place: number;
}

/** Reads the blocks that have links, up to the end of the part. Rejects with a PieceError. */
export async function linksOfPart(
  contentKey: string,
  { from, to }: Pick<PiecePart, 'from' | 'to'>,
  { blocks, signal }: { blocks: BlockSource; signal: AbortSignal },
): Promise<PartLinks> {
  const here = createCidSet();
  const open: Open[] = [];
  const spine: Placed[] = [];
  const whole: Placed[] = [];
  let count = 0;

  function leave(): void {
    const { cid, place, isWhole, whole: below } = open.pop() ?? end();
    const parent = open.at(-1);
    if (count <= from) return;
    if (place >= from && isWhole) {
      here.add(cid);
      if (parent === undefined) whole.push({ cid, place });
      else parent.whole.push({ cid, place });
      return;
    }
    if (parent !== undefined) parent.isWhole = false;
    spine.push({ cid, place });
    for (const one of below) whole.push(one);
  }

  const walk = walkDepthFirst({
    root: parseCid(contentKey).bytes,
    blocks,
    contentOf: () => contentKey,
    signal,
    linksOnly: true,
    onLeave: leave,
    onAgain(cid) {
      const parent = open.at(-1);
      if (parent !== undefined && !here.has(cid)) parent.isWhole = false;
    },
  });
  for await (const { cid } of walk) {
    // What is open now goes on in the next part.
    if (count === to) break;
    open.push({ cid, place: count, isWhole: count >= from, whole: [] });
    count += 1;
  }
  if (count < to)
    throw new PieceError('mismatch', `${contentKey} has ${count} blocks, and a part of it was to end at the block ${to}`, { contentKey });
  while (open.length > 0) {
    for (const one of open) one.isWhole = false;
    leave();
  }
  return { spine: inOrder(spine).map(rawCidOf), whole: inOrder(whole).map((cid) => CID.decode(cid)) };
}

function inOrder(placed: Placed[]): Uint8Array[] {
  return placed.sort((a, b) => a.place - b.place).map(({ cid }) => cid);
}

function end(): never {
  throw new TypeError('more blocks were left than entered');
}

/**
 * What stands above the blocks of a part: dag-cbor nodes of at most 1 MiB, `{ "spine": [links] }` and `{ "contents": [links] }`, what
 * is above several of them as `{ "nodes": [links] }`, and at the top `{ "content", "nodes", "of", "part" }`: the CID of the content as
 * text, as a link would lead out of the part, how many parts there are, and which of them it is, from 1.
 */
export function buildPartSpine(
  contentKey: string,
  { index, of }: Pick<PiecePart, 'index' | 'of'>,
  { spine, whole }: PartLinks,
  nodeBytesMax = SPINE_NODE_BYTES_MAX,
): Spine {
  const nodes = new Map<string, Uint8Array>();
  const keep = keeperOf(nodes);
  const roomBytes = nodeBytesMax - NODE_OVERHEAD_BYTES;
  const nodesOf = (name: string, links: readonly CID[]): CID[] =>
    grouped(links, roomBytes).map((group) => keep(CODECS.dagCbor, encode({ [name]: group })));
  let level = [...nodesOf('spine', spine), ...nodesOf('contents', whole)];
  const topBytes = contentKey.length + TOP_OVERHEAD_BYTES;
  while (grouped(level, roomBytes - topBytes).length > 1) level = nodesOf('nodes', level);
  const root = keep(CODECS.dagCbor, encode({ content: contentKey, nodes: level, of, part: index + 1 }));
  const contents = new Map([...spine, ...whole].map((cid) => [cid.toString(), contentKey]));
  return { root, nodes, contents, roots: new Map([[rawCidOf(parseCid(contentKey).bytes).toString(), contentKey]]) };
}

/** The names of its fields and two numbers. */
const TOP_OVERHEAD_BYTES = 64;
