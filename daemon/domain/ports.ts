import type { CID } from 'multiformats/cid';

import type { Account, Caller, Scope, Token } from './account.ts';
import type { Content, FetchLimits, FetchProgress } from './content.ts';
import type { Pin, PinEvent, PinPage, PinQuery, PinRequest, PinStatus, Reason } from './pin.ts';

/** The time, in milliseconds since 1970. Decisions take values; only `main` makes a clock. */
export interface Clock {
  nowMs(): number;
}

// ---------------------------------------------------------------------------------------------------------------
// The key-value store

/** A record and the sequence number of the commit that wrote it. */
export interface Versioned<T> {
  value: T;
  version: number;
}

/** Values are JSON, or bytes where a compact form matters. */
export type StoredValue = object | Uint8Array;

export type Op = { put: string; value: StoredValue } | { del: string };

export interface Commit {
  /** The version each key must have for the commit to happen; `null` means absent. */
  expect?: Readonly<Record<string, number | null>>;
  ops: readonly Op[];
  /** False only for what may be redone after a power cut. Default true. */
  sync?: boolean;
}

export interface Range {
  gt?: string;
  gte?: string;
  lt?: string;
  lte?: string;
  reverse?: boolean;
  limit?: number;
}

/**
 * Ordered keys, snapshots, and `commit`: compare, then one atomic batch. A key's first path segment is its type
 * (`p/…`). Keys of a *counted* type must carry an expectation in every commit that puts or deletes them, so that the
 * store always knows how many records of the type there are.
 */
export interface Store {
  /** Rejects with `STORE_DAMAGED` when the record's checksum does not match. */
  get<T extends StoredValue>(key: string): Promise<Versioned<T> | undefined>;
  getMany<T extends StoredValue>(keys: readonly string[]): Promise<(Versioned<T> | undefined)[]>;
  /** A consistent view from when iteration begins. */
  range<T extends StoredValue>(range: Range): AsyncIterable<[key: string, record: Versioned<T>]>;
  keys(range: Range): AsyncIterable<string>;
  /**
   * Resolves with the commit's sequence number once it is on disk (synced, unless `sync: false`).
   * Commits are judged in the order they were handed in, against everything handed in before them.
   * Rejects with `CONFLICT` or `STORE_DAMAGED` (an expectation failed, or its record is damaged: only this commit is
   * affected), `STORAGE_FULL` or `UNAVAILABLE`; in each of these cases nothing of it was written. After `STORE_IO`, which
   * ends the daemon, only the next start can tell.
   */
  commit(commit: Commit): Promise<number>;
  /** Records per counted type, as of the last durable commit. */
  counts(): Readonly<Record<string, number>>;
}

// ---------------------------------------------------------------------------------------------------------------
// Pins

/** What the scheduler takes from the queue. */
export interface QueuedContent {
  content: Content;
  /** The account whose turn it was. */
  accountId: string;
  /** Origins of every pin that waits for it, without repeats. */
  origins: readonly string[];
}

/** How a content stands with somebody who wants to read it. */
export interface Standing {
  content: Content | undefined;
  /** That of its pins; undefined without a content. */
  status: PinStatus | undefined;
  /** A pin of the account names it, whatever its status; of any account, where none was named. */
  isPinned: boolean;
  /** It was taken down. */
  isBlocked: boolean;
}

/** How a fetch ended, for every pin of the content. */
export type FetchOutcome =
  | { kind: 'pinned'; sizeBytes: number; blocks: number }
  /** Try again not before that time; counts as an attempt unless `free`. */
  | { kind: 'later'; notBeforeMs: number; reason: Reason; free?: boolean }
  | { kind: 'failed'; reason: Reason };

/**
 * The typed store of pins and contents: every method is one synced commit, or reads.
 * Another account's request id is `NOT_FOUND`.
 */
export interface PinStore {
  /**
   * Accepts a request: pin, due entry and counters in one commit. A content that is held already gives a pin that
   * is `pinned` at once.
   * Rejects with `CID_BLOCKED`, `TOO_MANY_REQUESTS`, `STORAGE_FULL`, `UNAVAILABLE`.
   */
  add(accountId: string, request: PinRequest): Promise<Pin>;
  /** Adds the new and removes the old in one commit. `NOT_FOUND` when the old is not this account's. */
  replace(accountId: string, requestId: string, request: PinRequest): Promise<Pin>;
  remove(accountId: string, requestId: string): Promise<Pin>;
  get(accountId: string, requestId: string): Promise<Pin | undefined>;
  list(accountId: string, query: PinQuery): Promise<PinPage>;

