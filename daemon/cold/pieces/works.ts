import { type BlockSource, PieceError, type PieceWorks } from '../../domain/cold-ports.ts';
import type { BuiltPiece } from '../../domain/piece.ts';
import type { Log } from '../../log.ts';
import { type Car, openCar } from './car.ts';
import { GRAPHSYNC_SECTION_BYTES_MAX } from './car-format.ts';
import { openCommp, pieceSizeOf, unpaddedBytes } from './commp.ts';
import { createHashPool, type HashPool } from './hash-pool.ts';
import { createStaging, type Staging, type StagingFile } from './staging.ts';

export interface PieceWorksOptions {
  /** The staging directory; made when the first piece is. Nobody else writes there. */
  dir: string;
  blocks: BlockSource;
  /** That hash. Default: one fewer than there are cores, and at least one. */
  threads?: number | undefined;
  /** Of a padded piece. */
  maxPieceBytes: number;
  /** Of a block and its CID. Default: what Lotus's Client API can send, almost 4 MiB. Indexers take 8 MiB. */
  sectionBytesMax?: number | undefined;
  log: Log;
}

export interface ClosablePieceWorks extends PieceWorks {
  /** Ends the threads. What is under way is rejected as `aborted`. */
  close(): Promise<void>;
}

/** The smallest piece that providers take unless told otherwise: a content of a few bytes gets a root above it, and is as large then. */
const PIECE_TAKEN_BYTES = 256;

/**
 * Pieces as files. One thing at a time is done with a piece; different pieces do not wait for each other.
 *
 * Errors of the CAR handed to `receive` and `check` are not ours and come through as they are.
 */
export function createPieceWorks(options: PieceWorksOptions): ClosablePieceWorks {
  const { dir, blocks, maxPieceBytes, sectionBytesMax = GRAPHSYNC_SECTION_BYTES_MAX, log } = options;
  const pool = createHashPool(options.threads);
  const staging = createStaging(dir);
  const inTurn = createTurns();
  const closing = new AbortController();
  const until = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, closing.signal]);

  return {
    build: (pieceId, members, signal, onBytes) =>
      inTurn(pieceId, async () => {
        const contentKeys = members.map(({ contentKey }) => contentKey);
        const buildIt = (rootAboveOne: boolean): Promise<BuiltPiece> => {
          const car = openCar({ contentKeys, blocks, signal: until(signal), sectionBytesMax, rootAboveOne });
          return buildFile({ pieceId, car, staging, pool, maxPieceBytes, onBytes });
        };
        let built = await buildIt(false);
        if (members.length === 1 && built.pieceSizeBytes < PIECE_TAKEN_BYTES) built = await buildIt(true);
        log.info({ pieceId, contents: members.length, ...built }, 'piece built');
        return built;
      }),
    async staged(pieceId) {
      const [file, another] = await staging.whole(pieceId);
      // Two, of which one is from before a crash that left no time to remove it: nobody can say which is meant.
      return another === undefined ? file?.path : undefined;
    },
    receive: (piece, car, signal) =>
      inTurn(piece.id, async () => {
        const file = await staging.begin(piece.id);
        return await orDiscard(file, async () => {
          const received = await readPiece(piece, car, pool, until(signal), (bytes) => file.write(bytes));
          await file.keep(piece.pieceCid);
          return received;
        });
      }),
    check: (piece, car, signal) => readPiece(piece, car, pool, until(signal)),
    drop: (pieceId) => inTurn(pieceId, () => staging.drop(pieceId)),
    list: () => staging.list(),
    async close() {
      closing.abort();
      await pool.close();
    },
  };
}

interface Build {
  pieceId: string;
  car: Car;
  staging: Staging;
  pool: HashPool;
  maxPieceBytes: number;
  onBytes: ((bytes: number) => void) | undefined;
}

async function buildFile({ pieceId, car, staging, pool, maxPieceBytes, onBytes }: Build): Promise<BuiltPiece> {
  const file = await staging.begin(pieceId);
  return await orDiscard(file, async () => {
    const commp = openCommp(pool);
    let bytes = 0;
    for await (const part of car.bytes) {
      bytes += part.length;
      if (pieceSizeOf(bytes) > maxPieceBytes)
        throw new PieceError(
          'too_large',
          `the contents do not fit into the largest piece, ${maxPieceBytes} bytes: limits.piece_max says so`,
        );
      await Promise.all([file.write(part), hashing(commp.write(part))]);
      onBytes?.(bytes);
    }
    const { pieceCid, pieceSizeBytes } = await hashing(commp.finish());
    await file.keep(pieceCid);
    return { rootCid: car.root.toString(), pieceCid, carSizeBytes: bytes, pieceSizeBytes };
  });
}

/**
 * Reads a CAR that came back until it is the piece or cannot be it any more. Providers give the whole piece at times,
 * zeros at its end included: these are read and not kept.
 */
async function readPiece(
  piece: BuiltPiece & { id: string },
  car: AsyncIterable<Uint8Array>,
  pool: HashPool,
  signal: AbortSignal,
  keep: (bytes: Uint8Array) => Promise<void> = async () => undefined,
): Promise<{ bytes: number }> {
  const commp = openCommp(pool);
  const bytesMax = unpaddedBytes(piece.pieceSizeBytes);
  let bytes = 0;
  for await (const part of untilAborted(car, signal)) {
    const kept = part.subarray(0, Math.max(0, piece.carSizeBytes - bytes));
    bytes += part.length;
    if (bytes > bytesMax) throw mismatch(piece, `more than the ${bytesMax} bytes of the piece came`);
    if (part.subarray(kept.length).some((byte) => byte !== 0)) throw mismatch(piece, 'something else than zeros came after its CAR');
    if (kept.length > 0) await Promise.all([keep(kept), hashing(commp.write(kept))]);
  }
  if (bytes < piece.carSizeBytes) throw mismatch(piece, `${bytes} of ${piece.carSizeBytes} bytes came`);
  const { pieceCid, pieceSizeBytes } = await hashing(commp.finish(piece.pieceSizeBytes));
  if (pieceCid !== piece.pieceCid || pieceSizeBytes !== piece.pieceSizeBytes) throw mismatch(piece, `the bytes hash to ${pieceCid}`);
  return { bytes };
}

function mismatch({ pieceCid }: BuiltPiece, why: string): PieceError {
  return new PieceError('mismatch', `what came back is not the piece ${pieceCid}: ${why}`);
}

/** What runs before it ends, one way or the other, leaves no half file. */
async function orDiscard<T>(file: StagingFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Threads fail when they are ended, or for want of memory. */
async function hashing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new PieceError('aborted', 'hashing the piece was stopped', { cause });
  }
}

/** Hears of the abort even while nothing comes. The source is told to end, and not waited for. */
async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const stopped = (): PieceError => new PieceError('aborted', 'reading the piece was stopped', { cause: signal.reason });
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = (): void => reject(stopped());
  signal.addEventListener('abort', onAbort, { once: true });
  const parts = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      if (signal.aborted) throw stopped();
      const next = await Promise.race([parts.next(), aborted]);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw signal.aborted ? stopped() : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    void Promise.resolve(parts.return?.()).catch(() => undefined);
  }
}

/** Runs what has the same key one after another. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const running = before.then(work, work);
    const settled = running.catch(() => undefined);
    last.set(key, settled);
    try {
      return await running;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
}
