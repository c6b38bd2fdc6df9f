import { setTimeout as sleep } from 'node:timers/promises';

import { FbpdError, isFbpdError } from '../domain/errors.ts';
import type { Clock, Store } from '../domain/ports.ts';
import type { Meter, ServedBytes } from '../domain/retrieval-ports.ts';
import { addServed, dayOfMs, servedBy, type UsageView, type UtcDay } from '../domain/usage.ts';
import { usageKeys } from '../domain/usage-records.ts';
import type { Log } from '../log.ts';
import { keysOfUsage, planUsage, type UsageEntry } from './usage-commit.ts';
import { dropContents, firstKeptDay, removeUsage } from './usage-drop.ts';
import { readContents, readUsage } from './usage-reads.ts';

export interface MeteringLimits {
  /** So many notes wait to be written; who comes with one more while the store writes nothing is refused, and not counted. */
  openNotes: number;
  /** So many contents, accounts and days are summed up while others are being written; who comes with one more waits. */
  pendingEntries: number;
  /** Of these so many go into one commit. */
  groupEntries: number;
  /** Between two commits, unless there is a whole one to make: what is noted meanwhile is in the second. */
  restMs: number;
  /** Contents that are told apart, per account and day. */
  contentsPerDay: number;
  /** Contents are told apart for so many of an account's newest days with reads. */
  keptDays: number;
  /** Records that are looked at to find the contents read most. */
  scanRecords: number;
  /** How long after the store refused it is tried again, at first; doubles up to `maxRetryMs`. */
  retryMs: number;
  maxRetryMs: number;
}

const LIMITS: MeteringLimits = {
  openNotes: 50_000,
  pendingEntries: 16_384,
  groupEntries: 1_024,
  restMs: 50,
  contentsPerDay: 100_000,
  keptDays: 400,
  scanRecords: 200_000,
  retryMs: 250,
  maxRetryMs: 15_000,
};
/** Somebody else's commit came between: that is nothing to wait for, unless it happens again and again. */
const CONFLICTS_AT_ONCE = 8;

export interface MeteringOptions {
  store: Store;
  clock: Clock;
  log: Log;
  limits?: Partial<MeteringLimits>;
}

interface Pending extends UsageEntry {
  written: PromiseWithResolvers<void>;
}

/**
 * Counts what is served, per account, content and UTC day. There is one writer: what is noted while it writes, and rests for a moment,
 * is summed up in memory and is its next commit, so that any number of notes cost a few commits a second. A commit that failed without having been
 * written is tried again with the same sums; one whose fate is not known is given up, so that nothing is ever counted twice.
 *
 * What is kept is decided by counting days that have records, never by the clock: one that was wrong for an hour must not
 * take the contents of a year with it.
 */
export class Metering implements Meter, UsageView {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: MeteringLimits;
  readonly #pending = new Map<string, Pending>();
  /** Accounts that got a new day: the contents of an old one may have to go. */
  readonly #untrimmed = new Set<string>();
  /** Accounts that were removed: responses to them may still be ending. */
  readonly #gone = new Set<string>();
  readonly #hurrying = new AbortController();
  #isClosed = false;
  #open = 0;
  #room = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #attempt: Promise<unknown> = Promise.resolve();

