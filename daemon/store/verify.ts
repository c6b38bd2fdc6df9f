import { setImmediate as nextTurn } from 'node:timers/promises';

import { isFbpdError } from '../domain/errors.ts';
import { type AppendFile, appendFileAt } from './cold/append-file.ts';
import { ColdRecords } from './cold/verify-records.ts';
import { spendProblems } from './cold/verify-spend.ts';
import { isIntact } from './engine/codec.ts';
import { typeOfKey } from './engine/group-commit.ts';
import { headOfJournal, JOURNAL_PREFIX, JOURNAL_SLOTS, type JournalEntry } from './engine/journal-ring.ts';
import type { LevelStore } from './level-store.ts';

export interface VerifyReport {
  /** Records that were read. */
  records: number;
  /** What is wrong, a sentence each; empty when all is well. */
  problems: readonly string[];
}

export interface VerifyOptions {
  /** Called now and then with the number of records read so far. */
  onProgress?: (records: number) => void;
  journalSlots?: number;
  /** The spend log, and whether a daemon is writing it; else it is not looked at. */
  spendLog?: { file: string | AppendFile; isLive: boolean };
}

/** A store with more wrong than this is not described any better by more sentences. */
const PROBLEMS_LISTED = 1000;

/**
 * Reads every record once: checksums, the journal of commits, the number of records of each counted type, and whether the
 * records of the cold layer, its lists, its totals and its spend log say the same. It works on a store in use: it reads
 * one snapshot, in batches, and lets others run in between.
 */
export async function verifyStore(store: Pick<LevelStore, 'rawBatches'>, options: VerifyOptions = {}): Promise<VerifyReport> {
  const counted = new Map<string, number>();
  const ring: [key: string, record: Buffer][] = [];
  const problems = new Problems();
  const cold = new ColdRecords();
  let records = 0;
  try {
    for await (const batch of store.rawBatches({})) {
      for (const [key, record] of batch) {
        if (!isIntact(key, record)) problems.add(`the record ${JSON.stringify(key)} does not match its checksum`);
        else if (key.startsWith(JOURNAL_PREFIX)) ring.push([key, record]);
        else cold.see(key, record);
        const type = typeOfKey(key);
        counted.set(type, (counted.get(type) ?? 0) + 1);
      }
      records += batch.length;
      options.onProgress?.(records);
      await nextTurn();
    }
    for (const problem of await coldProblems(store, cold, options)) problems.add(problem);
  } catch (error) {
    if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
    problems.add(error.message);
  }
  for (const problem of journalProblems(ring, counted, options.journalSlots ?? JOURNAL_SLOTS)) problems.add(problem);
  return { records, problems: problems.list() };
}

/** Where every record of the cold layer lies. */
const COLD_RANGE = { gte: 'd', lt: 'w' };

async function coldProblems(
  store: Pick<LevelStore, 'rawBatches'>,
  cold: ColdRecords,
  { spendLog }: VerifyOptions,
): Promise<readonly string[]> {
  if (cold.needsNames) {
    cold.nameThem();
    for await (const batch of store.rawBatches(COLD_RANGE)) {
      for (const [key, record] of batch) if (isIntact(key, record)) cold.see(key, record);
      await nextTurn();
    }
  }
  if (spendLog === undefined) return cold.problems();
  const file = typeof spendLog.file === 'string' ? appendFileAt(spendLog.file) : spendLog.file;
  return [...cold.problems(), ...(await spendProblems(store, file, spendLog.isLive))];
}

function journalProblems(ring: [string, Buffer][], counted: ReadonlyMap<string, number>, slots: number): string[] {
  let head: JournalEntry;
  try {
    head = headOfJournal(ring, slots);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return Object.entries(head.counts)
    .filter(([type, expected]) => (counted.get(type) ?? 0) !== expected)
    .map(([type, expected]) => `there are ${counted.get(type) ?? 0} records of type ${type}, and the commits add up to ${expected}`);
}

class Problems {
  readonly #listed: string[] = [];
  #more = 0;

  add(problem: string): void {
    if (this.#listed.length < PROBLEMS_LISTED) this.#listed.push(problem);
    else this.#more += 1;
  }

  list(): string[] {
    return this.#more === 0 ? this.#listed : [...this.#listed, `and ${this.#more} problems more`];
  }
}
