import { type Content, type HotPinOwner, isHeld } from '../../domain/content.ts';
import type { PinEvent, PinStatus, Reason } from '../../domain/pin.ts';
import type { FetchOutcome } from '../../domain/ports.ts';

/** A content as it lies in the store. */
export interface StoredContent extends Content {
  /** A fetch is under way, or was when the process died. While `cold`: it is being pinned hot again. */
  fetching?: true;
  /** Since when the hot tier's pin is to be removed; only while `releasing` or `cold`. */
  unpinSinceMs?: number;
  /**
   * It is wanted again while it is `releasing`. The unpin may be happening at this very moment, so the content stays as it is until
   * that is over for certain, and is fetched then, as its blocks are still there; or until it is seen that there was none.
   */
  again?: true;
}

/** An account's interest in a content that is not held. */
export interface Want {
  /** When it is its turn at the earliest; null once the content was given up. */
  dueMs: number | null;
  /** Order among those due at one time: `created` of the account's first pin of it. */
  sinceMs: number;
  /** Origins of the account's pins of it, newest first. */
  origins: readonly string[];
}

/**
 * All that is decided about one content. One content has one fate: all its pins are queued, held or failed together,
 * whoever's they are. While it is not held, there is a want for every account that has a pin of it, and no others.
 */
export interface Fate {
  /** Undefined when nothing names it and nothing is left to unpin. */
  content: StoredContent | undefined;
  wants: ReadonlyMap<string, Want>;
  /** What the step adds to the content's log. */
  events: readonly PinEvent[];
}

/** A fate whose content is there. */
export type LiveFate = Fate & { content: StoredContent };

export const BLOCKED: Reason = { code: 'blocked', text: 'The operator of this service has blocked this CID.' };

const ORIGINS_MAX = 20;

/** The status of every pin of the content. One that is `releasing` and not wanted again has pins only when it was blocked. */
export function statusOf({ hot, fetching, again }: StoredContent): PinStatus {
  if (hot === 'pinned' || hot === 'cold') return 'pinned';
  if (hot === 'wanted') return fetching ? 'pinning' : 'queued';
  return again ? 'queued' : 'failed';
}

/** True when the content's wants belong into the queues. */
export function isQueueable({ hot, fetching }: StoredContent): boolean {
  return hot === 'wanted' && !fetching;
}

/** What a new pin brings. */
export interface Newcomer {
  contentKey: string;
  accountId: string;
  createdMs: number;
  origins: readonly string[];
}

/**
 * A new pin. It joins what is going on; a content that was given up or is being let go is wanted anew. Origins that
 * its account has not named before are a reason not to wait for the next try.
 */
export function accept(fate: Fate, pin: Newcomer, nowMs: number): LiveFate {
  const content = fate.content ?? newContent(pin.contentKey, nowMs);
  const joined = { ...fate, content: { ...content, pins: content.pins + 1 } };
  if (isHeld(content)) return joined;
  const known = fate.wants.get(pin.accountId);
  const hints = pin.origins.some((origin) => !known?.origins.includes(origin));
  const turnMs = hints ? nowMs : Math.max(nowMs, content.notBeforeMs);
  const want: Want = {
    dueMs: Math.min(known?.dueMs ?? turnMs, turnMs),
    sinceMs: known?.sinceMs ?? pin.createdMs,
    origins: [...new Set([...pin.origins, ...(known?.origins ?? [])])].slice(0, ORIGINS_MAX),
  };
  const withWant = { ...joined, wants: new Map(fate.wants).set(pin.accountId, want) };
  if (content.hot === 'wanted') return hints ? { ...withWant, content: { ...joined.content, attempts: 0 } } : withWant;
  return { ...wantAnew(withWant, nowMs), events: [{ atMs: nowMs, event: 'retried', text: 'a new pin asks for it again' }] };
}

/** An account's pins go, `pins` of them. `last` says that it has no other of this content. */
export function drop(fate: LiveFate, leaving: { accountId: string; pins: number; last: boolean }, nowMs: number): Fate {
  const content = { ...fate.content, pins: fate.content.pins - leaving.pins };
  const wants = new Map(fate.wants);
  if (leaving.last) wants.delete(leaving.accountId);
  return { ...fate, wants, content: content.pins > 0 ? content : letGo(content, nowMs) };
}

/** A fetch begins. Undefined when the content is not to be fetched. A pin that was ours once stays ours until it was removed. */
export function begin(fate: Fate, owner: Exclude<HotPinOwner, 'none'>, nowMs: number): LiveFate | undefined {
  const { content } = fate;
  if (content === undefined || !isQueueable(content)) return undefined;
  return {
    ...fate,
    content: { ...content, fetching: true, owner: content.owner === 'ours' ? 'ours' : owner },
    events: [{ atMs: nowMs, event: 'fetching', text: 'the hot tier fetches it' }],
  };
}

