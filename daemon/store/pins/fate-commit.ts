import type { PinEvent } from '../../domain/pin.ts';
import type { Op, Store, StoredValue, Versioned } from '../../domain/ports.ts';
import { coldKeys } from '../cold/keys.ts';
import { type Fate, isQueueable, type StoredContent, statusOf, type Want } from './fate.ts';
import { createdOfKey, type EventsRecord, keys, segmentOfKey, under } from './keys.ts';

/** A pin that names a content. */
export interface Holder {
  accountId: string;
  createdMs: number;
}

/** A content's fate as read from the store. */
export interface LoadedFate {
  contentKey: string;
  fate: Fate;
  version: number | null;
  /** True when new pins of it are refused. */
  blocked: boolean;
  /** True when it lies in pieces, or waits for one. */
  hasCold: boolean;
  /** What happened to it so far; empty when only one account's part was read. */
  log: readonly PinEvent[];
  /** Every pin of it; undefined when only one account's want was read, which is enough as long as the status stays. */
  holders: readonly Holder[] | undefined;
}

/** The content's fate as far as it concerns one account. */
export async function loadFateFor(store: Store, contentKey: string, accountId: string): Promise<LoadedFate> {
  const [content, block, want, cold] = await store.getMany([
    keys.content(contentKey),
    keys.block(contentKey),
    keys.want(contentKey, accountId),
    coldKeys.content(contentKey),
  ]);
  const wants = want === undefined ? [] : [[accountId, want.value as Want] as const];
  const { hasCold, blocked } = { hasCold: cold !== undefined, blocked: block !== undefined };
  return { ...loaded(contentKey, content, wants), blocked, hasCold, log: [], holders: undefined };
}

/** The whole of it. The caller holds the content's lock, so the parts belong together. */
export async function loadFate(store: Store, contentKey: string): Promise<LoadedFate> {
  const [content, block, log, cold] = await store.getMany([
    keys.content(contentKey),
    keys.block(contentKey),
    keys.events(contentKey),
    coldKeys.content(contentKey),
  ]);
  const wants: [string, Want][] = [];
  const holders: Holder[] = [];
  if (content !== undefined) {
    for await (const [key, want] of store.range<Want>(under('w', contentKey))) wants.push([segmentOfKey(key, 2), want.value]);
    for await (const key of store.keys(under('c', contentKey))) {
      holders.push({ accountId: segmentOfKey(key, 2), createdMs: createdOfKey(key) });
    }
  }
  const events = (log?.value as EventsRecord | undefined)?.events ?? [];
  const { hasCold, blocked } = { hasCold: cold !== undefined, blocked: block !== undefined };
  return { ...loaded(contentKey, content, wants), blocked, hasCold, log: events, holders };
}

function loaded(
  contentKey: string,
  content: Versioned<StoredValue> | undefined,
  wants: Iterable<readonly [string, Want]>,
): Pick<LoadedFate, 'contentKey' | 'fate' | 'version'> {
  const fate: Fate = { content: content?.value as StoredContent | undefined, wants: new Map(wants), events: [] };
  return { contentKey, fate, version: content?.version ?? null };
}

/** From one fate to the next. */
export interface FateStep {
  before: LoadedFate;
  after: Fate;
}

/** Part of a commit. */
export interface CommitPart {
  expect: Record<string, number | null>;
  ops: Op[];
}

const EVENTS_MAX = 64;

/**
 * What is to be written for the step. The content's record is written by every step, so that its version stands for
 * its wants and lists too.
 *
 * @throws TypeError when the step changes more than was read: a bug
 */
export function fateCommit({ before, after }: FateStep): CommitPart {
  const { contentKey, fate } = before;
  if (before.holders === undefined && concernsAll(before, after)) {
    throw new TypeError(`store: a step of ${contentKey} concerns every account, but only one's want was read`);
  }
  const contentRecord = keys.content(contentKey);
  const ops: Op[] = [after.content === undefined ? { del: contentRecord } : { put: contentRecord, value: after.content }];
  for (const accountId of fate.wants.keys()) if (!after.wants.has(accountId)) ops.push({ del: keys.want(contentKey, accountId) });
  for (const [accountId, want] of after.wants) {
    if (fate.wants.get(accountId) !== want) ops.push({ put: keys.want(contentKey, accountId), value: want });
  }
  const listedBefore = listKeys(contentKey, fate);
  const listedAfter = listKeys(contentKey, after);
  for (const key of listedBefore) if (!listedAfter.has(key)) ops.push({ del: key });
  for (const key of listedAfter) if (!listedBefore.has(key)) ops.push({ put: key, value: {} });
  if (after.content === undefined) ops.push({ del: keys.events(contentKey) });
  else if (after.events.length > 0) {
    ops.push({ put: keys.events(contentKey), value: { events: [...before.log, ...after.events].slice(-EVENTS_MAX) } });
  }
  return { expect: { [contentRecord]: before.version }, ops };
}

/** True when pins of accounts whose wants were perhaps not read get another status, or their wants another place. */
function concernsAll({ fate }: LoadedFate, after: Fate): boolean {
  if (fate.content === undefined || after.content === undefined || after.content.pins === 0) return false;
  if (after.events.length > 0) return true;
  return statusOf(fate.content) !== statusOf(after.content) || isQueueable(fate.content) !== isQueueable(after.content);
}

/** The entries of `q/`, `f/`, `u/` and `oc/` that belong to a fate. */
export function listKeys(contentKey: string, { content, wants }: Fate): ReadonlySet<string> {
  const listed = new Set<string>();
  if (content === undefined) return listed;
  if (content.fetching) listed.add(keys.fetching(contentKey));
  if (content.unpinSinceMs !== undefined) listed.add(keys.unpin(content.unpinSinceMs, contentKey));
  if (content.hot === 'cold') listed.add(keys.cold(contentKey));
  if (!isQueueable(content)) return listed;
  for (const [accountId, { dueMs, sinceMs }] of wants) if (dueMs !== null) listed.add(keys.queued(accountId, dueMs, sinceMs, contentKey));
  return listed;
}
