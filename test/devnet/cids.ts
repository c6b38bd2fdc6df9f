import { createHash } from 'node:crypto';

import * as dagCbor from '@ipld/dag-cbor';
import { blake2b } from '@noble/hashes/blake2.js';
import { CID } from 'multiformats/cid';
import * as Digest from 'multiformats/hashes/digest';

export const DAG_CBOR = 0x71;
export const DAG_PB = 0x70;
export const RAW = 0x55;
const BLAKE2B_256 = 0xb220;
const SHA2_256 = 0x12;
const PIECE_CODEC = 0xf101;
const PIECE_HASH = 0x1012;

/** A CID as Go's JSON has it. */
export interface Link {
  '/': string;
}

export function link(cid: string): Link {
  return { '/': cid };
}

export function encodeCbor(value: unknown): Uint8Array {
  return dagCbor.encode(value);
}

export function decodeCbor<T>(bytes: Uint8Array): T {
  return dagCbor.decode<T>(bytes);
}

/** CIDv1 with blake2b-256, what blocks, messages and state have. */
export function blakeCid(bytes: Uint8Array, codec = DAG_CBOR): string {
  return CID.createV1(codec, Digest.create(BLAKE2B_256, blake2b(bytes, { dkLen: 32 }))).toString();
}

/** CIDv1, dag-cbor, sha2-256: what the deal protocol calls a signed proposal by. */
export function shaCid(bytes: Uint8Array): string {
  return CID.createV1(DAG_CBOR, Digest.create(SHA2_256, createHash('sha256').update(bytes).digest())).toString();
}

/** `baga…` of the 32 bytes of a piece commitment. */
export function pieceCidOf(commitment: Uint8Array): string {
  return CID.createV1(PIECE_CODEC, Digest.create(PIECE_HASH, commitment)).toString();
}

/** Whether a CID names a piece at all. */
export function isPieceCid(cid: string): boolean {
  const { code, multihash } = CID.parse(cid);
  return code === PIECE_CODEC && multihash.code === PIECE_HASH;
}

/** Bytes that look random and are the same for the same seed. */
export function bytesOf(seed: string, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let at = 0, part = 0; at < length; at += 64, part += 1) {
    out.set(
      createHash('sha512')
        .update(`${seed}/${part}`)
        .digest()
        .subarray(0, length - at),
      at,
    );
  }
  return out;
}
