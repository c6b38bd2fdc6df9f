import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { isFbpdError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { decodeRecord, openRecord, sealRecord } from './codec.ts';
import { typeOfKey } from './group-commit.ts';
import { headOfJournal, IDENTITY_KEY, JOURNAL_END, JOURNAL_PREFIX, type JournalEntry } from './journal-ring.ts';
import { damaged, RESTORE } from './level-errors.ts';
import { type LevelDb, levelFilesIn, openError, openLevelDb, openUnjudged } from './level-open.ts';
import { writeMark } from './mark.ts';
import { planOpen } from './open-plan.ts';
import { LEVEL_DIR, newSentinel, readSentinel, type Sentinel, writeSentinel } from './sentinel.ts';

/** LevelDB, open, with its journal verified. */
export interface OpenedLevel {
  db: LevelDb;
  head: JournalEntry;
}

interface Identity {
  id: string;
  schema: number;
}

/**
 * Finds the store's sentinel, and makes or completes a store where that is wanted.
 *
 * @throws FbpdError `STORE_DAMAGED` when the store must not be opened
 */
export async function prepareStore(options: { dir: string; schema: number; create: boolean; clock: Clock }): Promise<Sentinel> {
  const { dir, schema } = options;
  const plan = planOpen({ sentinel: await readSentinel(dir), files: await levelFilesIn(join(dir, LEVEL_DIR)) }, options);
  switch (plan.step) {
    case 'refuse':
      throw plan.error;
    case 'open':
      return plan.sentinel;
    case 'finish':
      return finishStore(dir, plan.sentinel);
    case 'create': {
      const sentinel = newSentinel(schema, options.clock.nowMs());
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await writeSentinel(dir, sentinel);
      return finishStore(dir, sentinel);
    }
  }
}

/**
 * Opens LevelDB and verifies identity and journal.
 *
 * @param floor a sequence number that the store must have reached
 */
export async function openVerified(options: {
  dir: string;
  sentinel: Sentinel;
  floor: number;
  slots: number;
  countedTypes: readonly string[];
  log: Log;
}): Promise<OpenedLevel> {
  const { dir, sentinel } = options;
  const levelDir = join(dir, LEVEL_DIR);
  const { db, floor } = await openLevelDb(levelDir, options.floor, options.log);
  try {
    refuseStranger(dir, sentinel, await readIdentity(db));
    const head = headOfJournal(
      await db.iterator({ gte: JOURNAL_PREFIX, lt: JOURNAL_END, highWaterMarkBytes: 1 << 20 }).all(),
      options.slots,
    );
    if (head.last < floor) {
      throw damaged(
        `${dir}: the store ends with commit ${head.last}, but commit ${floor} was on disk`,
        `${RESTORE} If you have just restored one, remove store.mark.`,
      );
    }
    return { db, head: { ...head, counts: await completeCounts(db, head, options.countedTypes) } };
  } catch (error) {
    await db.close();
    throw isFbpdError(error) ? error : openError(levelDir, error);
  }
}

/** LevelDB may be there or not; data cannot be, as the store was never handed out. */
async function finishStore(dir: string, creating: Sentinel): Promise<Sentinel> {
  const db = await openUnjudged(join(dir, LEVEL_DIR), { create: true });
  try {
    const identity = await readIdentity(db);
    const [firstKey] = identity === undefined ? await db.keys({ limit: 1 }).all() : [];
    if (firstKey !== undefined) throw damaged(`${dir}: a store without a name but with records is in the place of a new one`, RESTORE);
    if (identity === undefined) {
      const { id, schema } = creating;
      await db.put(IDENTITY_KEY, sealRecord(IDENTITY_KEY, openRecord({ id, schema }), 0), { sync: true });
    } else {
      refuseStranger(dir, creating, identity);
    }
  } finally {
    await db.close();
  }
  const sentinel: Sentinel = { ...creating, state: 'ready' };
  await writeMark(dir, sentinel.id, 0);
  await writeSentinel(dir, sentinel);
  return sentinel;
}

async function readIdentity(db: LevelDb): Promise<Identity | undefined> {
  const record = await db.get(IDENTITY_KEY);
  return record === undefined ? undefined : decodeRecord<Identity>(IDENTITY_KEY, record).value;
}

function refuseStranger(dir: string, sentinel: Sentinel, identity: Identity | undefined): void {
  if (identity?.id === sentinel.id && identity.schema === sentinel.schema) return;
  const inside = identity === undefined ? 'holds no name' : `is ${identity.id} with schema ${identity.schema}`;
  throw damaged(
    `${dir}: store.json says ${sentinel.id} with schema ${sentinel.schema}, but the LevelDB beside it ${inside}`,
    'One of them belongs to another store: put the two of one store together.',
  );
}

/** A type that is counted since this version of the program is counted once, by its keys. */
async function completeCounts(db: LevelDb, head: JournalEntry, countedTypes: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const type of countedTypes) counts[type] = head.counts[type] ?? (head.group === 0 ? 0 : await countKeys(db, type));
  return counts;
}

async function countKeys(db: LevelDb, type: string): Promise<number> {
  let count = 0;
  for await (const key of db.keys({ gte: type, highWaterMarkBytes: 1 << 20 })) {
    if (!key.startsWith(type)) break;
    if (typeOfKey(key) === type) count += 1;
  }
  return count;
}
