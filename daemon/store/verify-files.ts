import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { isFbpdError } from '../domain/errors.ts';
import type { Clock, Range } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { JOURNAL_SLOTS } from './engine/journal-ring.ts';
import { type LevelDb, openError, openUnjudged, refuseLocked } from './engine/level-open.ts';
import { MARK_FILE, readMark } from './engine/mark.ts';
import { openVerified, prepareStore } from './engine/opened-level.ts';
import { BATCH_SIZE_BYTES, batchesOf } from './engine/range-iterator.ts';
import { LEVEL_DIR, SENTINEL_FILE } from './engine/sentinel.ts';
import { type VerifyOptions, type VerifyReport, verifyStore } from './verify.ts';

export interface VerifyFilesOptions extends VerifyOptions {
  /** The state directory. */
  dir: string;
  schema: number;
  clock: Clock;
  log: Log;
}

/** The copy that is verified, within the state directory. */
const COPY_DIR = 'check.tmp';

/**
 * Verifies a store that nobody has open, in whatever state it is, and changes nothing of it: LevelDB rewrites its log
 * when it opens, so it gets a copy to work on. Tables are never written twice; of them the copy has links.
 *
 * @throws FbpdError `STORE_LOCKED` when a daemon has it open: that daemon can verify it
 */
export async function verifyStoreFiles(options: VerifyFilesOptions): Promise<VerifyReport> {
  await refuseLocked(join(options.dir, LEVEL_DIR));
  const copy = join(options.dir, COPY_DIR);
  try {
    await copyStore(options.dir, copy);
    const report = await verifyCopy({ ...options, dir: copy });
    return { records: report.records, problems: report.problems.map((problem) => problem.replaceAll(copy, options.dir)) };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** First as a start would, then all that can be read whatever a start would say. */
async function verifyCopy(options: VerifyFilesOptions): Promise<VerifyReport> {
  const problems: string[] = [];
  const opened = await openAsStartDoes(options).catch((error) => {
    if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
    problems.push(error.message);
    return undefined;
  });
  const db = opened ?? (await openUnjudged(join(options.dir, LEVEL_DIR), { create: false }).catch(() => undefined));
  if (db === undefined) return { records: 0, problems };
  try {
    const found = await verifyStore({ rawBatches: (range) => rawBatches(db, range) }, options);
    return { records: found.records, problems: [...problems, ...found.problems.filter((problem) => !problems.includes(problem))] };
  } finally {
    await db.close();
  }
}

async function openAsStartDoes(options: VerifyFilesOptions): Promise<LevelDb> {
  const sentinel = await prepareStore({ ...options, create: false });
  const floor = (await readMark(options.dir, sentinel.id)) ?? 0;
  const { db } = await openVerified({ ...options, sentinel, floor, slots: options.journalSlots ?? JOURNAL_SLOTS, countedTypes: [] });
  return db;
}

async function* rawBatches(db: LevelDb, range: Range): AsyncGenerator<[key: string, record: Buffer][], void, void> {
  try {
    yield* batchesOf(db.iterator({ ...range, highWaterMarkBytes: BATCH_SIZE_BYTES }));
  } catch (error) {
    throw openError(db.location, error);
  }
}

async function copyStore(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(join(to, LEVEL_DIR), { recursive: true, mode: 0o700 });
  for (const name of [SENTINEL_FILE, MARK_FILE]) await copyFile(join(from, name), join(to, name)).catch(ignoreMissing);
  const names = await readdir(join(from, LEVEL_DIR)).catch((error: NodeJS.ErrnoException): string[] => {
    ignoreMissing(error);
    return [];
  });
  for (const name of names.filter((name) => name !== 'LOCK')) {
    const [source, target] = [join(from, LEVEL_DIR, name), join(to, LEVEL_DIR, name)];
    await (/\.(ldb|sst)$/.test(name) ? link(source, target).catch(() => copyFile(source, target)) : copyFile(source, target));
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