  /** For the operator: a pin of any account. */
  find(requestId: string): Promise<Pin | undefined>;
  events(pin: Pin): Promise<PinEvent[]>;
  /** Queues a failed or waiting pin's content anew: attempts and clock start again. */
  retry(pin: Pin): Promise<Pin>;
  content(contentKey: string): Promise<Content | undefined>;
  /** Of each key in turn. */
  contents(contentKeys: readonly string[]): Promise<(Content | undefined)[]>;
  /** A few reads by key, for every request of a reader. */
  standing(contentKey: string, accountId?: string): Promise<Standing>;
  /** Pins of every account per status. */
  totals(): Readonly<Record<PinStatus, number>>;
  accountTotals(accountId: string): Readonly<Record<PinStatus, number>>;

  /** Takedown. Pins of it fail with the reason, its hot copy is released, new pins of it are refused. */
  block(contentKey: string, note: string): Promise<{ pins: number }>;
  unblock(contentKey: string): Promise<void>;
  blocked(): AsyncIterable<{ contentKey: string; note: string; atMs: number }>;
  /** Removes every pin of an account, some hundreds a commit; resolves with how many. */
  removeAll(accountId: string): Promise<number>;

  /** Accounts that have queued entries which may be due. */
  queuedAccounts(): string[];
  /**
   * The next due content of an account that is `wanted` and for which `skip` is false, or when the soonest one is
   * due. Entries whose content is wanted no more are dropped on the way.
   */
  nextQueued(accountId: string, skip: (contentKey: string) => boolean): Promise<{ next?: QueuedContent; dueMs?: number }>;
  /**
   * Writes, synced, that a fetch begins and whose hot pin it will be: pins become `pinning`, the content's owner is
   * set, the content is listed as in flight. False when it is wanted no more.
   */
  beginFetch(contentKey: string, owner: 'ours' | 'foreign'): Promise<boolean>;
  /** Ends what `beginFetch` began, for every pin of the content. False when nobody wants it any more (then it is `releasing`). */
  endFetch(contentKey: string, outcome: FetchOutcome): Promise<boolean>;
  /**
   * On start: contents in flight when the last process died go back to the head of their queues. Later: so do those
   * whose end could not be written, if `isRunning` says no for them.
   */
  recoverFetches(isRunning?: (contentKey: string) => boolean): Promise<string[]>;

  /** Contents to be unpinned from the hot tier, oldest first. */
  releasing(limit: number): Promise<Content[]>;
  /** The hot tier has let go: the record goes, unless a pin came back meanwhile. */
  released(contentKey: string): Promise<void>;
  /** It was to be unpinned, is wanted again, and the hot tier's pin is still there: it is held as before. False when there is nothing to take back. */
  takeBack(contentKey: string): Promise<boolean>;
  /** A held content was not found in the hot tier: its pins are queued again. */
  vanished(contentKey: string): Promise<boolean>;
  /** Every content that claims to be held hot, in key order, from behind that key. */
  held(after?: string): AsyncIterable<Content>;

  /**
   * Lets the hot copy of a held content go, whose pins stay `pinned`: it is listed to be unpinned. The caller has seen to it
   * that its cold copies are proven. False when there is no hot copy of ours to let go.
   */
  evict(contentKey: string, text: string): Promise<boolean>;
  /** A held content is not in the hot tier any more, but proven cold. False when it is not held. */
  vanishedToCold(contentKey: string): Promise<boolean>;
  /** Every content without a hot copy whose pins are `pinned`, in key order. */
  cold(): AsyncIterable<Content>;
  /**
   * Writes, synced, that a cold content is about to be pinned hot again. False when it is not cold any more, or still being
   * let go.
   */
  beginWarm(contentKey: string): Promise<boolean>;
  /** It is pinned, or with undefined it is not and what there is of a pin is to go. False when nothing was begun. */
  endWarm(contentKey: string, facts: { sizeBytes: number; blocks: number } | undefined): Promise<boolean>;
  /** Every copy of a cold content is lost: its pins fail. False when it is not cold, or being made hot. */
  lose(contentKey: string, reason: Reason): Promise<boolean>;

  /** Called after every commit that makes something due: queue entries, of these accounts, or a release. */
  onDue(listener: (accountIds: ReadonlySet<string>) => void): void;
  /** Called when nobody wants a content any more, so that a running fetch is aborted. */
  onUnwanted(listener: (contentKey: string) => void): void;
}

// ---------------------------------------------------------------------------------------------------------------
// The hot tier

