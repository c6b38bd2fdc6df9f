import type { Store } from '../../domain/ports.ts';
import type { ColdList } from './cold-list.ts';
import { statusOf } from './fate.ts';
import { type CommitPart, type FateStep, fateCommit } from './fate-commit.ts';
import type { HeadMark } from './head-mark.ts';
import { indexListOps } from './index-list.ts';
import { under } from './keys.ts';
import type { Packs } from './packs.ts';
import type { Queues } from './queues.ts';
import { deletePin, type LeavingPin, putPin, type StoredPin } from './records.ts';
import type { RosterEntry } from './roster-entry.ts';
import { type Rosters, statusCode } from './rosters.ts';

/** Everything that one request changes: one commit. */
export interface Change {
  /** At most one a content. */
  fates: readonly FateStep[];
  added?: { pin: StoredPin; entry: RosterEntry };
  removed?: readonly LeavingPin[];
  extra?: CommitPart;
}

/** What is kept in memory beside the store. */
export interface PinMemory {
  rosters: Rosters;
  packs: Packs;
  queues: Queues;
  /** Head of `u/`. */
  unpins: HeadMark;
  coldList: ColdList;
}

/** Writes changes, and when they are on disk, brings the memory up to them and tells who listens. */
export class PinCommits {
  readonly #store: Store;
  readonly #memory: PinMemory;
  readonly #onDue: ((accountIds: ReadonlySet<string>) => void)[] = [];
  readonly #onUnwanted: ((contentKey: string) => void)[] = [];

  constructor(store: Store, memory: PinMemory) {
    this.#store = store;
    this.#memory = memory;
  }

  onDue(listener: (accountIds: ReadonlySet<string>) => void): void {
    this.#onDue.push(listener);
  }

  onUnwanted(listener: (contentKey: string) => void): void {
    this.#onUnwanted.push(listener);
  }

  /** Hands the commit in before it returns: what was decided synchronously before is in the order of the commits. */
  async commit(change: Change): Promise<void> {
    const leaving = change.removed ?? [];
    const commit = commitOf(change);
    commit.ops.push(...this.#memory.packs.leave(leaving), ...this.#memory.coldList.ops(change.fates), ...indexListOps(change.fates));
    let removed = false;
    try {
      await this.#store.commit(commit);
      removed = true;
    } finally {
      this.#memory.packs.left(leaving, removed);
    }
    this.#remember(change);
    this.#tell(change, commit);
    this.#memory.coldList.committed(change.fates);
  }

  #remember({ fates, added, removed }: Change): void {
    const { rosters } = this.#memory;
    for (const { before, after } of fates) {
      const was = before.fate.content;
      if (was === undefined || after.content === undefined || statusOf(was) === statusOf(after.content)) continue;
      const status = statusCode(statusOf(after.content));
      for (const { accountId, createdMs } of before.holders ?? []) rosters.setStatus(accountId, createdMs, status);
    }
    if (added !== undefined) {
      const { pin, entry } = added;
      const content = fates.find(({ before }) => before.contentKey === pin.record.contentKey)?.after.content;
      if (content !== undefined) rosters.append(pin.accountId, pin.createdMs, statusCode(statusOf(content)), entry);
      this.#memory.packs.added(pin.accountId);
    }
    for (const { accountId, createdMs } of removed ?? []) rosters.remove(accountId, createdMs);
  }

  #tell({ fates }: Change, { ops }: CommitPart): void {
    const queued = new Set<string>();
    let unpins = false;
    for (const op of ops) {
      if (!('put' in op)) continue;
      if (op.put.startsWith(under('q').gte)) queued.add(this.#memory.queues.put(op.put));
      if (!op.put.startsWith(under('u').gte)) continue;
      this.#memory.unpins.put(op.put);
      unpins = true;
    }
    if (queued.size > 0 || unpins) for (const listener of this.#onDue) listener(queued);
    for (const step of fates) if (isUnwanted(step)) for (const listener of this.#onUnwanted) listener(step.before.contentKey);
  }
}

function commitOf({ fates, added, removed, extra }: Change): CommitPart {
  const parts = fates.map(fateCommit);
  if (added !== undefined) parts.push(putPin(added.pin, added.entry));
  for (const pin of removed ?? []) parts.push(deletePin(pin));
  if (extra !== undefined) parts.push(extra);
  return { expect: Object.assign({}, ...parts.map(({ expect }) => expect)), ops: parts.flatMap(({ ops }) => ops) };
}

/** True when a fetch that may be under way is for nobody any more. */
function isUnwanted({ before, after }: FateStep): boolean {
  return before.fate.content?.hot === 'wanted' && (after.content === undefined || after.content.hot === 'releasing');
}
