import type { FetchProgress } from '../domain/content.ts';
import type { Reason } from '../domain/pin.ts';
import type { Clock, FetchOutcome, FetchView, HotTier, PinStore, QueuedContent } from '../domain/ports.ts';
import { HotError } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { type DispatchLimits, planDispatch, type RunningFetch } from '../plan/dispatch.ts';
import { type FetchEnd, fetchTimeoutMs, planFetchOutcome, type RetryLimits } from '../plan/fetch-outcome.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface PinLimits extends DispatchLimits, RetryLimits {
  dagBytes: number;
  dagBlocks: number;
  stallMs: number;
}

export interface PinReconcilerOptions {
  store: PinStore;
  hot: HotTier;
  clock: Clock;
  log: Log;
  limits: PinLimits;
  /** Why nothing may be fetched at present. */
  held(): Reason | undefined;
  /** A fetch ended without a copy: about so many bytes lie unpinned in the hot tier. */
  onGarbage(bytes: number): void;
}

/** Ends a fetch for a reason of our own; carried by the abort signal. */
class Ended extends Error {
  readonly end: FetchEnd;
  constructor(end: FetchEnd) {
    super(end.message);
    this.end = end;
  }
}

interface Running extends RunningFetch {
  progress: FetchProgress;
  abort: AbortController;
  done: Promise<void>;
}

/** At most this long between two looks at the queue, whatever the timers think. */
const MAX_NAP_MS = 30_000;
/** While something holds all fetches back it is looked at again this soon: it may be over before anybody tells. */
const HELD_NAP_MS = 1_000;
/** A loop that met an error of the store looks again after this. */
const ERROR_NAP_MS = 1_000;

/**
 * Takes contents from the queue, account by account, and brings them into the hot tier. It is woken by every commit
 * that makes something due; `pass` only says what it is doing.
 */
export class PinReconciler implements Reconciler, FetchView {
  readonly name = 'pin';
  readonly #options: PinReconcilerOptions;
  readonly #running = new Map<string, Running>();
  /** Accounts in the order of their last turn, with when their soonest entry is due. */
  readonly #dueMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #loop: Promise<void> | undefined;
  #again = false;
  #stopped = true;
  /** The store refused something: nothing new before this. */
  #restUntilMs = 0;
  #done = 0;
  #failed = 0;

  constructor(options: PinReconcilerOptions) {
    this.#options = options;
    options.store.onDue(() => {
      this.#dueMs.clear();
      this.wake();
    });
    options.store.onUnwanted((contentKey) => {
      this.#end(contentKey, { failure: 'aborted', message: 'no pin wants it any more' });
    });
  }

  /** What was in flight when the last process died goes first. */
  async start(): Promise<void> {
    const recovered = await this.#options.store.recoverFetches();
    if (recovered.length > 0) this.#options.log.info({ contents: recovered.length }, 'fetches that were in flight are queued again');
    this.#stopped = false;
    this.wake();
  }

  /** Ends every fetch; what was in flight stays listed as such and is recovered by the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#loop;
    await this.#endAll({ failure: 'aborted', message: 'the daemon is going down' });
  }

  /**
   * Ends every fetch without prejudice and waits until none runs. Nothing new begins while `held()` says so. Those that
   * were `paused` go on right after, those for which there is `no_room` after a while.
   */
  async drain(failure: 'paused' | 'no_room', reason: Reason): Promise<void> {
    await this.#loop;
    await this.#endAll({ failure, message: reason.text });
  }

