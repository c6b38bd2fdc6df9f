import { setImmediate as nextTurn } from 'node:timers/promises';

import { isFbpdError } from '../domain/errors.ts';
import { IndexRecords } from './blocks/verify-index.ts';
import { type AppendFile, appendFileAt } from './cold/append-file.ts';
import { ColdRecords } from './cold/verify-records.ts';
import { spendProblems } from './cold/verify-spend.ts';
import { isIntact } from './engine/codec.ts';
import { typeOfKey } from './engine/group-commit.ts';
import { headOfJournal, JOURNAL_PREFIX, JOURNAL_SLOTS, type JournalEntry } from './engine/journal-ring.ts';
import type { LevelStore } from './level-store.ts';
import { UsageRecords } from './verify-usage.ts';

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
 * records of the cold layer, its lists, its totals and its spend log say the same, those of what was served, and the parts of
 * the index of blocks. It works on a store in use: it reads one snapshot, in batches, and lets others run in between.
 */
export async function verifyStore(store: Pick<LevelStore, 'rawBatches'>, options: VerifyOptions = {}): Promise<VerifyReport> {
  const counted = new Map<string, number>();
  const ring: [key: string, record: Buffer][] = [];
  const problems = new Problems();
  const checks = [new ColdRecords(), new UsageRecords(), new IndexRecords()];
  let records = 0;
  try {
    for await (const batch of store.rawBatches({})) {
      for (const [key, record] of batch) {
        if (!isIntact(key, record)) problems.add(`the record ${JSON.stringify(key)} does not match its checksum`);
        else if (key.startsWith(JOURNAL_PREFIX)) ring.push([key, record]);
        else for (const check of checks) check.see(key, record);
        const type = typeOfKey(key);
        counted.set(type, (counted.get(type) ?? 0) + 1);
      }
      records += batch.length;
      options.onProgress?.(records);
      await nextTurn();
    }
    await nameProblems(store, checks);
    for (const problem of checks.flatMap((check) => check.problems())) problems.add(problem);
    for (const problem of await spendLogProblems(store, options)) problems.add(problem);
  } catch (error) {
    if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
    problems.add(error.message);
  }
  for (const problem of journalProblems(ring, counted, options.journalSlots ?? JOURNAL_SLOTS)) problems.add(problem);
  return { records, problems: problems.list() };
}

/** Where every record lies that is compared with others. */
const COMPARED_RANGE = { gte: 'd', lt: 'w' };

/** What does not fit together is told again to who found it. */
async function nameProblems(
  store: Pick<LevelStore, 'rawBatches'>,
  checks: readonly (ColdRecords | UsageRecords | IndexRecords)[],
): Promise<void> {
  const unsure = checks.filter((check) => check.needsNames);
  if (unsure.length === 0) return;
  for (const check of unsure) check.nameThem();
  for await (const batch of store.rawBatches(COMPARED_RANGE)) {
    for (const [key, record] of batch) if (isIntact(key, record)) for (const check of unsure) check.see(key, record);
    await nextTurn();
  }
}

async function spendLogProblems(store: Pick<LevelStore, 'rawBatches'>, { spendLog }: VerifyOptions): Promise<readonly string[]> {
  if (spendLog === undefined) return [];
  const file = typeof spendLog.file === 'string' ? appendFileAt(spendLog.file) : spendLog.file;
  return spendProblems(store, file, spendLog.isLive);
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
