import type { Content } from '../../domain/content.ts';
import type { Reason } from '../../domain/pin.ts';
import type { FetchOutcome, QueuedContent } from '../../domain/ports.ts';
import { collect } from './collect.ts';
import { accountsOf, type PinContext, stepFate, transact } from './context.ts';
import {
  BLOCKED,
  begin,
  beginWarm,
  block,
  end,
  endWarm,
  evict,
  interrupt,
  isQueueable,
  lose,
  released,
  type StoredContent,
  takeBack,
  vanish,
  vanishToCold,
  type Want,
} from './fate.ts';
import { type Holder, listKeys, loadFate } from './fate-commit.ts';
import { type BlockRecord, keys, segmentOfKey, under } from './keys.ts';

/** Origins handed to one fetch; those of the account whose turn it is come first. */
const FETCH_ORIGINS_MAX = 64;

/** What the reconcilers and the operator do with contents: fetch, release, check, take down. */
export class PinFetches {
  readonly #context: PinContext;

  constructor(context: PinContext) {
    this.#context = context;
  }

  async nextQueued(accountId: string, skip: (contentKey: string) => boolean): Promise<{ next?: QueuedContent; dueMs?: number }> {
    for (;;) {
      const { entry, dueMs } = await this.#context.queues.look(accountId, this.#context.clock.nowMs(), skip);
      if (entry === undefined) return dueMs === undefined ? {} : { dueMs };
      const next = await this.#queued(accountId, entry.contentKey);
      if (next !== undefined) return { next };
      await this.#dropStale(entry);
    }
  }

