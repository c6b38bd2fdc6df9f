import { encode } from '@ipld/dag-cbor';
import type { CID } from 'multiformats/cid';

/** The length of a section's CID and block together. Indexers (go-car v2's default) refuse to read beyond it, so a piece with a longer one is not retrievable by CID. */
export const SECTION_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The same for deals whose bytes go over graphsync, as Lotus's Client API sends them: one message of go-graphsync v0.16.0
 * takes 4 MiB, and a block travels in one message, with some words about it.
 */
export const GRAPHSYNC_SECTION_BYTES_MAX = 4 * 1024 * 1024 - 64 * 1024;

/** CARv1: the header is a section without a CID, in dag-cbor. */
export function encodeHeader(root: CID): Uint8Array {
  const header = encode({ roots: [root], version: 1 });
  return Buffer.concat([encodeVarint(header.length), header]);
}

/** What comes before the block in its section. */
export function encodeSectionHead(cid: Uint8Array, blockBytes: number): Uint8Array {
  return Buffer.concat([encodeVarint(cid.length + blockBytes), cid]);
}

/** Of a whole section: its length, its CID and its block. */
export function sectionBytes(cidBytes: number, blockBytes: number): number {
  let lengthBytes = 1;
  for (let rest = cidBytes + blockBytes; rest >= 0x80; rest = Math.floor(rest / 0x80)) lengthBytes += 1;
  return lengthBytes + cidBytes + blockBytes;
}

/** Unsigned, seven bits a byte, the lowest first. */
export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}