  constructor(options: MeteringOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /**
   * Resolves when it is on disk, which a full disk puts off. Rejects with `UNAVAILABLE` when the daemon ends first or too many wait, `STORE_IO`,
   * or `STORE_DAMAGED`: then it is not counted.
   *
   * @throws TypeError for anything but whole numbers: a bug of the caller
   */
  async note(served: ServedBytes): Promise<void> {
    assertServed(served);
    if (this.#open >= this.#limits.openNotes) throw new FbpdError('UNAVAILABLE', 'usage: too much waits to be counted already');
    this.#open += 1;
    try {
      await this.#add(served, dayOfMs(this.#clock.nowMs()));
    } finally {
      this.#open -= 1;
    }
  }

  async #add(served: ServedBytes, day: UtcDay): Promise<void> {
    const { accountId, contentKey } = served;
    const key = usageKeys.content(accountId, day, contentKey);
    while (this.#pending.size >= this.#limits.pendingEntries && !this.#pending.has(key) && !this.#isClosed) await this.#room.promise;
    if (this.#isClosed) throw new FbpdError('UNAVAILABLE', 'usage: the daemon is going down');
    if (this.#gone.has(accountId)) return;
    const before = this.#pending.get(key);
    const sums = servedBy(served);
    if (before !== undefined) before.served = addServed(before.served, sums);
    const entry = before ?? { accountId, day, contentKey, served: sums, written: Promise.withResolvers<void>() };
    this.#pending.set(key, entry);
    this.#running ??= this.#run();
    await entry.written.promise;
  }

  usage(...[accountId, days]: Parameters<UsageView['usage']>): ReturnType<UsageView['usage']> {
    return readUsage(this.#store, accountId, days);
  }

  contents(...[accountId, days, limit]: Parameters<UsageView['contents']>): ReturnType<UsageView['contents']> {
    return readContents(this.#store, accountId, days, { contents: limit, scanRecords: this.#limits.scanRecords });
  }

  /** Removes all there is of an account, in bounded commits, and counts nothing for it any more. */
  async forget(accountId: string): Promise<void> {
    this.#gone.add(accountId);
    for (const [key, entry] of this.#pending) {
      if (entry.accountId !== accountId) continue;
      this.#pending.delete(key);
      entry.written.resolve();
    }
    // A commit that was planned before this may be on its way; none that is planned later has anything of the account.
    await this.#attempt.catch(() => undefined);
    await removeUsage(this.#store, accountId);
  }

  /** The daemon is going down: what the store refuses from now on is given up instead of tried again, so that nobody waits for it. */
  hurry(): void {
    this.#hurrying.abort();
  }

  /** Writes what was noted, unless the store refuses it, and takes no more. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.hurry();
    this.#isClosed = true;
    this.#makeRoom();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is noted within one turn of the event loop shares the first commit too.
    await Promise.resolve();
    while (this.#pending.size > 0 || this.#hasToTrim()) {
      const group = this.#takeGroup();
      if (group.length > 0) await this.#write(group);
      if (this.#hasToTrim()) await this.#trim();
      if (this.#pending.size < this.#limits.groupEntries) await this.#rest();
    }
    this.#running = undefined;
  }

  async #rest(): Promise<void> {
    const { restMs } = this.#limits;
    if (restMs > 0) await sleep(restMs, undefined, { signal: this.#hurrying.signal }).catch(() => undefined);
  }

  #takeGroup(): Pending[] {
    const group: Pending[] = [];
    for (const [key, entry] of this.#pending) {
      if (group.length === this.#limits.groupEntries) break;
      this.#pending.delete(key);
      group.push(entry);
    }
    this.#makeRoom();
    return group;
  }

  #makeRoom(): void {
    this.#room.resolve();
    this.#room = Promise.withResolvers();
  }

  /** Settles every entry of the group; never rejects. */
  async #write(group: readonly Pending[]): Promise<void> {
    for (let refusals = 0; ; refusals += 1) {
      try {
        this.#attempt = this.#writeOnce(group);
        await this.#attempt;
        for (const entry of group) entry.written.resolve();
        return;
      } catch (error) {
        if (isFbpdError(error, 'STORE_DAMAGED') && group.length > 1) {
          for (const entry of group) await this.#write([entry]);
          return;
        }
        if (!this.#mayTryAgain(error, refusals)) {
          for (const entry of group) entry.written.reject(error);
          return;
        }
        await this.#waitAfter(error, refusals);
      }
    }
  }

  async #writeOnce(group: readonly Pending[]): Promise<void> {
    const keys = keysOfUsage(group);
    const records = await this.#store.getMany<object>(keys);
    const read = new Map(keys.map((key, index) => [key, records[index]]));
    const wanted = group.filter(({ accountId }) => !this.#gone.has(accountId));
    if (wanted.length === 0) return;
    const { commit, begun } = planUsage(wanted, read, this.#limits.contentsPerDay);
    await this.#store.commit(commit);
    for (const accountId of begun) this.#untrimmed.add(accountId);
  }

  /** Only where the store says that nothing was written. */
  #mayTryAgain(error: unknown, refusals: number): boolean {
    if (isFbpdError(error, 'CONFLICT') && refusals < CONFLICTS_AT_ONCE) return true;
    const wasNotWritten = isFbpdError(error, 'CONFLICT') || isFbpdError(error, 'STORAGE_FULL') || isFbpdError(error, 'UNAVAILABLE');
    return wasNotWritten && !this.#hurrying.signal.aborted;
  }

  async #waitAfter(error: unknown, refusals: number): Promise<void> {
    if (isFbpdError(error, 'CONFLICT') && refusals < CONFLICTS_AT_ONCE) return;
    const waitMs = Math.min(this.#limits.maxRetryMs, this.#limits.retryMs * 2 ** Math.min(refusals, 16));
    this.#log.warn({ err: error, waitMs, waiting: this.#pending.size }, 'usage: what was served is not on disk yet, and is tried again');
    await sleep(waitMs, undefined, { signal: this.#hurrying.signal }).catch(() => undefined);
  }

  #hasToTrim(): boolean {
    return this.#untrimmed.size > 0 && !this.#hurrying.signal.aborted;
  }

  /** One step for one account. What fails is made up for when the account has its next new day. */
  async #trim(): Promise<void> {
    const [accountId] = this.#untrimmed;
    if (accountId === undefined) return;
    try {
      const before = await firstKeptDay(this.#store, accountId, this.#limits.keptDays);
      if (before !== undefined && (await dropContents(this.#store, accountId, before)) > 0) return;
    } catch (error) {
      this.#log.warn({ err: error, accountId }, 'usage: what is kept no longer could not be dropped');
    }
    this.#untrimmed.delete(accountId);
  }
}

function assertServed({ accountId, contentKey, bytes, responses }: ServedBytes): void {
  const isCount = (amount: number) => Number.isSafeInteger(amount) && amount >= 0;
  if (!isCount(bytes) || !isCount(responses)) throw new TypeError(`usage: ${bytes} bytes of ${responses} responses cannot be counted`);
  if (!/^[^/~]+$/.test(accountId) || !/^[^/~]+$/.test(contentKey)) throw new TypeError(`usage: ${accountId}/${contentKey} cannot be a key`);
}
