import { createHash } from 'node:crypto';

import { blake2b, blake2s } from '@noble/hashes/blake2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { keccak_224, keccak_256, keccak_384, keccak_512 } from '@noble/hashes/sha3.js';
import type { CID } from 'multiformats/cid';

type Hash = (bytes: Uint8Array) => Uint8Array;

const node =
  (name: string): Hash =>
  (bytes) =>
    createHash(name).update(bytes).digest();

/** By multihash code: those that kubo takes blocks of. */
const HASHES = new Map<number, Hash>([
  [0x00, (bytes) => bytes],
  [0x11, node('sha1')],
  [0x12, node('sha256')],
  [0x13, node('sha512')],
  [0x14, node('sha3-512')],
  [0x15, node('sha3-384')],
  [0x16, node('sha3-256')],
  [0x17, node('sha3-224')],
  [0x1a, keccak_224],
  [0x1b, keccak_256],
  [0x1c, keccak_384],
  [0x1d, keccak_512],
  [0x1e, blake3],
  [0x56, (bytes) => node('sha256')(node('sha256')(bytes))],
]);

/** blake2b and blake2s have a code for each length in bytes. */
const BLAKE2B = { first: 0xb201, last: 0xb240 };
const BLAKE2S = { first: 0xb241, last: 0xb260 };

/** Shorter digests can be made to match: kubo refuses them as well. */
const DIGEST_BYTES_MIN = 20;
const IDENTITY = 0x00;

/** Whether the bytes are the block that the CID names. Undefined when its hash function is none that is known here, or cut too short to tell. */
export function isBlockOf(cid: CID, bytes: Uint8Array): boolean | undefined {
  const { code, digest } = cid.multihash;
  const hash = hashOf(cid);
  if (hash === undefined) return undefined;
  const full = hash(bytes);
  // Only the identity's digest must be whole; of a hash, the CID may hold the beginning.
  return (code === IDENTITY ? full.length === digest.length : full.length >= digest.length) && startsWith(full, digest);
}

/** Whether it can be told at all which block the CID names. */
export function hasKnownHash(cid: CID): boolean {
  return hashOf(cid) !== undefined;
}

function hashOf({ multihash: { code, digest } }: CID): Hash | undefined {
  return code !== IDENTITY && digest.length < DIGEST_BYTES_MIN ? undefined : (HASHES.get(code) ?? blake2(code));
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, beginning.length), beginning) === 0;
}

function blake2(code: number): Hash | undefined {
  if (code >= BLAKE2B.first && code <= BLAKE2B.last) return (bytes) => blake2b(bytes, { dkLen: code - BLAKE2B.first + 1 });
  if (code >= BLAKE2S.first && code <= BLAKE2S.last) return (bytes) => blake2s(bytes, { dkLen: code - BLAKE2S.first + 1 });
  return undefined;
}
