/**
 * Where the index of blocks lies in the store. A fingerprint is the keyed hash of a multihash, 16 characters (`keyed-hash.ts`).
 * An index is the list of one content's blocks; its id, 7 characters, is shorter than the content's key and never used twice
 * while anything of it is left. Parts are numbered in 5 characters.
 *
 * | key | value | what |
 * |---|---|---|
 * | `i/<fingerprint>/<id>` | no bytes | the block is in the index with that id |
 * | `ic/<content>` | {@link IndexRecord} | the content's index; rewritten by every commit that adds to it |
 * | `id/<id>` | `{}` | the index was dropped, and its parts are to be deleted |
 * | `if/<id>/<part>` | bytes | fingerprints of one part of the index, 12 bytes each: written and deleted with their `i/` entries |
 * | `ii/<id>` | {@link OwnerRecord} | whose index it is; gone as soon as it was dropped, and with it every answer that it gave |
 * | `il/<content>` | `{}` | its index is to be looked at; written by the pin store (`pins/index-list.ts`) |
 * | `iv/listed` | `ListedRecord` (`pins/list-held.ts`) | how far what was held before there was an index has been listed |
 *
 * Nothing here is synced by itself: all of it can be made again from the blocks.
 */
export const indexKeys = {
  entry: (fingerprint: string, id: string) => `i/${fingerprint}/${id}`,
  index: (contentKey: string) => `ic/${contentKey}`,
  dropped: (id: string) => `id/${id}`,
  part: (id: string, part: number) => `if/${id}/${base36(part, PART_CHARS)}`,
  owner: (id: string) => `ii/${id}`,
  listed: (contentKey: string) => `il/${contentKey}`,
  listing: 'iv/listed',
};

/** `ic/…`. */
export interface IndexRecord {
  id: string;
  /** Parts that were written. */
  parts: number;
  /** Every block of the content is in it. */
  whole: boolean;
}

/** `ii/…`. */
export interface OwnerRecord {
  contentKey: string;
}

/** Entries of a part, and so of a commit: some 25 KiB, which hold up nobody else's commit. */
export const PART_ENTRIES = 512;

const ID_CHARS = 7;
const PART_CHARS = 5;

export function idOf(number: number): string {
  return base36(number, ID_CHARS);
}

export function numberOfId(id: string): number {
  return Number.parseInt(id, 36);
}

function base36(number: number, chars: number): string {
  const text = number.toString(36).padStart(chars, '0');
  if (text.length > chars) throw new RangeError(`store: ${number} does not fit into ${chars} characters of a key`);
  return text;
}

const FINGERPRINT_CHARS = 16;
const FINGERPRINT_BYTES = 12;

/** Four characters of a fingerprint are three of its bytes, so one after the other they are text and bytes of the same. */
export function packFingerprints(fingerprints: readonly string[]): Uint8Array {
  return Buffer.from(fingerprints.join(''), 'base64url');
}

/** @throws RangeError when it is no part. */
export function unpackFingerprints(part: Uint8Array): string[] {
  if (part.byteLength === 0 || part.byteLength % FINGERPRINT_BYTES !== 0) {
    throw new RangeError(`store: ${part.byteLength} bytes are no list of fingerprints`);
  }
  const text = Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64url');
  return Array.from({ length: text.length / FINGERPRINT_CHARS }, (_, at) =>
    text.slice(at * FINGERPRINT_CHARS, (at + 1) * FINGERPRINT_CHARS),
  );
}
