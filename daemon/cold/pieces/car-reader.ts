import { decode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { isBlockOf } from '../../domain/block-hash.ts';
import { PieceError } from '../../domain/cold-ports.ts';
import { SECTION_BYTES_MAX } from './car-format.ts';

export interface CarBlock {
  cid: CID;
  /** Hashed: it is the block that the CID names. */
  bytes: Uint8Array;
}

export interface CarContents {
  roots: readonly CID[];
  /** In the order of the file. May be gone through once. */
  blocks: AsyncGenerator<CarBlock, void, undefined>;
}

/** A header names roots: thousands of them would fit. */
const HEADER_BYTES_MAX = 64 * 1024;

/**
 * Takes a CARv1 apart as it comes. Nothing in it is believed: a block that does not hash to its CID, or whose hash
 * cannot be told, a section longer than indexers take, and a file that ends within a section are refused with a
 * PieceError `mismatch`, blocks before it having been given. Zeros at the end are a piece's padding and no sections.
 * Errors of the source come through as they are.
 */
export async function readCar(source: AsyncIterable<Uint8Array>): Promise<CarContents> {
  const input = createInput(source);
  try {
    const length = await readVarint(input);
    if (length === undefined || length > HEADER_BYTES_MAX) throw wrong('it does not begin as a CAR does');
    return { roots: rootsOf(await input.take(length)), blocks: readBlocks(input) };
  } catch (error) {
    await input.close();
    throw error;
  }
}

async function* readBlocks(input: Input): AsyncGenerator<CarBlock, void, undefined> {
  try {
    for (;;) {
      const length = await readVarint(input);
      if (length === undefined) return;
      if (length === 0) return await onlyZeros(input);
      if (length > SECTION_BYTES_MAX) throw wrong(`a section of ${length} bytes, more than ${SECTION_BYTES_MAX}`);
      yield blockOf(await input.take(length));
    }
  } finally {
    await input.close();
  }
}

function blockOf(section: Uint8Array): CarBlock {
  const [cid, bytes] = cidFirst(section);
  const isRight = isBlockOf(cid, bytes);
  if (isRight === undefined) throw wrong(`the block ${cid} is named by a hash that cannot be checked`);
  if (!isRight) throw wrong(`the block ${cid} does not hash to its CID`);
  return { cid, bytes };
}

function cidFirst(section: Uint8Array): [CID, Uint8Array] {
  try {
    return CID.decodeFirst(section);
  } catch (cause) {
    throw wrong('a section that does not begin with a CID', cause);
  }
}

function rootsOf(header: Uint8Array): CID[] {
  let value: unknown;
  try {
    value = decode(header);
  } catch (cause) {
    throw wrong('it does not begin as a CAR does', cause);
  }
  const { version, roots } = (typeof value === 'object' && value !== null ? value : {}) as { version?: unknown; roots?: unknown };
  if (version !== 1) throw wrong(`its version is ${JSON.stringify(version)}, not 1`);
  if (!Array.isArray(roots) || !roots.every((root) => CID.asCID(root) !== null)) throw wrong('its roots are no CIDs');
  return roots as CID[];
}

function wrong(what: string, cause?: unknown): PieceError {
  return new PieceError('mismatch', `this is not a CAR as it was written: ${what}`, { cause });
}

async function onlyZeros(input: Input): Promise<void> {
  for (let rest = await input.any(); rest !== undefined; rest = await input.any())
    if (rest.some((byte) => byte !== 0)) throw wrong('something else than zeros after its end');
}

// ---------------------------------------------------------------------------------------------------------------
// Bytes as they come

interface Input {
  /** Just so many. */
  take(length: number): Promise<Uint8Array>;
  /** The next byte; undefined at the end. */
  byte(): Promise<number | undefined>;
  /** Whatever there is next; undefined at the end. */
  any(): Promise<Uint8Array | undefined>;
  /** Tells the source that no more is wanted. */
  close(): Promise<void>;
}

function createInput(source: AsyncIterable<Uint8Array>): Input {
  const parts = source[Symbol.asyncIterator]();
  let current: Uint8Array = new Uint8Array();
  let isClosed = false;

  /** False at the end. */
  async function fill(): Promise<boolean> {
    while (current.length === 0) {
      const next = await parts.next();
      if (next.done === true) return false;
      current = next.value;
    }
    return true;
  }

  function cut(length: number): Uint8Array {
    const part = current.subarray(0, length);
    current = current.subarray(part.length);
    return part;
  }

  return {
    async take(length) {
      // A copy, and grown with what comes: neither holds the source's buffers nor trusts a length it promised.
      const taken: Uint8Array[] = [];
      for (let missing = length; missing > 0; missing -= taken.at(-1)?.length ?? 0) {
        if (!(await fill())) throw wrong('it ends in the middle');
        taken.push(cut(missing));
      }
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const part of taken) {
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
    byte: async () => ((await fill()) ? cut(1)[0] : undefined),
    any: async () => ((await fill()) ? cut(current.length) : undefined),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await parts.return?.();
    },
  };
}

/** Undefined when there is nothing any more. */
async function readVarint(input: Input): Promise<number | undefined> {
  let value = 0;
  for (let factor = 1; factor < 2 ** 49; factor *= 0x80) {
    const byte = await input.byte();
    if (byte === undefined && factor === 1) return undefined;
    if (byte === undefined) throw wrong('it ends in the middle');
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw wrong('a length that does not end');
}
