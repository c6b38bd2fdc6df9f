import { type FileHandle, open } from 'node:fs/promises';

import { CID } from 'multiformats/cid';

import { SECTION_BYTES_MAX } from './car-format.ts';

/** Where blocks lie in a CAR that is a file. */
export interface CarIndex {
  /** The bytes of the block under that multihash, as they lie there; undefined when it is not known to be in there. */
  block(cid: CID): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** Blocks of which the place is kept, some 100 bytes each; later ones are found by reading on. */
const KNOWN_MAX = 500_000;
/** A section's length and CID are shorter than this. */
const HEAD_BYTES = 256;
const WINDOW_BYTES = 64 * 1024;

interface Place {
  at: number;
  length: number;
}

/**
 * Reads the heads of a CAR's sections and passes over their blocks, so that one block of gigabytes is found in
 * milliseconds. Nothing is hashed and nothing believed: a file that is no CAR has no blocks, or wrong ones.
 */
export async function openCarIndex(path: string): Promise<CarIndex> {
  const file = await open(path, 'r');
  let places: Promise<ReadonlyMap<string, Place>> | undefined;
  return {
    async block(cid) {
      places ??= readPlaces(file);
      const place = (await places).get(keyOf(cid));
      if (place === undefined) return undefined;
      const bytes = new Uint8Array(place.length);
      const { bytesRead } = await file.read(bytes, 0, place.length, place.at);
      return bytesRead === place.length ? bytes : undefined;
    },
    close: () => file.close(),
  };
}

async function readPlaces(file: FileHandle): Promise<ReadonlyMap<string, Place>> {
  const places = new Map<string, Place>();
  const window = createWindow(file, (await file.stat()).size);
  const header = varintOf(await window.read(0));
  for (let at = header === undefined ? -1 : header.bytes + header.value; at >= 0 && places.size < KNOWN_MAX; ) {
    const head = await window.read(at);
    const length = varintOf(head);
    if (length === undefined || length.value === 0 || length.value > SECTION_BYTES_MAX) break;
    const cid = cidIn(head.subarray(length.bytes, length.bytes + length.value));
    if (cid === undefined) break;
    const key = keyOf(cid.cid);
    if (!places.has(key)) places.set(key, { at: at + length.bytes + cid.bytes, length: length.value - cid.bytes });
    at += length.bytes + length.value;
  }
  return places;
}

/** Small blocks lie side by side: their heads are read together. */
function createWindow(file: FileHandle, sizeBytes: number): { read(at: number): Promise<Uint8Array> } {
  const buffer = Buffer.alloc(WINDOW_BYTES);
  let from = 0;
  let filled = 0;
  return {
    async read(at) {
      const needed = Math.min(HEAD_BYTES, Math.max(0, sizeBytes - at));
      if (at < from || at + needed > from + filled) {
        from = at;
        filled = (await file.read(buffer, 0, WINDOW_BYTES, at)).bytesRead;
      }
      return buffer.subarray(at - from, Math.min(at - from + HEAD_BYTES, filled));
    },
  };
}

function varintOf(bytes: Uint8Array): { value: number; bytes: number } | undefined {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 0x80 ** i;
    if (byte < 0x80) return { value, bytes: i + 1 };
  }
  return undefined;
}

function cidIn(bytes: Uint8Array): { cid: CID; bytes: number } | undefined {
  try {
    const [cid, rest] = CID.decodeFirst(bytes);
    return { cid, bytes: bytes.length - rest.length };
  } catch {
    return undefined;
  }
}

/** Enough of the hash to find a block by; whoever reads it hashes it. */
function keyOf({ multihash }: CID): string {
  return Buffer.from(multihash.bytes.buffer, multihash.bytes.byteOffset, multihash.bytes.length).subarray(0, 20).toString('latin1');
}
