import type { PinRequest } from '../../domain/pin.ts';
import type { Hash64, KeyedHash } from './keyed-hash.ts';

/**
 * What a filter needs to know of a pin, as it lies under `x/` and as it is appended to a roster:
 *
 * | bytes | what |
 * |---|---|
 * | 0..1 | number of meta pairs |
 * | 2..9 | hash of the content key |
 * | 8 each | hashes of the meta pairs |
 * | rest | the name in UTF-8; empty when there is none |
 *
 * Numbers are little-endian, hashes low half first.
 */
export type RosterEntry = Uint8Array;

const META_COUNT_OFFSET = 0;
const CONTENT_OFFSET = 2;
const META_OFFSET = 10;
const HASH_SIZE_BYTES = 8;

export function encodeRosterEntry(request: Pick<PinRequest, 'contentKey' | 'name' | 'meta'>, hash: KeyedHash): RosterEntry {
  const pairs = Object.entries(request.meta ?? {}).map(([key, value]) => hash.metaPair(key, value));
  return packRosterEntry(hash.content(request.contentKey), pairs, Buffer.from(request.name ?? ''));
}

export function packRosterEntry(content: Hash64, pairs: readonly Hash64[], name: Uint8Array): RosterEntry {
  const nameOffset = META_OFFSET + HASH_SIZE_BYTES * pairs.length;
  const entry = Buffer.alloc(nameOffset + name.length);
  entry.writeUInt16LE(pairs.length, META_COUNT_OFFSET);
  [content, ...pairs].forEach(({ hi, lo }, index) => {
    entry.writeUInt32LE(lo, CONTENT_OFFSET + HASH_SIZE_BYTES * index);
    entry.writeUInt32LE(hi, CONTENT_OFFSET + HASH_SIZE_BYTES * index + 4);
  });
  entry.set(name, nameOffset);
  return entry;
}

/** Reading is by offsets, since a million entries are read at open. */
export const rosterEntry = {
  metaPairs: (entry: RosterEntry): number => (entry[META_COUNT_OFFSET] ?? 0) | ((entry[META_COUNT_OFFSET + 1] ?? 0) << 8),
  /** Half words: 0 and 1 are the content's low and high half, then those of the meta pairs. */
  hashHalf: (entry: RosterEntry, index: number): number => readUint32(entry, CONTENT_OFFSET + 4 * index),
  nameOffset: (entry: RosterEntry): number => META_OFFSET + HASH_SIZE_BYTES * rosterEntry.metaPairs(entry),
};

function readUint32(bytes: Uint8Array, offset: number): number {
  const low = (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);
  return (low | ((bytes[offset + 3] ?? 0) << 24)) >>> 0;
}
