import { type FileHandle, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { encodeHeader, encodeSectionHead } from '../cold/pieces/car-format.ts';
import { LinksError } from '../cold/pieces/links.ts';
import { parseCid } from '../domain/cid.ts';
import { type DealMaker, PieceError } from '../domain/cold-ports.ts';
import type { Scratch } from '../domain/drill.ts';
import { FbpdError } from '../domain/errors.ts';
import type { Clock } from '../domain/ports.ts';
import { formatSize } from '../domain/units.ts';
import { createDagTracker, type DagTracker } from './dag-tracker.ts';
import { firstByteMs, UNPADDED } from './patience.ts';
import type { BlockSink } from './sink.ts';
import { runSource } from './source-run.ts';

export interface ScratchOptions {
  maker: Pick<DealMaker, 'open'>;
  /** Ours alone: all that is in it is removed. */
  dir: string;
  /** So much stays free on its disk. */
  minFreeBytes: number;
  stallMs: number;
  clock: Clock;
}

/** Nobody reads what is fetched here. */
const NO_READERS = {
  intake: { wanted: async () => [], put: async () => undefined },
  hasReaders: () => false,
};

/** Contents come back as they would into the hot tier, but into CARs that are removed. */
export function createScratch({ maker, dir, minFreeBytes, stallMs, clock }: ScratchOptions): Scratch {
  let files = 0;

  async function begin(sizeBytes: number): Promise<{ path: string; file: FileHandle }> {
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(dir);
      if (bavail * bsize < sizeBytes + minFreeBytes) throw noRoom(`there is no room for ${formatSize(sizeBytes)} more in ${dir}`);
      files += 1;
      const path = join(dir, `${files}.car`);
      return { path, file: await open(path, 'w', 0o600) };
    } catch (error) {
      throw diskError(error, dir);
    }
  }

  return {
    async fetch({ deal, piece }, { contentKey, sizeBytes, isPart }, signal) {
      // A part is walked from its own root, and is whole by itself.
      const rootCid = isPart ? piece.rootCid : contentKey;
      const root = parseCid(rootCid);
      const tracker = createDagTracker(root);
      const { path, file } = await begin(sizeBytes);
      try {
        await file.write(encodeHeader(root)).catch((error: unknown) => Promise.reject(diskError(error, dir)));
        return await runSource({
          source: {
            provider: deal.provider,
            dealId: deal.id,
            pieceId: piece.id,
            bytesMax: piece.pieceSizeBytes * UNPADDED,
            firstByteMs: firstByteMs(piece),
            open: (until) => maker.open(deal, piece, rootCid, until, 0n),
          },
          tracker,
          sink: createFileSink(file, tracker, dir),
          isWhole: () => true,
          wants: NO_READERS,
          stallMs,
          nowMs: () => clock.nowMs(),
          signal,
        });
      } finally {
        await file.close().catch(() => undefined);
        await rm(path, { force: true }).catch(() => undefined);
      }
    },
    clear: () => rm(dir, { recursive: true, force: true }).catch(() => undefined),
  };
}

/** Sections of a CAR, parents before their children. Blocks come one after another. */
function createFileSink(file: FileHandle, tracker: DagTracker, dir: string): BlockSink {
  return {
    async take(cid, bytes) {
      if (!tracker.isMissing(cid)) return false;
      await file
        .writev([encodeSectionHead(cid.bytes, bytes.length), bytes])
        .catch((error: unknown) => Promise.reject(diskError(error, dir)));
      try {
        return tracker.take(cid, bytes);
      } catch (error) {
        if (!(error instanceof LinksError)) throw error;
        throw new PieceError('mismatch', `the block ${cid} cannot be read: ${error.message}`, { cause: error });
      }
    },
    settled: async () => undefined,
  };
}

function noRoom(message: string, cause?: unknown): FbpdError {
  return new FbpdError('STORAGE_FULL', `drill: ${message}`, { cause });
}

function diskError(error: unknown, dir: string): unknown {
  if (error instanceof FbpdError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  if (['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code)) return noRoom(`the disk of ${dir} is full (${code})`, error);
  return new FbpdError('BAD_ENVIRONMENT', `drill: ${dir} cannot be written (${code}): it is in cold.staging, which has to belong to fbpd`, {
    subject: 'cold.staging',
    cause: error,
  });
}