/**
 * A fetch has ended. When nobody wants it any more, what it brought is let go. A fetch that never came to begin may
 * end too, but not with a copy, since nobody wrote down whose that is. Undefined when there is nothing to do.
 */
export function end(fate: LiveFate, outcome: FetchOutcome, nowMs: number): Fate | undefined {
  const { fetching, ...content } = fate.content;
  if (content.hot === 'cold') return undefined;
  if (!fetching && (content.hot !== 'wanted' || outcome.kind === 'pinned')) return undefined;
  if (content.hot !== 'wanted') return { ...fate, content: letGo(content, nowMs) };
  if (outcome.kind === 'pinned') return hold(content, outcome, nowMs);
  const { reason } = outcome;
  const attempts = content.attempts + (outcome.kind === 'later' && outcome.free ? 0 : 1);
  if (outcome.kind === 'failed') {
    return {
      content: { ...content, hot: 'failed', attempts, reason },
      wants: dueAt(fate.wants, null),
      events: [{ atMs: nowMs, event: 'failed', text: reason.text }],
    };
  }
  return {
    content: { ...content, attempts, reason, notBeforeMs: outcome.notBeforeMs },
    wants: dueAt(fate.wants, outcome.notBeforeMs),
    events: [{ atMs: nowMs, event: 'waiting', text: reason.text }],
  };
}

/** The process died during a fetch: as it was before, with its old place in the queues. Undefined when none was under way. */
export function interrupt(fate: LiveFate, nowMs: number): Fate | undefined {
  const { fetching, ...content } = fate.content;
  if (!fetching) return undefined;
  if (content.hot === 'cold') return { ...fate, content: unpinned(content, nowMs) };
  if (content.hot !== 'wanted') return { ...fate, content: letGo(content, nowMs) };
  return { ...fate, content, events: [{ atMs: nowMs, event: 'waiting', text: 'the daemon ended while it was being fetched' }] };
}

/** Somebody asks for another try now. Undefined while it is held or being fetched: there is nothing to try. */
export function retry(fate: LiveFate, nowMs: number): LiveFate | undefined {
  const { hot, fetching } = fate.content;
  if (isHeld(fate.content) || (hot === 'wanted' && fetching)) return undefined;
  return { ...wantAnew(fate, nowMs), events: [{ atMs: nowMs, event: 'retried', text: 'queued anew' }] };
}

/** The operator blocks it: every pin of it has failed, and the hot copy goes. `accounts` are all that have a pin of it. */
export function block(fate: LiveFate, accounts: readonly string[], nowMs: number): Fate {
  return {
    content: letGo({ ...fate.content, reason: BLOCKED }, nowMs),
    wants: dueAt(wantsOf(fate, accounts, nowMs), null),
    events: [{ atMs: nowMs, event: 'blocked', text: BLOCKED.text }],
  };
}

/** The hot tier has let go. Undefined when it was not asked to. */
export function released(fate: LiveFate): Fate | undefined {
  const { unpinSinceMs, again, ...content } = fate.content;
  if (unpinSinceMs === undefined) return undefined;
  if (content.hot === 'cold') return { ...fate, content: { ...content, owner: 'none' } };
  return { ...fate, content: again ? { ...content, hot: 'wanted', owner: 'none' } : unheld(content) };
}

/** It is wanted again and was never unpinned, nor is it being. Undefined when there is nothing to take back, or too little is known of it. */
export function takeBack(fate: LiveFate, nowMs: number): Fate | undefined {
  const { unpinSinceMs, again, ...content } = fate.content;
  const { hot, fetching, owner, sizeBytes, blocks } = content;
  if (hot !== 'releasing' || !again || fetching || unpinSinceMs === undefined || owner !== 'ours') return undefined;
  return sizeBytes === undefined || blocks === undefined ? undefined : hold(content, { sizeBytes, blocks }, nowMs);
}

/** It is not in the hot tier. Undefined when it need not be. `accounts` are all that have a pin of it. */
export function vanish(fate: LiveFate, accounts: readonly string[], nowMs: number): LiveFate | undefined {
  if (fate.content.hot !== 'pinned') return undefined;
  const lost: LiveFate = { ...fate, content: { ...fate.content, owner: 'none' } };
  return {
    ...wantAnew({ ...lost, wants: wantsOf(fate, accounts, nowMs) }, nowMs),
    events: [{ atMs: nowMs, event: 'vanished', text: 'the hot tier no longer holds it' }],
  };
}

