import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { FbpdError, isFbpdError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { freeBytes, hasRoomFor } from './disk-space.ts';
import type { BatchOp } from './group-commit.ts';
import type { JournalEntry } from './journal-ring.ts';
import { failureOf, fatalError, RESTORE, storageFull, textOf, unavailable } from './level-errors.ts';
import type { LevelDb } from './level-open.ts';
import { cutAfterGroup, logSizeBytes, syncLogs } from './live-logs.ts';
import { MarkKeeper } from './mark.ts';
import type { OpenedLevel } from './opened-level.ts';
import { LEVEL_DIR } from './sentinel.ts';

export interface LevelSessionOptions {
  dir: string;
  storeId: string;
  opened: OpenedLevel;
  /** Opens and verifies anew; the store must have reached `floor`. */
  reopen: (floor: number) => Promise<OpenedLevel>;
  /** Called when the disk is full: gives a ballast up, say. */
  makeRoom: () => Promise<void>;
  /** Writes go on when so much can be written again. */
  resumeFreeBytes: number;
  onFatal: (error: FbpdError) => void;
  clock: Clock;
  log: Log;
}

/**
 * The open LevelDB, how far it has come, and what happens when it fails. When the disk is full, writes are refused and
 * reads go on until there is room; then it is opened again, as LevelDB never recovers by itself. Any other I/O error is
 * final.
 */
export class LevelSession {
  readonly #options: LevelSessionOptions;
  readonly #levelDir: string;
  readonly #mark: MarkKeeper;
  readonly #closing = new AbortController();
  #db: LevelDb | undefined;
  #head: JournalEntry;
  #synced: number;
  /** The disk was full: LevelDB must not write with this handle again, as its log is torn at an unknown place. */
  #full = false;
  #fatal: FbpdError | undefined;
  /** While there is no handle: the attempt to get one that is under way or was the last. */
  #attempt: Promise<unknown> = Promise.resolve();
  #recovery: Promise<void> = Promise.resolve();

  constructor(options: LevelSessionOptions) {
    this.#options = options;
    this.#levelDir = join(options.dir, LEVEL_DIR);
    this.#mark = new MarkKeeper(options);
    this.#db = options.opened.db;
    this.#head = options.opened.head;
    this.#synced = options.opened.head.last;
  }

  /** The newest journal entry that is written. */
  get head(): JournalEntry {
    return this.#head;
  }

  /** Every commit up to this one is synced. */
  get synced(): number {
    return this.#synced;
  }

  /** Runs a read. While the store is being opened again it waits for that; then it may have to be run once more. */
  async read<T>(run: (db: LevelDb) => Promise<T>): Promise<T> {
    const db = await this.handle();
    try {
      return await run(db);
    } catch (error) {
      if (failureOf(error) !== 'closed' || db === this.#db) throw this.readError(error);
    }
    const reopened = await this.handle();
    return run(reopened).catch((error) => {
      throw this.readError(error);
    });
  }

  /** @throws FbpdError `UNAVAILABLE`, or the one that ended the session */
  async handle(): Promise<LevelDb> {
    if (this.#db === undefined) await this.#attempt;
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#db !== undefined) return this.#db;
    throw unavailable(this.#closing.signal.aborted ? 'it is closed' : 'it cannot be opened again yet after the disk was full');
  }

  /** What the caller of a failed read is told. An I/O error ends the session. */
  readError(error: unknown): unknown {
    if (isFbpdError(error)) return error;
    switch (failureOf(error)) {
      case 'closed':
        return this.#fatal ?? unavailable('it was closed or opened again meanwhile', error);
      case 'corrupt':
        return new FbpdError('STORE_DAMAGED', `store: ${textOf(error)}. ${RESTORE}`, { cause: error });
      case 'io':
      case 'denied':
        return this.#fail(error);
      default:
        return error;
    }
  }

  /** @throws FbpdError when a write would be refused now */
  assertWritable(): void {
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#full) throw storageFull();
  }

  /**
   * Writes one group. When it rejects, nothing of the group is in the store, nor will be after it was opened again;
   * only after `STORE_IO` that cannot be promised.
   */
  async write(batch: readonly BatchOp[], entry: JournalEntry, sync: boolean): Promise<void> {
    this.assertWritable();
    const db = await this.handle();
    try {
      // LevelDB syncs only its newest log, and older writes may be in the one before.
      if (sync && this.#synced < this.#head.last) await syncLogs(this.#levelDir);
      await db.batch([...batch], { sync });
    } catch (error) {
      throw await this.#writeFailed(db, error);
    }
    this.#head = entry;
    if (!sync) return;
    this.#synced = entry.last;
    this.#mark.note(entry.last);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#recovery;
    const db = this.#db;
    this.#db = undefined;
    if (this.#fatal !== undefined || this.#full) {
      if (db !== undefined) await this.#closeAndCut(db);
      return;
    }
    if (this.#synced < this.#head.last) await syncLogs(this.#levelDir);
    await this.#mark.flush(this.#head.last);
    await db?.close();
  }

  async #writeFailed(db: LevelDb, error: unknown): Promise<FbpdError> {
    if (!(await this.#isFull(error))) {
      this.#db = undefined;
      await this.#closeAndCut(db);
      return this.#fail(error);
    }
    this.#options.log.error({ err: error }, 'store: the disk is full; writes are refused until there is room');
    this.#full = true;
    await this.#cut();
    this.#recovery = this.#recover();
    return storageFull(error);
  }

  /** A C library may have other words for a full disk than those we know. */
  async #isFull(error: unknown): Promise<boolean> {
    const failure = failureOf(error);
    if (failure !== 'io') return failure === 'full';
    return (await freeBytes(this.#options.dir).catch(() => Number.POSITIVE_INFINITY)) < ALMOST_NOTHING_BYTES;
  }

  async #closeAndCut(db: LevelDb): Promise<void> {
    await db.close().catch((error: unknown) => this.#options.log.warn({ err: error }, 'store: LevelDB did not close'));
    // Closing may have written what was left in a buffer.
    await this.#cut();
  }

  /** Whatever of a failed group has reached the log must go, because its callers are told that nothing was written. */
  async #cut(): Promise<void> {
    try {
      await cutAfterGroup(this.#levelDir, this.#head.group);
    } catch (error) {
      this.#options.log.error({ err: error }, 'store: the log could not be cleaned of a failed write');
    }
  }

  /** Waits for room, and opens the store again. */
  async #recover(): Promise<void> {
    const { signal } = this.#closing;
    await this.#options.makeRoom();
    for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
      if (await this.#hasRoom()) {
        const attempt = this.#tryReopen();
        this.#attempt = attempt;
        if (await attempt) return;
      }
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #hasRoom(): Promise<boolean> {
    try {
      const neededBytes = (await logSizeBytes(this.#levelDir)) + ALMOST_NOTHING_BYTES;
      return await hasRoomFor(this.#options.dir, Math.max(neededBytes, this.#options.resumeFreeBytes));
    } catch (error) {
      this.#options.log.warn({ err: error }, 'store: the free space cannot be measured');
      return false;
    }
  }

  /** False when there was no room for it after all. */
  async #tryReopen(): Promise<boolean> {
    const old = this.#db;
    this.#db = undefined;
    if (old !== undefined) await this.#closeAndCut(old);
    try {
      this.#adopt(await this.#options.reopen(this.#synced));
      return true;
    } catch (error) {
      if (failureOf(error) === 'full') return false;
      this.#fail(error);
      return true;
    }
  }

  #adopt({ db, head }: OpenedLevel): void {
    if (head.group > this.#head.group) {
      this.#options.log.error(
        { refused: this.#head.group, found: head.group },
        'store: writes that were answered as refused are there after all',
      );
    }
    this.#db = db;
    this.#head = head;
    this.#synced = head.last;
    this.#full = false;
    this.#options.log.info('store: there is room; it goes on');
  }

  #fail(cause: unknown): FbpdError {
    if (this.#fatal === undefined) {
      this.#fatal = fatalError(this.#levelDir, cause);
      this.#options.onFatal(this.#fatal);
    }
    return this.#fatal;
  }
}

/** Less than LevelDB needs for anything. */
const ALMOST_NOTHING_BYTES = 256 << 10;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;
