import { join } from 'node:path';

import { Level } from 'level';

import { FbpdError } from '../domain/errors.ts';
import type { Clock, Commit, Range, Store, StoredValue, Versioned } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { decodeRecord, versionOf } from './codec.ts';
import { judge, prepareCommit } from './group-commit.ts';
import { GroupCommitQueue, type GroupLimits, type Waiting } from './group-commit-queue.ts';
import { headOfJournal, JOURNAL_END, JOURNAL_PREFIX, JOURNAL_SLOTS, type JournalEntry, OWN_PREFIX } from './journal-ring.ts';

export type LevelDb = Level<string, Buffer>;

export interface LevelStoreOptions {
  /** The state directory: LevelDB lives in `<dir>/store`. */
  dir: string;
  /** Types whose records are counted. */
  countedTypes: readonly string[];
  /** The schema version this program writes. */
  schema: number;
  log: Log;
  clock: Clock;
  /** Called once, when an I/O error has made the store unusable: the daemon must end. */
  onFatal: (error: FbpdError) => void;
  /** Makes a new store where there is none. Default false. */
  create?: boolean;
}

const LIMITS: GroupLimits = { groupOps: 4096, groupSizeBytes: 1 << 20, queueCommits: 8192, queueSizeBytes: 64 << 20 };
const BATCH_RECORDS = 1000;
const BATCH_SIZE_BYTES = 1 << 20;

/** Opens the store, or makes it with `create`. */
export async function openLevelStore(options: LevelStoreOptions): Promise<LevelStore> {
  const db: LevelDb = new Level(join(options.dir, 'store'), { keyEncoding: 'utf8', valueEncoding: 'buffer' });
  await db.open({ createIfMissing: options.create ?? false });
  const ring = await db.iterator({ gte: JOURNAL_PREFIX, lt: JOURNAL_END }).all();
  return new LevelStore(options, db, headOfJournal(ring, JOURNAL_SLOTS));
}

export class LevelStore implements Store {
  readonly #db: LevelDb;
  readonly #counted: ReadonlySet<string>;
  readonly #queue: GroupCommitQueue;
  #head: JournalEntry;
  #synced: number;
  #closed = false;

  constructor(options: LevelStoreOptions, db: LevelDb, head: JournalEntry) {
    this.#db = db;
    this.#counted = new Set(options.countedTypes);
    this.#head = { ...head, counts: { ...Object.fromEntries(options.countedTypes.map((type) => [type, 0])), ...head.counts } };
    this.#synced = head.last;
    this.#queue = new GroupCommitQueue({ limits: LIMITS, write: (group) => this.#writeGroup(group) });
  }

  async get<T extends StoredValue>(key: string): Promise<Versioned<T> | undefined> {
    const record = await this.#db.get(key);
    return record === undefined ? undefined : decodeRecord<T>(key, record);
  }

  async getMany<T extends StoredValue>(keys: readonly string[]): Promise<(Versioned<T> | undefined)[]> {
    const records = await this.#db.getMany([...keys]);
    return keys.map((key, index) => {
      const record = records[index];
      return record === undefined ? undefined : decodeRecord<T>(key, record);
    });
  }

  async *range<T extends StoredValue>(range: Range): AsyncGenerator<[key: string, record: Versioned<T>]> {
    const iterator = this.#db.iterator({ ...belowOwnKeys(range), highWaterMarkBytes: BATCH_SIZE_BYTES });
    try {
      for (;;) {
        const batch = await iterator.nextv(BATCH_RECORDS);
        if (batch.length === 0) return;
        for (const [key, record] of batch) yield [key, decodeRecord<T>(key, record)];
      }
    } finally {
      await iterator.close();
    }
  }

  async *keys(range: Range): AsyncGenerator<string> {
    const iterator = this.#db.keys({ ...belowOwnKeys(range), highWaterMarkBytes: BATCH_SIZE_BYTES });
    try {
      for (;;) {
        const batch = await iterator.nextv(BATCH_RECORDS);
        if (batch.length === 0) return;
        for (const key of batch) yield key;
      }
    } finally {
      await iterator.close();
    }
  }

  async commit(commit: Commit): Promise<number> {
    const prepared = prepareCommit(commit, this.#isCounted);
    if (this.#closed) throw new FbpdError('UNAVAILABLE', 'store: it is closed');
    return this.#queue.push(prepared);
  }

  counts(): Readonly<Record<string, number>> {
    return this.#head.counts;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.drained();
    await this.#db.close();
  }

  readonly #isCounted = (type: string): boolean => this.#counted.has(type);

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const stored = await this.#versions(group);
      const judged = judge(group, stored, this.#head, { isCounted: this.#isCounted, synced: this.#synced, slots: JOURNAL_SLOTS });
      if (judged.entry !== undefined) {
        await this.#db.batch([...judged.batch], { sync: judged.sync });
        this.#head = judged.entry;
        if (judged.sync) this.#synced = judged.entry.last;
      }
      judged.verdicts.forEach((verdict, index) => {
        if ('error' in verdict) group[index]?.reject(verdict.error);
        else group[index]?.resolve(verdict.sequence);
      });
    } catch (error) {
      for (const commit of group) commit.reject(error);
    }
  }

  async #versions(group: readonly Waiting[]): Promise<Map<string, number | null>> {
    const keys = [...new Set(group.flatMap((commit) => commit.expect.map(([key]) => key)))];
    if (keys.length === 0) return new Map();
    const records = await this.#db.getMany(keys);
    return new Map(keys.map((key, index) => [key, records[index] === undefined ? null : versionOf(key, records[index])]));
  }
}

/** Leaves the engine's own keys, which sort after all others, out of a range. */
function belowOwnKeys(range: Range): Range {
  if (range.lt !== undefined && range.lt <= OWN_PREFIX) return range;
  if (range.lte !== undefined && range.lte < OWN_PREFIX) return range;
  const { lt: _lt, lte: _lte, ...rest } = range;
  return { ...rest, lt: OWN_PREFIX };
}
