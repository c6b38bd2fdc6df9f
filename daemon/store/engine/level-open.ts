import { readdir } from 'node:fs/promises';

import { Level } from 'level';

import { FbpdError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import { damaged, failureOf, RESTORE, storageFull, textOf } from './level-errors.ts';
import { cutLogs, readLiveLogs } from './live-logs.ts';
import { judgeLogs } from './live-logs-verdict.ts';
import type { LevelFiles } from './open-plan.ts';

export type LevelDb = Level<string, Buffer>;

/** Measured with 1M records of 80 bytes: larger blocks scan faster, and gets stay well under a tenth of a millisecond. */
const TUNING = {
  cacheSize: 32 << 20,
  blockSize: 16 << 10,
  writeBufferSize: 8 << 20,
};

/** What lies in LevelDB's directory, without opening it. */
export async function levelFilesIn(levelDir: string): Promise<LevelFiles> {
  const names = await readdir(levelDir).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.includes('CURRENT')) return 'whole';
  return names.some((name) => /^MANIFEST-|\.(log|ldb|sst)$/.test(name)) ? 'headless' : 'none';
}

/** Opens LevelDB as it is: without a look at its logs, and empty if it is not there and may be created. */
export async function openUnjudged(levelDir: string, options: { create: boolean }): Promise<LevelDb> {
  const db: LevelDb = new Level(levelDir, { keyEncoding: 'utf8', valueEncoding: 'buffer', createIfMissing: options.create, ...TUNING });
  try {
    await db.open();
    return db;
  } catch (error) {
    throw openError(levelDir, error);
  }
}

/**
 * Opens LevelDB after its logs were judged.
 *
 * @param mark a sequence number known to be synced
 * @returns also the sequence number that the logs prove to have been synced
 * @throws FbpdError `STORE_LOCKED`, `STORE_DAMAGED`, `STORAGE_FULL`, `STORE_IO`
 */
export async function openLevelDb(levelDir: string, mark: number, log: Log): Promise<{ db: LevelDb; floor: number }> {
  await refuseLocked(levelDir);
  const logs = await readLiveLogs(levelDir);
  const verdict = judgeLogs(logs, mark);
  if (verdict.kind === 'damaged') throw damaged(`${levelDir}: ${verdict.what}`, RESTORE);
  if (verdict.kind === 'cut') {
    log.warn({ levelDir, groups: verdict.groups }, 'store: a power cut has torn writes that were not synced yet; they are left out');
    await cutLogs(logs, verdict.index, verdict.sizeBytes);
  }
  return { db: await openUnjudged(levelDir, { create: false }), floor: verdict.kind === 'cut' ? verdict.synced : mark };
}

/** Turns what LevelDB says when it opens into an error that says what to do. */
export function openError(levelDir: string, error: unknown): FbpdError {
  const text = textOf(error);
  switch (failureOf(error)) {
    case 'locked':
      return lockedError(levelDir, error);
    case 'full':
      return storageFull(error);
    case 'corrupt':
      return damaged(`${levelDir}: ${text}`, RESTORE, error);
    case 'denied':
      return new FbpdError(
        'BAD_ENVIRONMENT',
        `store: ${levelDir} cannot be opened: ${text}. Give the directory to the user the daemon runs as.`,
        { cause: error },
      );
    default:
      return new FbpdError('STORE_IO', `store: ${levelDir} cannot be opened: ${text}. See to the disk.`, { cause: error });
  }
}

/**
 * LevelDB takes its lock before it looks at anything, and refuses an existing store when told to: so this finds out
 * whether it is locked and changes nothing.
 */
export async function refuseLocked(levelDir: string): Promise<void> {
  try {
    const probe = new Level(levelDir, { createIfMissing: false, errorIfExists: true });
    await probe.open();
    await probe.close();
  } catch (error) {
    if (failureOf(error) === 'locked') throw lockedError(levelDir, error);
  }
}

function lockedError(levelDir: string, cause: unknown): FbpdError {
  return new FbpdError(
    'STORE_LOCKED',
    `store: ${levelDir} is open in another process: stop the other daemon, or talk to it over its admin socket`,
    { cause },
  );
}
