import type { CID } from 'multiformats/cid';

import { CarError, type CarFault, readCar } from '../cold/pieces/car-reader.ts';
import { hasKnownHash } from '../domain/block-hash.ts';
import type { BlockSource } from '../domain/cold-ports.ts';
import type { BlockIntake } from '../domain/retrieval-ports.ts';
import { UploadError, type Uploaded, type UploadFault } from '../domain/upload-port.ts';
import { innerCar } from './car-version.ts';
import { assertShortEnough, type Completeness, createCompleteness } from './completeness.ts';
import { createWindow } from './window.ts';

export interface TakeCarOptions {
  intake: BlockIntake;
  /** Where the blocks can be read again that were put in. */
  blocks: BlockSource;
  dagBytes: number;
  dagBlocks: number;
  /** Ends what goes on, with its reason. */
  signal: AbortSignal;
  /** Before each block: throws when no more may be taken. */
  admit(): void;
}

/** Nodes refuse larger ones from each other, so nobody could fetch the content from us. */
const BLOCK_BYTES_MAX = 2 * 1024 * 1024;
const PUTS_AT_ONCE = 8;
/** Looking for what is missing has a limit: the client waits for the answer. */
const WALK_MS = 60_000;

/**
 * Takes a CAR apart into the hot tier, block by block as they come and in any order, and sees to it that the DAG below its one
 * root is whole. When it rejects, nothing goes on any more, and what came lies there unpinned.
 */
export async function takeCar(source: AsyncIterable<Uint8Array>, options: TakeCarOptions): Promise<Uploaded> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const puts = createWindow(PUTS_AT_ONCE);
  const car = innerCar(source);
  try {
    const { roots, blocks } = await readCar(car);
    const root = onlyOne(roots);
    assertKnown(root);
    const came = createCompleteness(options.dagBlocks);
    let bytes = 0;
    for await (const block of blocks) {
      options.admit();
      if (block.bytes.length > BLOCK_BYTES_MAX) throw tooLargeBlock(block.cid);
      if (!came.arrive(block.cid, block.bytes)) continue;
      bytes += block.bytes.length;
      if (bytes > options.dagBytes)
        throw new UploadError('too_large', `its blocks have more than ${options.dagBytes} bytes, which is the most one pin may have`);
      await puts.add(() => options.intake.put(block.cid, block.bytes, signal));
    }
    await puts.settle();
    await assertWhole(root, came, options);
    return { root, bytes, blocks: came.blocks() };
  } catch (error) {
    throw error instanceof CarError ? uploadErrorOf(error) : error;
  } finally {
    stop.abort();
    await car.return();
    await puts.settle().catch(() => undefined);
  }
}

function onlyOne(roots: readonly CID[]): CID {
  const [root, ...others] = roots;
  if (root === undefined) throw new UploadError('bad_root', 'the CAR names no root; it must name the one CID that is to be pinned');
  if (others.length > 0)
    throw new UploadError('bad_root', `the CAR names ${roots.length} roots; it must name one, the CID that is to be pinned`);
  return root;
}

/** Before any block is read: the one that it names could not be told from others. */
function assertKnown(root: CID): void {
  if (!hasKnownHash(root)) throw new UploadError('unsupported', `the root ${root} is named by a hash that cannot be checked`);
  assertShortEnough(root.multihash, `the root ${root}`);
}

async function assertWhole(root: CID, came: Completeness, { blocks, signal }: TakeCarOptions): Promise<void> {
  if (!came.has(root)) throw new UploadError('bad_root', `the root ${root} is not among the blocks of the CAR`);
  // An identity root is no block that came, so nobody has looked at its links yet.
  if (came.missing() === 0 && !isIdentity(root)) return;
  const inTime = AbortSignal.timeout(WALK_MS);
  const missing = await came.missingBelow(root, blocks, AbortSignal.any([signal, inTime])).catch((error: unknown) => {
    if (inTime.aborted && !signal.aborted) return 'some';
    throw error;
  });
  if (missing === undefined) return;
  const what = missing === 'some' ? `${came.missing()} blocks that others link to are` : `the block ${missing} is`;
  throw new UploadError('incomplete', `${what} not in the CAR; it must hold the whole DAG below its root`);
}

function isIdentity(cid: CID): boolean {
  return cid.multihash.code === 0x00;
}

function tooLargeBlock(cid: CID): UploadError {
  return new UploadError(
    'too_large',
    `the block ${cid} is larger than ${BLOCK_BYTES_MAX} bytes, the most that IPFS nodes take from each other`,
  );
}

const FAULTS: Readonly<Record<CarFault, UploadFault>> = {
  form: 'malformed',
  cut: 'cut',
  section_bytes: 'too_large',
  hash: 'bad_block',
  unknown_hash: 'unsupported',
};

function uploadErrorOf(error: CarError): UploadError {
  const isAboutBlock = error.fault === 'hash' || error.fault === 'unknown_hash';
  return new UploadError(FAULTS[error.fault], isAboutBlock ? error.what : `this is not a whole CAR: ${error.what}`, { cause: error });
}
