import { FbpdError, isFbpdError } from '../domain/errors.ts';
import type { Clock, Commit, Range, Store, StoredValue, Versioned } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { decodeRecord, versionOf } from './engine/codec.ts';
import { forgetProbe } from './engine/disk-space.ts';
import { judge, prepareCommit, type StoredVersion } from './engine/group-commit.ts';
import { GroupCommitQueue, type GroupLimits, type Waiting } from './engine/group-commit-queue.ts';
import { JOURNAL_SLOTS } from './engine/journal-ring.ts';
import { failureOf, unavailable } from './engine/level-errors.ts';
import { openError } from './engine/level-open.ts';
import { LevelSession } from './engine/level-session.ts';
import { readMark } from './engine/mark.ts';
import { type OpenedLevel, openVerified, prepareStore } from './engine/opened-level.ts';
import { effectiveRange } from './engine/range-bounds.ts';
import { BATCH_SIZE_BYTES, batchesOf, RowIterator } from './engine/range-iterator.ts';
import type { Sentinel } from './engine/sentinel.ts';

export interface LevelStoreOptions {
  /** The state directory: `store.json`, `store.mark` and LevelDB's directory `store` are in it. */
  dir: string;
  /** Types whose records are counted. */
  countedTypes: readonly string[];
  /** The schema version that this program reads and writes. */
  schema: number;
  log: Log;
  clock: Clock;
  /**
   * Called at most once, with `STORE_IO` or `STORE_DAMAGED`: the store can be used no more and the daemon must end.
   */
  onFatal: (error: FbpdError) => void;
  /** Makes a new store where there is none. Default false: a missing store is refused. */
  create?: boolean;
  /** Called when the disk is full, before the store is opened or goes on: gives a ballast up, say. */
  makeRoom?: () => Promise<void>;
  /** On a disk that was full the store goes on when so much can be written. Default 32 MiB. */
  resumeFreeBytes?: number;
  limits?: Partial<GroupLimits>;
  /** Length of the journal's ring; it is a property of the store on disk, so only tests choose. */
  journalSlots?: number;
}

const LIMITS: GroupLimits = {
  commitSizeBytes: 16 << 20,
  groupOps: 4096,
  groupSizeBytes: 1 << 20,
  queueCommits: 8192,
  queueSizeBytes: 64 << 20,
};
const RESUME_FREE_BYTES = 32 << 20;

/**
 * Opens the store and verifies what can be verified without reading all of it: the sentinel beside it, the log, the
 * journal of commits.
 *
 * @throws FbpdError `STORE_DAMAGED` (also: vanished, another schema, another store), `STORE_LOCKED`, `STORAGE_FULL`,
 *   `STORE_IO`
 */
export async function openLevelStore(options: LevelStoreOptions): Promise<LevelStore> {
  try {
    return await openIt(options);
  } catch (error) {
    if (options.makeRoom === undefined || failureOf(error) !== 'full') throw openingError(options, error);
  }
  await options.makeRoom();
  return openIt(options).catch((error) => {
    throw openingError(options, error);
  });
}

async function openIt(options: LevelStoreOptions): Promise<LevelStore> {
  const sentinel = await prepareStore({ ...options, create: options.create ?? false });
  await forgetProbe(options.dir);
  const mark = await readMark(options.dir, sentinel.id);
  if (mark === undefined) options.log.warn('store: store.mark is missing or unreadable; a loss of the newest commits would not be noticed');
  const reopen = (floor: number) => openVerified({ ...options, sentinel, floor, slots: options.journalSlots ?? JOURNAL_SLOTS });
  return new LevelStore(options, sentinel, await reopen(mark ?? 0), reopen);
}

function openingError({ dir }: LevelStoreOptions, error: unknown): unknown {
  if (failureOf(error) !== 'full') return isFbpdError(error) ? error : openError(dir, error);
  return new FbpdError('STORAGE_FULL', `store: the disk is too full to open ${dir}: free some megabytes and start again`, { cause: error });
}

/** The {@link Store} over LevelDB. Made by {@link openLevelStore}. */
export class LevelStore implements Store {
  /** UUID of this store, made with it. */
  readonly id: string;
  readonly #session: LevelSession;
  readonly #queue: GroupCommitQueue;
  readonly #counted: ReadonlySet<string>;
  readonly #slots: number;
  #closed: Promise<void> | undefined;