export interface HotStatusReport {
  up: boolean;
  /** What is wrong, or the version that runs. */
  detail: string;
  peerId?: string;
  /**
   * Dialable multiaddrs ending in `/p2p/<peerId>`, public ones first; the last known while the tier is down.
   * Empty only before the peer id was ever known.
   */
  addresses: readonly string[];
}

/** Why the hot tier did not do it. */
export type HotFailure =
  /** Not reachable, or restarting: says nothing about the content. */
  | 'down'
  /** It answered with an error of its own, which may be about the content or not: worth a few more tries. */
  | 'refused'
  /** No new block for `stallMs`. */
  | 'stalled'
  | 'timeout'
  | 'too_many_bytes'
  | 'too_many_blocks'
  /** A block that does not hash, decode or belong to a codec the tier knows. */
  | 'invalid'
  /** Stopped by our own signal. */
  | 'aborted';

export class HotError extends Error {
  readonly failure: HotFailure;

  constructor(failure: HotFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HotError';
    this.failure = failure;
  }
}

/**
 * Where hot copies live. Everything about kubo stays behind this. All rejections are {@link HotError}, but those of
 * `start`: these are FbpdErrors, `BAD_ENVIRONMENT` with what to do.
 */
export interface HotTier {
  start(): Promise<void>;
  stop(): Promise<void>;
  status(): HotStatusReport;
  /** Dials peers, best-effort: never rejects. */
  connect(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Brings every block of the DAG in, under the limits, and leaves no pin. `onBlock` is told every CID of the DAG once, the
   * root's first, and those of identity CIDs not at all; while its promise is open no more is read. It must not throw.
   */
  fetch(
    contentKey: string,
    limits: FetchLimits,
    onProgress: (progress: FetchProgress) => void,
    signal: AbortSignal,
    options?: { onBlock?: (cid: CID) => Promise<void> | undefined },
  ): Promise<FetchProgress>;
  /** Pins what is here; never reaches for the network. */
  pin(contentKey: string, signal: AbortSignal): Promise<void>;
  /** True when the whole DAG is held by a recursive pin; with `byUs`, by one that carries our name. */
  isPinned(contentKey: string, signal: AbortSignal, options?: { byUs: boolean }): Promise<boolean>;
  /** Removes the pin, where the tier is not ours alone only one that carries our name; not being pinned is fine. */
  unpin(contentKey: string, signal: AbortSignal): Promise<void>;
  /** Every recursive pin. `named` says that the pin carries fbpd's name. */
  pins(signal: AbortSignal): AsyncIterable<{ contentKey: string; named: boolean }>;
  /** Deletes unpinned blocks. The caller sees to it that no fetch runs. */
  collectGarbage(signal: AbortSignal): Promise<void>;
  usage(signal: AbortSignal): Promise<{ repoBytes: number; capacityBytes: number }>;
  /** True when the tier is ours alone, so that strays may be removed and garbage collected. */
  readonly exclusive: boolean;
}

// ---------------------------------------------------------------------------------------------------------------
// Accounts

/** Accounts and tokens. Rejections: `NOT_FOUND`, `CONFLICT` (a name taken), `BAD_REQUEST`, and the store's. */
export interface Accounts {
  /** Who the secret belongs to; undefined when malformed, unknown, revoked or expired. Suspended accounts are returned. */
  authenticate(secret: string): Promise<Caller | undefined>;
  add(name: string): Promise<Account>;
  list(): Promise<Account[]>;
  /** By id or by name. */
  find(idOrName: string): Promise<Account>;
  /** `deleting` is final and refuses everything; `remove` ends it. */
  setState(accountId: string, state: Account['state']): Promise<Account>;
  /** Removes the account and its tokens. Its pins must be gone. */
  remove(accountId: string): Promise<void>;
  /** The secret is in the reply and nowhere else. */
  createToken(
    accountId: string,
    options: { name: string; scopes: readonly Scope[]; expiresMs?: number },
  ): Promise<{ token: Token; secret: string }>;
  tokens(accountId?: string): Promise<Token[]>;
  revoke(tokenId: string): Promise<Token>;
}

// ---------------------------------------------------------------------------------------------------------------
// What runs at the moment

/** What the pin reconciler shows of itself; nothing here is on disk. */
export interface FetchView {
  /** Of a fetch under way. */
  progress(contentKey: string): FetchProgress | undefined;
  fetching(): number;
  /** Why nothing is dispatched right now (`gc`, `min_free`, `hot_down`), if so. */
  held(): Reason | undefined;
}
