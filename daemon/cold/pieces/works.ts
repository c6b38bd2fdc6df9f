import { partsUnlessAborted } from '../../domain/abort.ts';
import { type BlockSource, PieceError, type PieceWorks } from '../../domain/cold-ports.ts';
import type { BuiltPiece, PieceMember } from '../../domain/piece.ts';
import type { PieceLayouts } from '../../domain/piece-layout.ts';
import type { PieceProofs } from '../../domain/receipt-ports.ts';
import type { Log } from '../../log.ts';
import { type Car, openCarUnder } from './car.ts';
import { GRAPHSYNC_SECTION_BYTES_MAX } from './car-format.ts';
import { openCommp, pieceSizeOf, unpaddedBytes } from './commp.ts';
import { cutContent } from './cut.ts';
import { createHashPool, type HashPool } from './hash-pool.ts';
import { createPieceLayouts } from './layouts.ts';
import { createManifests, type ManifestFile } from './manifests.ts';
import { buildPartSpine, linksOfPart } from './part.ts';
import { readPieceBlocks, readPieceFile } from './piece-reader.ts';
import { createProofFiles } from './proof-files.ts';
import { createRootProver, type PieceProof, type RootProver } from './root-proofs.ts';
import { buildSpine, type Spine } from './spine.ts';
import { createStaging, type Staging, type StagingFile } from './staging.ts';

export interface PieceWorksOptions {
  /** The staging directory; made when the first piece is. Nobody else writes there. */
  dir: string;
  /** Of manifests; made when the first piece is. Nobody else writes there. */
  manifestDir: string;
  /** Whether what is built is written into the staging directory. Otherwise its bytes are made of hot blocks each time. */
  keepsFiles: boolean;
  blocks: BlockSource;
  /** That hash. Default: one fewer than there are cores, and at least one. */
  threads?: number | undefined;
  /** Threads that others hash with as well, in place of own ones; they are not ended with the works. */
  pool?: HashPool;
  /** Of a padded piece. */
  maxPieceBytes: number;
  /** What is smaller is filled up with zeros to this padded size. */
  minPieceBytes?: number | undefined;
  /** Where the proofs of root blocks are kept; made when the first one is. */
  proofsDir: string;
  /** Of a block and its CID. Default: what Lotus's Client API can send, almost 4 MiB. Indexers take 8 MiB. */
  sectionBytesMax?: number | undefined;
  log: Log;
}

export interface ClosablePieceWorks extends PieceWorks {
  readonly proofs: PieceProofs;
  readonly layouts: PieceLayouts;
  /** Ends the threads. What is under way is rejected as `aborted`. */
  close(): Promise<void>;
}

/** The smallest piece that providers take unless told otherwise: a content of a few bytes gets a root above it, and is as large then. */
const PIECE_TAKEN_BYTES = 256;

/**
 * Pieces as manifests, and as files. One thing at a time is done with a piece; different pieces do not wait for each other.
 *
 * Errors of the CAR handed to `receive` and `check` are not ours and come through as they are.
 */
