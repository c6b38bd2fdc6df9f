import { type FileHandle, open } from 'node:fs/promises';

import { heightOfPiece, quadsAround, siblingsOf, type TreeNode, zeroNode } from './multiproof.ts';
import { isAboveZeros, type PieceProof, type Place, placeKey } from './root-proofs.ts';
import { NODE_BYTES, QUAD_BYTES } from './subtree.ts';

/**
 * A file of proofs, read in places and never as a whole. Numbers are little-endian.
 *
 * | bytes | what |
 * |---|---|
 * | 8 | `fbpdprf1` |
 * | 4, 6 | how many places, how many nodes |
 * | {@link PLACE_BYTES} each | places, by key |
 * | {@link RECORD_BYTES} each | nodes of the tree, by height, then by index |
 *
 * It has no checksum: a proof that leads to another piece CID is found by following it.
 */
const MAGIC = Buffer.from('fbpdprf1');
const HEAD_BYTES = MAGIC.length + 4 + 6;
const KEY_BYTES = 16;
/** Key, key of the content it lies within or zeros, offset, length, and the edges with a byte for the length of each. */
const PLACE_BYTES = KEY_BYTES + KEY_BYTES + 6 + 6 + 2 * QUAD_BYTES;
/** Height, index, node. */
const RECORD_BYTES = 1 + 6 + NODE_BYTES;
const RECORDS_AT_ONCE = 8_192;
const NOBODY = Buffer.alloc(KEY_BYTES);

export function* encodeProofs({ places, nodes }: PieceProof): Generator<Uint8Array> {
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(places.length, MAGIC.length);
  head.writeUIntLE(nodes.length, MAGIC.length + 4, 6);
  yield head;
  yield Buffer.concat(places.map(encodePlace).sort(Buffer.compare));
  for (let at = 0; at < nodes.length; at += RECORDS_AT_ONCE) {
    yield Buffer.concat(
      nodes.slice(at, at + RECORDS_AT_ONCE).map(({ height, index, node }) => {
        const record = Buffer.alloc(RECORD_BYTES);
        record.writeUInt8(height);
        record.writeUIntLE(index, 1, 6);
        record.set(node, 7);
        return record;
      }),
    );
  }
}

function encodePlace({ contentKey, within, offset, length, before, after }: Place): Buffer {
  const place = Buffer.alloc(PLACE_BYTES);
  placeKey(contentKey).copy(place);
  (within === undefined ? NOBODY : placeKey(within)).copy(place, KEY_BYTES);
  place.writeUIntLE(offset, 32, 6);
  place.writeUIntLE(length, 38, 6);
  for (const [i, edge] of [before, after].entries()) {
    place.writeUInt8(edge.length, 44 + QUAD_BYTES * i);
    place.set(edge, 45 + QUAD_BYTES * i);
  }
  return place;
}

/** A place, with the nodes that lead from there to the root of the piece. */
export interface ReadPlace extends Omit<Place, 'contentKey' | 'within'> {
  siblings: Uint8Array[];
  /** {@link placeKey} of the content it lies within. */
  withinKey?: Buffer;
}

/** Undefined when the file is not there, has nothing of this content, or is none. */
export async function readProof(
  path: string,
  { carSizeBytes, pieceSizeBytes }: { carSizeBytes: number; pieceSizeBytes: number },
  contentKey: string,
): Promise<ReadPlace | undefined> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const head = await readAt(file, 0, HEAD_BYTES);
    if (head === undefined || !head.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    const counts = { places: head.readUInt32LE(MAGIC.length), nodes: head.readUIntLE(MAGIC.length + 4, 6) };
    const key = placeKey(contentKey);
    const places = { at: HEAD_BYTES, bytes: PLACE_BYTES, count: counts.places };
    const place = await find(file, places, (one) => one.subarray(0, KEY_BYTES).compare(key));
    const decoded = place === undefined ? undefined : decodePlace(place);
    if (decoded === undefined) return undefined;
    const table = { at: HEAD_BYTES + PLACE_BYTES * counts.places, bytes: RECORD_BYTES, count: counts.nodes };
    const siblings: Uint8Array[] = [];
    for (const node of siblingsOf(quadsAround(decoded.offset, decoded.length), heightOfPiece(pieceSizeBytes))) {
      const found = isAboveZeros(node, carSizeBytes) ? zeroNode(node.height) : await readNode(file, table, node);
      if (found === undefined) return undefined;
      siblings.push(found);
    }
    return { ...decoded, siblings };
  } finally {
    await file.close();
  }
}

interface Table {
  at: number;
  /** Of a record. */
  bytes: number;
  count: number;
}

/** The record that is in its place by that order, in a table that is sorted by it. */
async function find(file: FileHandle, table: Table, order: (record: Buffer) => number): Promise<Buffer | undefined> {
  let low = 0;
  let high = table.count;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const record = await readAt(file, table.at + table.bytes * middle, table.bytes);
    if (record === undefined) return undefined;
    const side = order(record);
    if (side === 0) return record;
    if (side < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

async function readNode(file: FileHandle, table: Table, { height, index }: TreeNode): Promise<Uint8Array | undefined> {
  const record = await find(file, table, (one) => one.readUInt8() - height || one.readUIntLE(1, 6) - index);
  return record?.subarray(RECORD_BYTES - NODE_BYTES);
}

function decodePlace(place: Buffer): Omit<ReadPlace, 'siblings'> | undefined {
  const withinKey = place.subarray(KEY_BYTES, 2 * KEY_BYTES);
  const [before, after] = [0, 1].map((i) => {
    const at = 44 + QUAD_BYTES * i;
    return Uint8Array.from(place.subarray(at + 1, at + 1 + Math.min(QUAD_BYTES - 1, place.readUInt8(at))));
  });
  if (before === undefined || after === undefined) return undefined;
  return {
    offset: place.readUIntLE(32, 6),
    length: place.readUIntLE(38, 6),
    before,
    after,
    ...(withinKey.equals(NOBODY) ? {} : { withinKey }),
  };
}

async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, at);
  return bytesRead === bytes ? buffer : undefined;
}
