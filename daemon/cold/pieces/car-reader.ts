import { decode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { isBlockOf } from '../../domain/block-hash.ts';
import { PieceError } from '../../domain/cold-ports.ts';
import { SECTION_BYTES_MAX } from './car-format.ts';
import { CODECS, linksOf } from './links.ts';

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

export type CarFault =
  /** It does not begin as a CAR of version 1 does, or a section does not begin with a CID. */
  | 'form'
  /** It ends within its header or a section. */
  | 'cut'
  /** A section longer than any indexer takes. */
  | 'section_bytes'
  /** A block that is not the one that its CID names. */
  | 'hash'
  /** A CID by whose hash function nothing can be checked here. */
  | 'unknown_hash';

/** A PieceError `mismatch` that also says what of it is wrong. */
export class CarError extends PieceError {
  readonly fault: CarFault;
  /** The part of the message that says what it is. */
  readonly what: string;

  constructor(fault: CarFault, what: string, cause?: unknown) {
    super('mismatch', `this is not a CAR as it was written: ${what}`, { cause });
    this.fault = fault;
    this.what = what;
  }
}

/** A header names roots: thousands of them would fit. */
const HEADER_BYTES_MAX = 64 * 1024;

/**
 * Takes a CARv1 apart as it comes. Nothing in it is believed: a block that does not hash to its CID, or whose hash
 * cannot be told, a section longer than indexers take, and a file that ends within a section are refused with a
 * CarError, blocks before it having been given. Zeros at the end are a piece's padding and no sections.
 * Errors of the source come through as they are.
 */
export async function readCar(source: AsyncIterable<Uint8Array>): Promise<CarContents> {
  const input = createInput(source);
  try {
    const length = await readVarint(input);
    if (length === undefined || length > HEADER_BYTES_MAX) throw new CarError('form', 'it does not begin as a CAR does');
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
      if (length > SECTION_BYTES_MAX) throw new CarError('section_bytes', `a section of ${length} bytes, more than ${SECTION_BYTES_MAX}`);
      yield blockOf(await input.take(length));
    }
  } finally {
    await input.close();
  }
}

function blockOf(section: Uint8Array): CarBlock {
  const [cid, bytes] = cidFirst(section);
  const isRight = isBlockOf(cid, bytes);
  if (isRight === undefined) throw new CarError('unknown_hash', `the block ${cid} is named by a hash that cannot be checked`);
  if (!isRight) throw new CarError('hash', `the block ${cid} does not hash to its CID`);
  return { cid, bytes };
}

function cidFirst(section: Uint8Array): [CID, Uint8Array] {
  try {
    return CID.decodeFirst(section);
  } catch (cause) {
    throw new CarError('form', 'a section that does not begin with a CID', cause);
  }
}

function rootsOf(header: Uint8Array): CID[] {
  let value: unknown;
  try {
    // Looks at how deep it is nested, which the decoder would take on the stack.
    linksOf(CODECS.dagCbor, header);
    value = decode(header);
  } catch (cause) {
    throw new CarError('form', `it does not begin as a CAR does: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  const { version, roots } = (typeof value === 'object' && value !== null ? value : {}) as { version?: unknown; roots?: unknown };
  if (version !== 1) throw new CarError('form', `its version is ${JSON.stringify(version)}, not 1`);
  if (!Array.isArray(roots) || !roots.every((root) => CID.asCID(root) !== null)) throw new CarError('form', 'its roots are no CIDs');
  return roots as CID[];
}

async function onlyZeros(input: Input): Promise<void> {
  for (let rest = await input.any(); rest !== undefined; rest = await input.any())
    if (rest.some((byte) => byte !== 0)) throw new CarError('form', 'something else than zeros after its end');
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
        if (!(await fill())) throw new CarError('cut', 'it ends in the middle');
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
    if (byte === undefined) throw new CarError('cut', 'it ends in the middle');
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
  }
  throw new CarError('form', 'a length that does not end');
}
