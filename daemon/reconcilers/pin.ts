import type { BlockIndex } from '../domain/block-index-port.ts';
import type { FetchProgress } from '../domain/content.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Reason } from '../domain/pin.ts';
import type { Clock, FetchOutcome, FetchView, HotTier, PinStore, QueuedContent } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { type DispatchLimits, planDispatch } from '../plan/dispatch.ts';
import { type FetchEnd, planFetchOutcome } from '../plan/fetch-outcome.ts';
import { Turns } from '../plan/turns.ts';
import { bringIn, Ended, endOf, type FetchingLimits, type FetchUnderWay, isForeign } from './bring-in.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface PinLimits extends DispatchLimits, FetchingLimits {}

export interface PinReconcilerOptions {
  store: PinStore;
  hot: HotTier;
  index: Pick<BlockIndex, 'begin'>;
  clock: Clock;
  log: Log;
  limits: PinLimits;
  /** Why nothing may be fetched at present. */
  held(): Reason | undefined;
  /** Lets what providers have of a content come too: see {@link BringInParts}. */
  assist?(contentKey: string): Promise<(() => void) | undefined>;
  /** A fetch ended without a copy: about so many bytes lie unpinned in the hot tier. */
  onGarbage(bytes: number): void;
}

interface Running extends FetchUnderWay {
  done: Promise<void>;
}

/** At most this long between two looks at the queue, whatever the timers think. */
const MAX_NAP_MS = 30_000;
/** While something holds all fetches back it is looked at again this soon: it may be over before anybody tells. */
const HELD_NAP_MS = 1_000;
/** A loop that met an error of the store looks again after this. */
const ERROR_NAP_MS = 1_000;
/** An account with a damaged record in its queue is looked at again after this. */
const DAMAGED_REST_MS = 60_000;

/**
 * Takes contents from the queue, account by account, and brings them into the hot tier. It is woken by every commit
 * that makes something due; `pass` only says what it is doing.
 */
export class PinReconciler implements Reconciler, FetchView {
  readonly name = 'pin';
  readonly #options: PinReconcilerOptions;
  readonly #running = new Map<string, Running>();
  readonly #turns = new Turns();
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
    options.store.onDue((accountIds) => {
      for (const accountId of accountIds) this.#turns.join(accountId);
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
    this.#joinAll();
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
    this.#joinAll();
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
    const { clock, limits } = this.#options;
    while (!this.#stopped && this.#options.held() === undefined) {
      const nowMs = clock.nowMs();
      if (nowMs < this.#restUntilMs) return this.#restUntilMs - nowMs;
      const running = [...this.#running.values()];
      const decision = planDispatch({ nowMs, running, waiting: this.#turns.line(nowMs), limits });
      if (decision.kind === 'wait') return this.#napMs(nowMs, decision.atMs);
      if (decision.kind === 'preempt') {
        await this.#preempt(decision.contentKey, decision.reason);
        continue;
      }
      const next = await this.#nextOf(decision.accountId, nowMs);
      if (next !== undefined) this.#begin(next);
    }
    return HELD_NAP_MS;
  }

  /** What the account has due; it stands at the end of the line then, and else rests until it has something. */
  async #nextOf(accountId: string, nowMs: number): Promise<QueuedContent | undefined> {
    this.#turns.leave(accountId);
    try {
      const { next, dueMs } = await this.#options.store.nextQueued(accountId, (contentKey) => this.#running.has(contentKey));
      if (next !== undefined) this.#turns.join(accountId);
      else if (dueMs !== undefined) this.#turns.rest(accountId, dueMs);
      return next;
    } catch (error) {
      if (!isFbpdError(error, 'STORE_DAMAGED')) {
        this.#turns.join(accountId);
        throw error;
      }
      this.#options.log.error({ err: error, accountId }, 'the queue of an account cannot be read; those of others go on');
      this.#turns.rest(accountId, nowMs + DAMAGED_REST_MS);
      return undefined;
    }
  }

  #joinAll(): void {
    for (const accountId of this.#options.store.queuedAccounts()) this.#turns.join(accountId);
  }

  #napMs(nowMs: number, changeMs: number | undefined): number {
    const nextMs = Math.min(this.#turns.nextMs(), changeMs ?? Number.POSITIVE_INFINITY);
    return Math.max(10, Math.min(MAX_NAP_MS, nextMs - nowMs));
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
      const foreign = await isForeign(hot, content, signal);
      if (!(await store.beginFetch(content.key, foreign ? 'foreign' : 'ours'))) return;
      outcome = await bringIn(this.#options, queued, running, foreign);
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

  async #afterFailure({ content }: QueuedContent, running: Running, error: unknown): Promise<FetchOutcome | undefined> {
    const { clock, limits, log, onGarbage } = this.#options;
    onGarbage(running.progress.bytes);
    log.debug({ err: error, cid: content.key }, 'a fetch brought no copy');
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