export function createPieceWorks(options: PieceWorksOptions): ClosablePieceWorks {
  const {
    dir,
    manifestDir,
    keepsFiles,
    blocks,
    maxPieceBytes,
    minPieceBytes = 0,
    sectionBytesMax = GRAPHSYNC_SECTION_BYTES_MAX,
    proofsDir,
    log,
  } = options;
  const pool = options.pool ?? createHashPool(options.threads);
  const staging = createStaging(dir);
  const manifests = createManifests(manifestDir, log);
  const inTurn = createTurns();
  const closing = new AbortController();
  const until = (signal: AbortSignal): AbortSignal => AbortSignal.any([signal, closing.signal]);
  const files = createProofFiles(proofsDir);

  /** Deals do not wait for it: a proof that could not be kept is made when it is asked for. */
  async function keepProof(pieceId: string, { pieceCid }: BuiltPiece, proof: PieceProof | undefined): Promise<void> {
    if (proof === undefined) return;
    await files.keep(pieceId, pieceCid, proof).catch((error: unknown) => {
      log.warn({ err: error, pieceId }, 'the proofs of a piece could not be kept: they are made again when a receipt is asked for');
    });
  }

  /** What stands above the contents, or the part of one, that lie in a piece. */
  async function spineOf(members: readonly PieceMember[], evenForOne: boolean, signal: AbortSignal): Promise<Spine> {
    const [{ contentKey, part } = { contentKey: '' }] = members;
    if (part !== undefined) return buildPartSpine(contentKey, part, await linksOfPart(contentKey, part, { blocks, signal }));
    return buildSpine(
      members.map((member) => member.contentKey),
      { evenForOne },
    );
  }

  async function buildOnce(
    pieceId: string,
    members: readonly PieceMember[],
    rootAboveOne: boolean,
    signal: AbortSignal,
    pieceBytesMin: number,
  ): Promise<{ built: BuiltPiece; proof: PieceProof }> {
    const prover = createRootProver();
    const spine = await spineOf(members, rootAboveOne, signal);
    const begun = await manifests.begin(pieceId, spine.root);
    const car = openCarUnder(spine, { blocks, signal, sectionBytesMax, onSection: (section) => begun.add(section), onRoot: prover.root });
    const largestBytes = members[0]?.part?.pieceBytesMax ?? maxPieceBytes;
    const built = await orDiscard([begun], () =>
      buildPiece({
        pieceId,
        car,
        manifest: begun,
        staging: keepsFiles ? staging : undefined,
        pool,
        maxPieceBytes: largestBytes,
        pieceBytesMin: Math.min(pieceBytesMin, largestBytes),
        prover,
      }),
    );
    return { built, proof: prover.finish(built.carSizeBytes, built.pieceSizeBytes) };
  }

  async function staged(pieceId: string): Promise<string | undefined> {
    const [file, another] = await staging.whole(pieceId);
    // Two, of which one is from before a crash that left no time to remove it: nobody can say which is meant.
    return another === undefined ? file?.path : undefined;
  }

  return {
    proofs: {
      of: (piece, members, contentKey) => files.of(piece, members, contentKey).catch(throwProofError),
      make: (piece, members, signal) =>
        inTurn(piece.id, async () => {
          const prover = createRootProver();
          const rootAboveOne = members.length === 1 && piece.rootCid !== members[0]?.contentKey;
          const spine = await spineOf(members, rootAboveOne, until(signal));
          const car = openCarUnder(spine, { blocks, signal: until(signal), sectionBytesMax, onRoot: prover.root });
          const built = await hashCar({ car, pool, maxPieceBytes: piece.pieceSizeBytes, pieceBytesMin: piece.pieceSizeBytes, prover });
          if (built.pieceCid !== piece.pieceCid) throw mismatch(piece, `built again, it is ${built.pieceCid}`);
          await files.keep(piece.id, piece.pieceCid, prover.finish(built.carSizeBytes, built.pieceSizeBytes)).catch(throwProofError);
        }),
      drop: (pieceId) => inTurn(pieceId, () => files.drop(pieceId).catch(throwProofError)),
      list: () => files.list().catch(throwProofError),
    },
    layouts: createPieceLayouts(manifests, log),
    build: (pieceId, members, signal, pieceBytesMin = minPieceBytes) =>
      inTurn(pieceId, async () => {
        let made = await buildOnce(pieceId, members, false, until(signal), pieceBytesMin);
        if (members.length === 1 && pieceSizeOf(made.built.carSizeBytes) < PIECE_TAKEN_BYTES)
          made = await buildOnce(pieceId, members, true, until(signal), pieceBytesMin);
        const { built, proof } = made;
        await keepProof(pieceId, built, proof);
        log.info({ pieceId, contents: members.length, ...built }, 'piece built');
        return built;
      }),
    cut: (contentKey, carBytesMax, signal) => cutContent({ contentKey, blocks, carBytesMax, sectionBytesMax, signal: until(signal) }),
    staged,
    async open(piece) {
      const path = await staged(piece.id);
      if (path !== undefined) return readPieceFile(path, piece.carSizeBytes);
      const manifest = await manifests.of(piece);
      return manifest && readPieceBlocks(manifest, blocks, (error) => manifests.damaged(piece.id, error));
    },
    receive: (piece, car, signal) =>
      inTurn(piece.id, async () => {
        const file = await staging.begin(piece.id);
        return await orDiscard([file], async () => {
          const received = await readPiece(piece, car, pool, until(signal), (bytes) => file.write(bytes));
          await file.keep(piece.pieceCid);
          return received;
        });
      }),
    check: (piece, car, signal) => readPiece(piece, car, pool, until(signal)),
    drop: (pieceId) => inTurn(pieceId, () => staging.drop(pieceId)),
    forget: (pieceId) =>
      inTurn(pieceId, async () => {
        await staging.drop(pieceId);
        await manifests.drop(pieceId);
      }),
    list: async () => [...new Set([...(await staging.list()), ...(await manifests.list())])].sort(),
    async close() {
      closing.abort();
      if (pool !== options.pool) await pool.close();
    },
  };
}

interface Hashing {
  car: Car;
  pool: HashPool;
  maxPieceBytes: number;
  /** The least padded size: zeros fill it up. */
  pieceBytesMin: number;
  /** Sees all that is hashed. */
  prover?: RootProver | undefined;
}

interface Build extends Hashing {
  pieceId: string;
  manifest: ManifestFile;
  /** Undefined when no file is to be written. */
  staging: Staging | undefined;
}

async function buildPiece({ pieceId, manifest, staging, ...hashed }: Build): Promise<BuiltPiece> {
  const file = await staging?.begin(pieceId);
  return await orDiscard(file === undefined ? [] : [file], async () => {
    const built = await hashCar({ ...hashed, keep: (bytes) => Promise.all([file?.write(bytes), manifest.ready()]) });
    await manifest.keep(built);
    await file?.keep(built.pieceCid);
    return built;
  });
}

async function hashCar({
  car,
  pool,
  maxPieceBytes,
  pieceBytesMin,
  prover,
  keep = async () => undefined,
}: Hashing & { keep?: (bytes: Uint8Array) => Promise<unknown> }): Promise<BuiltPiece> {
  const commp = openCommp(pool, prover);
  let bytes = 0;
  for await (const part of car.bytes) {
    bytes += part.length;
    if (pieceSizeOf(bytes) > maxPieceBytes)
      throw new PieceError('too_large', `the contents do not fit into the largest piece, ${maxPieceBytes} bytes: limits.piece_max says so`);
    prover?.write(part);
    await Promise.all([keep(part), hashing(commp.write(part))]);
  }
  const { pieceCid, pieceSizeBytes } = await hashing(commp.finish(pieceBytesMin));
  return { rootCid: car.root.toString(), pieceCid, carSizeBytes: bytes, pieceSizeBytes };
}

function throwProofError(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  throw new PieceError(
    'no_room',
    `the directory of proofs cannot be used (${code}): see to it that the disk has room and it belongs to fbpd`,
    {
      cause: error,
    },
  );
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
async function orDiscard<T>(files: readonly Pick<StagingFile, 'discard'>[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const file of files) await file.discard();
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

async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* partsUnlessAborted(source, signal);
  } catch (error) {
    throw signal.aborted ? new PieceError('aborted', 'reading the piece was stopped', { cause: signal.reason }) : error;
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