  /** Looks at the queue now. */
  wake(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#loop ??= this.#run().finally(() => {
      this.#loop = undefined;
      if (this.#again) this.wake();
    });
  }

  progress(contentKey: string): FetchProgress | undefined {
    return this.#running.get(contentKey)?.progress;
  }

  fetching(): number {
    return this.#running.size;
  }

  held(): Reason | undefined {
    return this.#options.held();
  }

  /** Wakes the queue, and takes up again the fetches whose end could not be written. */
  async pass(): Promise<PassReport> {
    const stranded = await this.#options.store.recoverFetches((contentKey) => this.#running.has(contentKey));
    this.#dueMs.clear();
    this.wake();
    const report = { due: this.#running.size, done: this.#done, failed: this.#failed, skipped: { ended_unwritten: stranded.length } };
    this.#done = 0;
    this.#failed = 0;
    return report;
  }

  async #run(): Promise<void> {
    let napMs = MAX_NAP_MS;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        napMs = await this.#dispatch();
      }
    } catch (error) {
      this.#options.log.error({ err: error }, 'the pin queue could not be read; trying again');
      napMs = ERROR_NAP_MS;
    }
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), napMs);
  }

  /** Begins what may begin; resolves with how long to wait when nothing wakes it before. */
  async #dispatch(): Promise<number> {
    const { clock, limits, store } = this.#options;
    while (!this.#stopped && this.#options.held() === undefined) {
      const nowMs = clock.nowMs();
      if (nowMs < this.#restUntilMs) return this.#restUntilMs - nowMs;
      const waiting = this.#waiting(nowMs);
      const decision = planDispatch({ nowMs, running: [...this.#running.values()], waiting, limits });
      if (decision.kind === 'wait') return this.#napMs(nowMs, decision.atMs);
      if (decision.kind === 'preempt') {
        await this.#preempt(decision.contentKey, decision.reason);
        continue;
      }
      const { next, dueMs } = await store.nextQueued(decision.accountId, (contentKey) => this.#running.has(contentKey));
      // Re-inserting puts the account behind all others.
      this.#dueMs.delete(decision.accountId);
      this.#dueMs.set(decision.accountId, next === undefined ? (dueMs ?? Number.POSITIVE_INFINITY) : nowMs);
      if (next !== undefined) this.#begin(next);
    }
    return HELD_NAP_MS;
  }

  /** Accounts that may have something due, least recently served first; one never asked comes before all. */
  #waiting(nowMs: number): string[] {
    const queued = this.#options.store.queuedAccounts();
    const present = new Set(queued);
    const fresh = queued.filter((accountId) => !this.#dueMs.has(accountId));
    const known = [...this.#dueMs].filter(([accountId, dueMs]) => present.has(accountId) && dueMs <= nowMs).map(([accountId]) => accountId);
    return [...fresh, ...known];
  }

  #napMs(nowMs: number, changeMs: number | undefined): number {
    const dueMs = Math.min(...this.#dueMs.values(), changeMs ?? Number.POSITIVE_INFINITY);
    return Math.max(10, Math.min(MAX_NAP_MS, dueMs - nowMs));
  }

  #begin(queued: QueuedContent): void {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const running: Running = {
      contentKey: queued.content.key,
      accountId: queued.accountId,
      startedMs: nowMs,
      progress: { blocks: 0, bytes: 0 },
      abort: new AbortController(),
      done: Promise.resolve(),
    };
    this.#running.set(running.contentKey, running);
    running.done = this.#fetch(queued, running)
      .catch((error: unknown) => {
        // The store refused (full disk, going down): the content stays listed as in flight or queued, nothing is lost.
        this.#restUntilMs = clock.nowMs() + ERROR_NAP_MS;
        this.#options.log.error({ err: error, cid: running.contentKey }, 'the end of a fetch could not be recorded; it is tried again');
      })
      .finally(() => {
        this.#running.delete(running.contentKey);
        this.wake();
      });
  }

  async #fetch(queued: QueuedContent, running: Running): Promise<void> {
    const { store, hot, log } = this.#options;
    const { content } = queued;
    const { signal } = running.abort;
    let outcome: FetchOutcome | undefined;
    try {
      const foreign = !hot.exclusive && content.owner !== 'ours' && (await hot.isPinned(content.key, signal));
      if (!(await store.beginFetch(content.key, foreign ? 'foreign' : 'ours'))) return;
      outcome = await this.#bringIn(queued, running, foreign);
    } catch (error) {
      outcome = await this.#afterFailure(queued, running, error);
    }
    if (outcome === undefined) return;
    if (outcome.kind === 'pinned') this.#done += 1;
    else this.#failed += 1;
    const wanted = await store.endFetch(content.key, outcome);
    log.info(
      {
        cid: content.key,
        outcome: outcome.kind,
        wanted,
        ...('reason' in outcome ? { reason: outcome.reason.code, detail: outcome.reason.text } : running.progress),
      },
      'fetch ended',
    );
  }

  async #bringIn({ content, origins }: QueuedContent, running: Running, foreign: boolean): Promise<FetchOutcome> {
    const { hot, clock, limits } = this.#options;
    const { signal } = running.abort;
    // Dials run beside the search: a silent origin must not delay a copy that somebody else has.
    void hot.connect(origins, signal);
    const fetchLimits = {
      dagBytes: limits.dagBytes,
      dagBlocks: limits.dagBlocks,
      stallMs: limits.stallMs,
      timeoutMs: fetchTimeoutMs(content, clock.nowMs(), limits),
    };
    const onProgress = (progress: FetchProgress): void => {
      running.progress = progress;
      running.progressMs = clock.nowMs();
    };
    const facts = await hot.fetch(content.key, fetchLimits, onProgress, signal);
    running.progress = facts;
    if (!foreign) await this.#pin(content.key, signal);
    return { kind: 'pinned', sizeBytes: facts.bytes, blocks: facts.blocks };
  }

  /** A pin whose answer was lost may stand: it is taken back before the failure is written. */
  async #pin(contentKey: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.hot.pin(contentKey, signal);
    } catch (error) {
      await this.#options.hot.unpin(contentKey, AbortSignal.timeout(10_000)).catch(() => undefined);
      throw error;
    }
  }

  async #afterFailure({ content }: QueuedContent, running: Running, error: unknown): Promise<FetchOutcome | undefined> {
    const { clock, limits, onGarbage } = this.#options;
    onGarbage(running.progress.bytes);
    // Going down: the in-flight listing stays and the next start takes it up again.
    if (this.#stopped) return undefined;
    return planFetchOutcome(content, endOf(error, running.abort.signal), clock.nowMs(), limits);
  }

  async #preempt(contentKey: string, failure: 'rotated' | 'shared'): Promise<void> {
    const running = this.#running.get(contentKey);
    this.#end(contentKey, { failure, message: `${running?.progress.blocks ?? 0} blocks so far` });
    await running?.done;
  }

  #end(contentKey: string, end: FetchEnd): void {
    this.#running.get(contentKey)?.abort.abort(new Ended(end));
  }

  async #endAll(end: FetchEnd): Promise<void> {
    const running = [...this.#running.values()];
    for (const { contentKey } of running) this.#end(contentKey, end);
    await Promise.all(running.map(({ done }) => done));
  }
}

function endOf(error: unknown, signal: AbortSignal): FetchEnd {
  if (signal.aborted && signal.reason instanceof Ended) return signal.reason.end;
  if (error instanceof HotError) return { failure: error.failure, message: error.message };
  throw error;
}
