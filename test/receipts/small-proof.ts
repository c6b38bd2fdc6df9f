import { createHash } from 'node:crypto';

import { CID } from 'multiformats/cid';

/** What of a receipt says that a block lies in a piece. */
export interface Proven {
  cid: string;
  pieceCid: string;
  pieceSize: number;
  section: { offset: number; length: number };
  window: Uint8Array;
  proof: readonly Uint8Array[];
}

/**
 * A verifier of proofs that shares nothing with the daemon's, written from the README: numbers of 1,016 bits instead of shifted
 * bytes, and a table of nodes instead of levels. Gives the block; throws with what is wrong. Blocks hashed by SHA-256 only.
 */
export function provenBlock({ cid, pieceCid, pieceSize, section, window, proof }: Proven): Uint8Array {
  const quads = pieceSize / 128;
  const height = Math.log2(quads);
  must(Number.isInteger(height), 'no size of a piece');
  const first = Math.floor(section.offset / 127);
  const end = Math.ceil((section.offset + section.length) / 127);
  must(window.length === 127 * (end - first), 'a window of another length');
  must(end <= quads, 'behind the end of the piece');

  const nodes = new Map<string, Buffer>();
  for (let quad = first; quad < end; quad++)
    nodes.set(`0 ${quad}`, quadHash(window.subarray(127 * (quad - first), 127 * (quad - first + 1))));
  const given = [...proof];
  let [low, high] = [first, end - 1];
  for (let level = 0; level < height; level++) {
    for (const beside of new Set([low - (low % 2), high - (high % 2) + 1])) {
      if (beside >= low && beside <= high) continue;
      const node = given.shift();
      must(node !== undefined && node.length === 32, 'a node is missing');
      nodes.set(`${level} ${beside}`, Buffer.from(node ?? []));
    }
    low = Math.floor(low / 2);
    high = Math.floor(high / 2);
    for (let parent = low; parent <= high; parent++) {
      const [left, right] = [nodes.get(`${level} ${2 * parent}`), nodes.get(`${level} ${2 * parent + 1}`)];
      if (left === undefined || right === undefined) throw new Error('a hole in the tree');
      nodes.set(`${level + 1} ${parent}`, pair(left, right));
    }
  }
  must(given.length === 0, 'more nodes than are needed');
  must(nodes.get(`${height} 0`)?.equals(CID.parse(pieceCid).multihash.digest) === true, 'it leads to another piece');

  const bytes = Buffer.from(window.subarray(section.offset - 127 * first, section.offset - 127 * first + section.length));
  let length = 0n;
  let at = 0;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error('no length');
    length += BigInt(byte & 127) << shift;
    if (byte < 128) break;
  }
  must(BigInt(bytes.length - at) === length, 'a section of another length');
  const asRaw = CID.createV1(0x55, CID.parse(cid).multihash).bytes;
  const name = [CID.parse(cid).bytes, asRaw].find((one) => bytes.subarray(at, at + one.length).equals(one));
  if (name === undefined) throw new Error('a block of another name');
  const block = bytes.subarray(at + name.length);
  const { code, digest } = CID.parse(cid).multihash;
  const hashed = code === 0 ? block : createHash('sha256').update(block).digest();
  must(hashed.equals(digest), 'a block that does not hash to its name');
  return block;
}

function quadHash(bytes: Uint8Array): Buffer {
  const number = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const [a, b, c, d] = [0n, 1n, 2n, 3n].map((k) => leaf((number >> (254n * k)) & (2n ** 254n - 1n)));
  if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four leaves');
  return pair(pair(a, b), pair(c, d));
}

function leaf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
}

function pair(left: Buffer, right: Buffer): Buffer {
  const hashed = createHash('sha256').update(left).update(right).digest();
  hashed.writeUInt8(hashed.readUInt8(31) & 0b0011_1111, 31);
  return hashed;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
