import type { Store } from '../../domain/ports.ts';
import { collect } from './collect.ts';
import { HeadMark } from './head-mark.ts';
import { parseQueuedKey, segmentOfKey, under } from './keys.ts';

interface AccountQueue {
  mark: HeadMark;
  /** Nothing is due before this; unknown while undefined. */
  idleUntilMs: number | undefined;
}

/** What a look into a queue found. */
export interface QueueLook {
  /** The first due entry that was not skipped. */
  entry?: { key: string; contentKey: string };
  /** When the first entry that is not due yet will be, if it came to be seen. */
  dueMs?: number;
}

/** The first read is for the usual case, that the head will do; the next ones for a head that is skipped. */
const FIRST_READ = 8;
const NEXT_READ = 256;

/** Nothing is put off for longer: what lies further ahead was written before the clock was set back. */
const LONGEST_WAIT_MS = 86_400_000;

/** Where each account's queue begins, and what is known about it without looking. The entries are in the store. */
export class Queues {
  readonly #store: Store;
  readonly #accounts = new Map<string, AccountQueue>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Finds the accounts that have entries: one seek each, however many there are. */
  async load(): Promise<void> {
    for (let from = under('q').gte; ; ) {
      const key = (await collect(this.#store.keys({ gte: from, lt: under('q').lt, limit: 1 })))[0];
      if (key === undefined) return;
      const accountId = segmentOfKey(key, 1);
      this.#accounts.set(accountId, { mark: new HeadMark(key), idleUntilMs: undefined });
      from = under('q', accountId).lt;
    }
  }

  /** Accounts whose queue is not known to be empty. */
  accounts(): string[] {
    return [...this.#accounts.keys()];
  }

  /** An entry has come to the store. Returns whose it is. */
  put(key: string): string {
    const accountId = segmentOfKey(key, 1);
    const queue = this.#accounts.get(accountId);
    if (queue === undefined) {
      this.#accounts.set(accountId, { mark: new HeadMark(key), idleUntilMs: undefined });
    } else {
      queue.idleUntilMs = undefined;
      queue.mark.put(key);
    }
    return accountId;
  }

  /** The head of an account's queue, as far as it is due. */
  async look(accountId: string, nowMs: number, skip: (contentKey: string) => boolean): Promise<QueueLook> {
    const queue = this.#accounts.get(accountId);
    if (queue === undefined) return {};
    if (queue.idleUntilMs !== undefined && !isDue(queue.idleUntilMs, nowMs)) return { dueMs: queue.idleUntilMs };
    const { puts } = queue.mark;
    const { head, found } = await this.#search(accountId, queue.mark.key, nowMs, skip);
    if (head === undefined) {
      if (queue.mark.puts === puts && this.#accounts.get(accountId) === queue) this.#accounts.delete(accountId);
    } else if (queue.mark.raise(puts, head)) {
      const { dueMs } = parseQueuedKey(head);
      queue.idleUntilMs = isDue(dueMs, nowMs) ? undefined : dueMs;
    }
    return found;
  }

  async #search(
    accountId: string,
    lowKey: string,
    nowMs: number,
    skip: (contentKey: string) => boolean,
  ): Promise<{ head: string | undefined; found: QueueLook }> {
    const { lt } = under('q', accountId);
    let head: string | undefined;
    let last: string | undefined;
    for (let limit = FIRST_READ; ; limit = NEXT_READ) {
      let read = 0;
      for await (const key of this.#store.keys(last === undefined ? { gte: lowKey, lt, limit } : { gt: last, lt, limit })) {
        head ??= key;
        last = key;
        read += 1;
        const { dueMs, contentKey } = parseQueuedKey(key);
        if (!isDue(dueMs, nowMs)) return { head, found: { dueMs } };
        if (!skip(contentKey)) return { head, found: { entry: { key, contentKey } } };
      }
      if (read < limit) return { head, found: {} };
    }
  }
}

function isDue(dueMs: number, nowMs: number): boolean {
  return dueMs <= nowMs || dueMs - nowMs > LONGEST_WAIT_MS;
}