  constructor(options: LevelStoreOptions, sentinel: Sentinel, opened: OpenedLevel, reopen: (floor: number) => Promise<OpenedLevel>) {
    this.id = sentinel.id;
    this.#counted = new Set(options.countedTypes);
    this.#slots = options.journalSlots ?? JOURNAL_SLOTS;
    this.#session = new LevelSession({
      ...options,
      storeId: sentinel.id,
      opened,
      reopen,
      makeRoom: options.makeRoom ?? (async () => undefined),
      resumeFreeBytes: options.resumeFreeBytes ?? RESUME_FREE_BYTES,
    });
    this.#queue = new GroupCommitQueue({ limits: { ...LIMITS, ...options.limits }, write: (group) => this.#writeGroup(group) });
  }

  async get<T extends StoredValue>(key: string): Promise<Versioned<T> | undefined> {
    return this.#session.read(async (db) => {
      const record = await db.get(key);
      return record === undefined ? undefined : decodeRecord<T>(key, record);
    });
  }

  async getMany<T extends StoredValue>(keys: readonly string[]): Promise<(Versioned<T> | undefined)[]> {
    const records = await this.#session.read((db) => db.getMany([...keys]));
    return keys.map((key, index) => {
      const record = records[index];
      return record === undefined ? undefined : decodeRecord<T>(key, record);
    });
  }

  range<T extends StoredValue>(range: Range): AsyncIterableIterator<[key: string, record: Versioned<T>]> {
    return new RowIterator(this.rangeBatches<T>(range));
  }

  keys(range: Range): AsyncIterableIterator<string> {
    return new RowIterator(this.keyBatches(range));
  }

  /** As `range`, some thousand records at a time: the fastest way through many. */
  async *rangeBatches<T extends StoredValue>(range: Range): AsyncGenerator<[key: string, record: Versioned<T>][], void, void> {
    for await (const rows of this.rawBatches(effectiveRange(range))) {
      yield rows.map(([key, record]) => [key, decodeRecord<T>(key, record)]);
    }
  }

  /** As `keys`, some thousand at a time. */
  async *keyBatches(range: Range): AsyncGenerator<string[], void, void> {
    try {
      const db = await this.#session.handle();
      yield* batchesOf(db.keys({ ...effectiveRange(range), highWaterMarkBytes: BATCH_SIZE_BYTES }));
    } catch (error) {
      throw this.#session.readError(error);
    }
  }

  /** For the verifier: records as they are on disk, unchecked, the engine's own among them. */
  async *rawBatches(range: Range): AsyncGenerator<[key: string, record: Buffer][], void, void> {
    try {
      const db = await this.#session.handle();
      yield* batchesOf(db.iterator({ ...range, highWaterMarkBytes: BATCH_SIZE_BYTES }));
    } catch (error) {
      throw this.#session.readError(error);
    }
  }

  async commit(commit: Commit): Promise<number> {
    const prepared = prepareCommit(commit, this.#isCounted);
    if (this.#closed !== undefined) throw unavailable('it is closed');
    return this.#queue.push(prepared);
  }

  counts(): Readonly<Record<string, number>> {
    return this.#session.head.counts;
  }

  /** The newest commit. */
  get sequence(): number {
    return this.#session.head.last;
  }

  /** Writes what was handed in, refuses what comes later, and closes LevelDB. */
  close(): Promise<void> {
    this.#closed ??= this.#queue.drained().then(() => this.#session.close());
    return this.#closed;
  }

  readonly #isCounted = (type: string): boolean => this.#counted.has(type);

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      this.#session.assertWritable();
      const { head, synced } = this.#session;
      const judged = judge(group, await this.#versions(group), head, {
        isCounted: this.#isCounted,
        slots: this.#slots,
        synced: synced,
      });
      if (judged.entry !== undefined) await this.#session.write(judged.batch, judged.entry, judged.sync);
      for (const [index, verdict] of judged.verdicts.entries()) {
        if ('error' in verdict) group[index]?.reject(verdict.error);
        else group[index]?.resolve(verdict.sequence);
      }
    } catch (error) {
      for (const commit of group) commit.reject(error);
    }
  }

  async #versions(group: readonly Waiting[]): Promise<Map<string, StoredVersion>> {
    const keys = [...new Set(group.flatMap(({ expect }) => expect.map(([key]) => key)))];
    if (keys.length === 0) return new Map();
    const records = await this.#session.read((db) => db.getMany(keys));
    return new Map(keys.map((key, index) => [key, storedVersion(key, records[index])]));
  }
}

/** A damaged record fails only the commits that expect something of it. */
function storedVersion(key: string, record: Buffer | undefined): StoredVersion {
  if (record === undefined) return null;
  try {
    return versionOf(key, record);
  } catch (error) {
    return error as FbpdError;
  }
}
