import { isFbpdError } from '../../domain/errors.ts';
import type { Clock, Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { PinCommits, PinMemory } from './commits.ts';
import type { CreatedStamps } from './created-stamps.ts';
import type { Fate, LiveFate } from './fate.ts';
import { type FateStep, loadFate } from './fate-commit.ts';
import type { KeyedHash } from './keyed-hash.ts';
import type { KeyedLock } from './keyed-lock.ts';

/** What the parts of the pin store share. */
export interface PinContext extends PinMemory {
  store: Store;
  clock: Clock;
  log: Log;
  randomUUID: () => string;
  hash: KeyedHash;
  stamps: CreatedStamps;
  commits: PinCommits;
  lock: KeyedLock;
}

/**
 * Every writer of a content holds its lock, so a conflict means that something else writes to the store: a few tries
 * settle it, or it is reported.
 */
const TRIES = 5;

/** Reads, decides and commits under the locks of the contents; again from the start when the commit met a conflict. */
export function transact<T>(context: PinContext, contentKeys: readonly string[], task: () => Promise<T>): Promise<T> {
  return context.lock.run(contentKeys, () => retryConflicts(task));
}

/** Runs what reads and commits, again from the start when the commit met a conflict. */
export async function retryConflicts<T>(task: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await task();
    } catch (error) {
      if (tries === TRIES || !isFbpdError(error, 'CONFLICT')) throw error;
    }
  }
}

/** Takes a content one step on. Resolves with the step, or undefined when there is none to take. */
export function stepFate(
  context: PinContext,
  contentKey: string,
  next: (fate: LiveFate, accounts: readonly string[]) => Fate | undefined,
): Promise<FateStep | undefined> {
  return transact(context, [contentKey], async () => {
    const before = await loadFate(context.store, contentKey);
    const { content } = before.fate;
    if (content === undefined) return undefined;
    const after = next({ ...before.fate, content }, accountsOf(before.holders ?? []));
    if (after === undefined) return undefined;
    const step = { before, after };
    await context.commits.commit({ fates: [step] });
    return step;
  });
}

export function accountsOf(holders: readonly { accountId: string }[]): string[] {
  return [...new Set(holders.map(({ accountId }) => accountId))];
}