/** The hot copy goes, the pins stay. Undefined when there is none of ours. */
export function evict(fate: LiveFate, text: string, nowMs: number): LiveFate | undefined {
  if (fate.content.hot !== 'pinned' || fate.content.owner !== 'ours') return undefined;
  return { ...fate, content: unpinned({ ...fate.content, hot: 'cold' }, nowMs), events: [{ atMs: nowMs, event: 'evicted', text }] };
}

/** The hot tier does not have it any more, but providers do. Undefined when it need not be there. */
export function vanishToCold(fate: LiveFate, nowMs: number): LiveFate | undefined {
  if (fate.content.hot !== 'pinned') return undefined;
  return {
    ...fate,
    content: { ...fate.content, hot: 'cold', owner: 'none' },
    events: [{ atMs: nowMs, event: 'vanished', text: 'the hot tier no longer holds it; its cold copies are proven' }],
  };
}

/** A cold content is to be pinned hot again. Undefined while its last hot pin is being removed: nobody could tell the two apart. */
export function beginWarm(fate: LiveFate): LiveFate | undefined {
  const { hot, fetching, unpinSinceMs } = fate.content;
  if (hot !== 'cold' || fetching || unpinSinceMs !== undefined) return undefined;
  return { ...fate, content: { ...fate.content, fetching: true, owner: 'ours' } };
}

/** It was pinned hot again, or not. Undefined when that was not begun. */
export function endWarm(fate: LiveFate, facts: { sizeBytes: number; blocks: number } | undefined, nowMs: number): Fate | undefined {
  const { fetching, ...content } = fate.content;
  if (!fetching || content.hot === 'wanted') return undefined;
  if (content.hot !== 'cold') return { ...fate, content: letGo(content, nowMs) };
  return facts === undefined ? { ...fate, content: unpinned(content, nowMs) } : hold(content, facts, nowMs);
}

/** No copy is left anywhere. `accounts` are all that have a pin of it. Undefined when it is not cold, or blocks of it may be here. */
export function lose(fate: LiveFate, reason: Reason, accounts: readonly string[], nowMs: number): LiveFate | undefined {
  const { hot, fetching, unpinSinceMs } = fate.content;
  if (hot !== 'cold' || fetching || unpinSinceMs !== undefined) return undefined;
  return {
    content: { ...fate.content, hot: 'failed', reason },
    wants: wantsOf(fate, accounts, nowMs),
    events: [{ atMs: nowMs, event: 'failed', text: reason.text }],
  };
}

function newContent(key: string, nowMs: number): StoredContent {
  return { key, pins: 0, hot: 'wanted', owner: 'none', attempts: 0, wantedSinceMs: nowMs, notBeforeMs: nowMs };
}

function wantAnew(fate: LiveFate, nowMs: number): LiveFate {
  const { reason: _old, ...content } = fate.content;
  const anew = { ...content, attempts: 0, wantedSinceMs: nowMs, notBeforeMs: nowMs };
  return {
    ...fate,
    content: content.unpinSinceMs === undefined ? { ...anew, hot: 'wanted' } : { ...anew, again: true },
    wants: dueAt(fate.wants, nowMs),
  };
}

function hold(content: StoredContent, { sizeBytes, blocks }: { sizeBytes: number; blocks: number }, nowMs: number): Fate {
  const { reason: _old, ...held } = content;
  return {
    content: { ...held, hot: 'pinned', sizeBytes, blocks },
    wants: new Map(),
    events: [{ atMs: nowMs, event: 'pinned', text: `held: ${sizeBytes} bytes in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}` }],
  };
}

/** A pin of ours that may be in the hot tier is to be removed. */
function unpinned(content: StoredContent, nowMs: number): StoredContent {
  return { ...content, unpinSinceMs: content.unpinSinceMs ?? nowMs };
}

/** Nobody may have it held any more. A running fetch is left to end; then it comes here again. */
function letGo({ again: _no, ...content }: StoredContent, nowMs: number): StoredContent | undefined {
  if (content.fetching) return { ...content, hot: 'releasing' };
  if (content.owner === 'ours') return { ...content, hot: 'releasing', unpinSinceMs: content.unpinSinceMs ?? nowMs };
  return unheld(content);
}

/** Nothing of ours is in the hot tier. Pins that still name the content have failed. */
function unheld(content: StoredContent): StoredContent | undefined {
  return content.pins === 0 ? undefined : { ...content, hot: 'failed', owner: 'none' };
}

function dueAt(wants: ReadonlyMap<string, Want>, dueMs: number | null): ReadonlyMap<string, Want> {
  return new Map([...wants].map(([accountId, want]) => [accountId, { ...want, dueMs }]));
}

function wantsOf(fate: LiveFate, accounts: readonly string[], nowMs: number): ReadonlyMap<string, Want> {
  return new Map(accounts.map((accountId) => [accountId, fate.wants.get(accountId) ?? { dueMs: null, sinceMs: nowMs, origins: [] }]));
}
