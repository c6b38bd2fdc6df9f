import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { decodeRecord } from './codec.ts';
import { JOURNAL_PREFIX, type JournalEntry } from './journal-ring.ts';
import { damaged, RESTORE } from './level-errors.ts';
import { logNumberOfEdit, putsOfBatch } from './leveldb-fields.ts';
import { type LogRecord, parseLog } from './write-ahead-log.ts';

/** A group of commits as it stands in a write-ahead log. */
export interface LoggedGroup {
  /** Where its record begins in the file. */
  offset: number;
  entry: JournalEntry;
}

/** A write-ahead log that LevelDB will replay when it opens. */
export interface LiveLog {
  path: string;
  sizeBytes: number;
  /** Up to here everything can be read. */
  goodSizeBytes: number;
  groups: readonly LoggedGroup[];
  /** Groups behind something that cannot be read. */
  stranded: readonly LoggedGroup[];
}

/**
 * Reads the logs that LevelDB has not yet turned into tables, oldest first.
 *
 * @throws FbpdError `STORE_DAMAGED` when the manifest or a log that it counts on is missing or malformed
 */
export async function readLiveLogs(levelDir: string): Promise<LiveLog[]> {
  const oldest = await oldestLogNumber(levelDir);
  const live = (await logsIn(levelDir)).filter(({ number }) => number >= oldest);
  if (oldest > 0 && live[0]?.number !== oldest) {
    throw damaged(`${levelDir}: the log ${String(oldest).padStart(6, '0')}.log is missing`, RESTORE);
  }
  const logs: LiveLog[] = [];
  for (const { path } of live) logs.push(await readLog(path));
  return logs;
}

/** Makes everything that was written to the logs durable. */
export async function syncLogs(levelDir: string): Promise<void> {
  for (const { path } of await logsIn(levelDir)) {
    // LevelDB may remove an old log meanwhile; what was in it is in a synced table then.
    await changeFile(path).catch(ignoreMissing);
  }
}

/** Cuts a log back to `sizeBytes` and empties all later ones. */
export async function cutLogs(logs: readonly LiveLog[], index: number, sizeBytes: number): Promise<void> {
  for (const [at, log] of logs.entries()) {
    if (at >= index) await changeFile(log.path, at === index ? sizeBytes : 0);
  }
}

/**
 * Removes every group after the given one, and whatever is torn, from the logs. LevelDB may have them open, if it never
 * writes to them again.
 *
 * @returns how many whole groups were removed
 */
export async function cutAfterGroup(levelDir: string, lastGroup: number): Promise<number> {
  const logs: LiveLog[] = [];
  for (const { path } of await logsIn(levelDir)) {
    const log = await readLog(path).catch(ignoreMissing);
    if (log !== undefined) logs.push(log);
  }
  for (const [index, log] of logs.entries()) {
    const later = log.groups.find(({ entry }) => entry.group > lastGroup);
    if (later === undefined && log.goodSizeBytes === log.sizeBytes) continue;
    await cutLogs(logs, index, later?.offset ?? log.goodSizeBytes);
    return logs.slice(index).flatMap(({ groups }) => groups.filter(({ entry }) => entry.group > lastGroup)).length;
  }
  return 0;
}

/** Bytes in all logs: about what LevelDB writes as tables when it opens. */
export async function logSizeBytes(levelDir: string): Promise<number> {
  const sizes = await Promise.all((await logsIn(levelDir)).map(({ path }) => stat(path).catch(ignoreMissing)));
  return sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0);
}

async function logsIn(levelDir: string): Promise<{ path: string; number: number }[]> {
  return (await readdir(levelDir))
    .filter((name) => /^\d+\.log$/.test(name))
    .map((name) => ({ path: join(levelDir, name), number: Number.parseInt(name, 10) }))
    .sort((a, b) => a.number - b.number);
}

async function oldestLogNumber(levelDir: string): Promise<number> {
  const current = await readFile(join(levelDir, 'CURRENT'), 'utf8');
  const [, name] = /^(MANIFEST-\d+)\n$/.exec(current) ?? [];
  if (name === undefined) throw damaged(`${levelDir}: the file CURRENT is malformed`, RESTORE);
  const manifest = await readFile(join(levelDir, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw damaged(`${levelDir}: ${name}, which CURRENT names, is missing`, RESTORE, error);
  });
  const { records, stranded } = parseLog(manifest);
  if (records.length === 0 || stranded.length > 0) throw damaged(`${levelDir}: ${name} is cut short or damaged`, RESTORE);
  try {
    return records.reduce((number, { payload }) => logNumberOfEdit(payload) ?? number, 0);
  } catch (cause) {
    throw damaged(`${levelDir}: ${name} is malformed`, RESTORE, cause);
  }
}

async function readLog(path: string): Promise<LiveLog> {
  const file = await readFile(path);
  const { records, goodSizeBytes, stranded } = parseLog(file);
  return { path, sizeBytes: file.length, goodSizeBytes, groups: groupsIn(records), stranded: groupsIn(stranded) };
}

function groupsIn(records: readonly LogRecord[]): LoggedGroup[] {
  return records.flatMap(({ offset, payload }) => {
    const entry = journalEntryOf(payload);
    return entry === undefined ? [] : [{ offset, entry }];
  });
}

/** A group's journal entry is the last operation of its batch. */
function journalEntryOf(batch: Buffer): JournalEntry | undefined {
  const put = putsOfBatch(batch).at(-1);
  const key = put?.key.toString();
  if (put === undefined || key === undefined || !key.startsWith(JOURNAL_PREFIX)) return undefined;
  return decodeRecord<JournalEntry>(key, put.value).value;
}

async function changeFile(path: string, sizeBytes?: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    if (sizeBytes !== undefined) await file.truncate(sizeBytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