  async beginFetch(contentKey: string, owner: 'ours' | 'foreign'): Promise<boolean> {
    return (await stepFate(this.#context, contentKey, (fate) => begin(fate, owner, this.#nowMs()))) !== undefined;
  }

  async endFetch(contentKey: string, outcome: FetchOutcome): Promise<boolean> {
    const step = await stepFate(this.#context, contentKey, (fate) => end(fate, outcome, this.#nowMs()));
    return step?.before.fate.content?.hot === 'wanted';
  }

  async recoverFetches(isRunning: (contentKey: string) => boolean = () => false): Promise<string[]> {
    const listed = (await collect(this.#context.store.keys(under('f')))).map((key) => segmentOfKey(key, 1));
    const interrupted = listed.filter((contentKey) => !isRunning(contentKey));
    await Promise.all(interrupted.map((contentKey) => stepFate(this.#context, contentKey, (fate) => interrupt(fate, this.#nowMs()))));
    return interrupted;
  }

  async releasing(limit: number): Promise<Content[]> {
    const { store, unpins } = this.#context;
    const { key: gte, puts } = unpins;
    const listed = await collect(store.keys({ gte, lt: under('u').lt, limit }));
    unpins.raise(puts, listed[0] ?? under('u').lt);
    const contents = await store.getMany<StoredContent>(listed.map((key) => keys.content(segmentOfKey(key, 2))));
    return contents.flatMap((content) => (content?.value.unpinSinceMs === undefined ? [] : [content.value]));
  }

  async released(contentKey: string): Promise<void> {
    await stepFate(this.#context, contentKey, released);
  }

  async takeBack(contentKey: string): Promise<boolean> {
    return this.#stepped(contentKey, (fate) => takeBack(fate, this.#nowMs()));
  }

  async vanished(contentKey: string): Promise<boolean> {
    return this.#stepped(contentKey, (fate, accounts) => vanish(fate, accounts, this.#nowMs()));
  }

  async *held(after?: string): AsyncGenerator<Content> {
    const { gte, lt } = under('o');
    const range = after === undefined ? { gte, lt } : { gt: keys.content(after), lt };
    for await (const [, { value }] of this.#context.store.range<StoredContent>(range)) if (value.hot === 'pinned') yield value;
  }

  async *cold(): AsyncGenerator<Content> {
    for await (const key of this.#context.store.keys(under('oc'))) {
      const content = (await this.#context.store.get<StoredContent>(keys.content(segmentOfKey(key, 1))))?.value;
      if (content?.hot === 'cold') yield content;
    }
  }

  async evict(contentKey: string, text: string): Promise<boolean> {
    return this.#stepped(contentKey, (fate) => evict(fate, text, this.#nowMs()));
  }

  async vanishedToCold(contentKey: string): Promise<boolean> {
    return this.#stepped(contentKey, (fate) => vanishToCold(fate, this.#nowMs()));
  }

  async beginWarm(contentKey: string): Promise<boolean> {
    return this.#stepped(contentKey, beginWarm);
  }

  async endWarm(contentKey: string, facts: { sizeBytes: number; blocks: number } | undefined): Promise<boolean> {
    return this.#stepped(contentKey, (fate) => endWarm(fate, facts, this.#nowMs()));
  }

  async lose(contentKey: string, reason: Reason): Promise<boolean> {
    return this.#stepped(contentKey, (fate, accounts) => lose(fate, reason, accounts, this.#nowMs()));
  }

  block(contentKey: string, note: string): Promise<{ pins: number }> {
    const { store, commits, log } = this.#context;
    return transact(this.#context, [contentKey], async () => {
      const before = await loadFate(store, contentKey);
      const { content } = before.fate;
      const holders: readonly Holder[] = before.holders ?? [];
      const nowMs = this.#nowMs();
      const record: BlockRecord = { contentKey, note, atMs: nowMs };
      const extra = { expect: {}, ops: [{ put: keys.block(contentKey), value: record }] };
      const after = content === undefined ? undefined : block({ ...before.fate, content }, accountsOf(holders), nowMs);
      await commits.commit({ fates: after === undefined ? [] : [{ before, after }], extra });
      log.warn({ cid: contentKey, note, pins: holders.length, reason: BLOCKED.code }, 'a CID was blocked');
      return { pins: holders.length };
    });
  }

  unblock(contentKey: string): Promise<void> {
    return transact(this.#context, [contentKey], async () => {
      await this.#context.store.commit({ ops: [{ del: keys.block(contentKey) }] });
      this.#context.log.warn({ cid: contentKey }, 'a CID is no longer blocked');
    });
  }

  async *blocked(): AsyncGenerator<BlockRecord> {
    for await (const [, { value }] of this.#context.store.range<BlockRecord>(under('b'))) yield value;
  }

  async #queued(accountId: string, contentKey: string): Promise<QueuedContent | undefined> {
    const { store } = this.#context;
    const content = (await store.get<StoredContent>(keys.content(contentKey)))?.value;
    if (content === undefined || !isQueueable(content)) return undefined;
    const own: string[] = [];
    const others: string[] = [];
    for await (const [key, { value }] of store.range<Want>({ ...under('w', contentKey), limit: FETCH_ORIGINS_MAX })) {
      (segmentOfKey(key, 2) === accountId ? own : others).push(...value.origins);
    }
    return { content, accountId, origins: [...new Set([...own, ...others])].slice(0, FETCH_ORIGINS_MAX) };
  }

  /** The content was taken or given up since the queue was read; or else the entry is a leftover. */
  #dropStale({ key, contentKey }: { key: string; contentKey: string }): Promise<void> {
    return transact(this.#context, [contentKey], async () => {
      const { fate } = await loadFate(this.#context.store, contentKey);
      if (!listKeys(contentKey, fate).has(key)) await this.#context.store.commit({ ops: [{ del: key }], sync: false });
    });
  }

  async #stepped(contentKey: string, step: Parameters<typeof stepFate>[2]): Promise<boolean> {
    return (await stepFate(this.#context, contentKey, step)) !== undefined;
  }

  #nowMs(): number {
    return this.#context.clock.nowMs();
  }
}
