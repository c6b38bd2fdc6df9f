import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { FbpdError, isFbpdError } from '../../domain/errors.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { freeBytes } from './disk-space.ts';
import { FullDiskGate } from './full-disk-gate.ts';
import type { BatchOp } from './group-commit.ts';
import type { JournalEntry } from './journal-ring.ts';
import { failureOf, RESTORE, storageFull, textOf, unavailable } from './level-errors.ts';
import type { LevelDb } from './level-open.ts';
import { cutAfterGroup, syncLogs } from './live-logs.ts';
import { MarkKeeper } from './mark.ts';
import type { OpenedLevel } from './opened-level.ts';
import { LEVEL_DIR } from './sentinel.ts';

export interface LevelSessionOptions {
  dir: string;
  storeId: string;
  opened: OpenedLevel;
  /** Opens and verifies anew; the store must have reached `floor`. */
  reopen: (floor: number) => Promise<OpenedLevel>;
  /** Called when the disk is full, before the store is opened again. */
  makeRoom: () => Promise<void>;
  resumeFreeBytes: number;
  onFatal: (error: FbpdError) => void;
  clock: Clock;
  log: Log;
}

/**
 * The open LevelDB, how far it has come, and what happens when it fails: on a full disk it is closed, cleaned of what
 * was refused, and opened again; any other I/O error is final.
 */
export class LevelSession {
  readonly #options: LevelSessionOptions;
  readonly #levelDir: string;
  readonly #gate: FullDiskGate;
  readonly #mark: MarkKeeper;
  readonly #closing = new AbortController();
  #db: LevelDb | undefined;
  /** While there is no handle: the attempt to get one that is under way or was the last. */
  #attempt: Promise<unknown> = Promise.resolve();
  #recovery: Promise<void> = Promise.resolve();
  #fatal: FbpdError | undefined;
  #head: JournalEntry;
  #synced: number;

  constructor(options: LevelSessionOptions) {
    this.#options = options;
    this.#levelDir = join(options.dir, LEVEL_DIR);
    this.#gate = new FullDiskGate(options.resumeFreeBytes);
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

  /** Runs a read; while the store is being opened again it waits for the attempt to end. */
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
    if (this.#db === undefined)
      throw unavailable(this.#closing.signal.aborted ? 'it is closed' : 'it is being opened again after the disk was full');
    return this.#db;
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

  /** False while the disk is known to be full. */
  async admitsWrites(): Promise<boolean> {
    if (!this.#gate.tripped) return true;
    return this.#gate.admits(this.#options.clock.nowMs(), await freeBytes(this.#options.dir).catch(() => 0));
  }

  /**
   * Writes one group. When it rejects, nothing of the group is in the store, nor will be after it was opened again;
   * only after `STORE_IO` that cannot be promised.
   */
  async write(batch: readonly BatchOp[], entry: JournalEntry, sync: boolean): Promise<void> {
    const db = await this.handle();
    try {
      // LevelDB syncs only its newest log, and older writes may be in the one before.
      if (sync && this.#synced < this.#head.last) await syncLogs(this.#levelDir);
      await db.batch([...batch], { sync });
    } catch (error) {
      throw await this.#writeFailed(db, error);
    }
    this.#head = entry;
    this.#gate.reset();
    if (!sync) return;
    this.#synced = entry.last;
    this.#mark.note(entry.last);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#recovery;
    const db = this.#db;
    this.#db = undefined;
    if (db === undefined) return;
    if (this.#fatal === undefined) {
      if (this.#synced < this.#head.last) await syncLogs(this.#levelDir);
      await this.#mark.flush(this.#head.last);
    }
    await db.close();
  }

  async #writeFailed(db: LevelDb, error: unknown): Promise<FbpdError> {
    const free = await freeBytes(this.#options.dir).catch(() => undefined);
    const failure = failureOf(error);
    // A C library may have other words for a full disk.
    const full = failure === 'full' || (failure === 'io' && free !== undefined && free < ALMOST_NOTHING_BYTES);
    this.#db = undefined;
    const cut = this.#closeAndCut(db);
    if (!full) {
      await cut;
      return this.#fail(error);
    }
    this.#gate.trip(this.#options.clock.nowMs(), free ?? 0);
    this.#options.log.error({ freeBytes: free, err: error }, 'store: the disk is full; writes are refused until there is room');
    const first = cut.then(() => this.#tryReopen());
    this.#attempt = first;
    this.#recovery = this.#keepTrying(first);
    await cut;
    return storageFull(error);
  }

  /**
   * LevelDB must never write with a handle that has failed: its log is torn at an unknown place. And whatever of the
   * failed group reached the log must go, because its callers are told that nothing was written.
   */
  async #closeAndCut(db: LevelDb): Promise<void> {
    try {
      await db.close();
      await cutAfterGroup(this.#levelDir, this.#head.group);
    } catch (error) {
      this.#options.log.error({ err: error }, 'store: the log could not be cleaned of a failed write');
    }
  }

  /** Tries until the store is open again, is closed, or has failed for good. */
  async #keepTrying(first: Promise<boolean>): Promise<void> {
    const { signal } = this.#closing;
    let done = await first;
    for (let delayMs = FIRST_RETRY_MS; !done && !signal.aborted; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      const attempt = this.#tryReopen();
      this.#attempt = attempt;
      done = await attempt;
    }
  }

  /** False when there was no room for it. */
  async #tryReopen(): Promise<boolean> {
    if (this.#closing.signal.aborted) return true;
    try {
      await this.#options.makeRoom();
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
    this.#options.log.info('store: open again after the disk was full');
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
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5000;

function fatalError(levelDir: string, cause: unknown): FbpdError {
  if (isFbpdError(cause)) return cause;
  if (failureOf(cause) === 'corrupt') return new FbpdError('STORE_DAMAGED', `store: ${levelDir}: ${textOf(cause)}. ${RESTORE}`, { cause });
  return new FbpdError(
    'STORE_IO',
    `store: an I/O error in ${levelDir}: ${textOf(cause)}. The daemon ends; see to the disk, then start it again and run \`fbpd check\`.`,
    { cause },
  );
}
