import { setTimeout as sleep } from 'node:timers/promises';

import type { CID } from 'multiformats/cid';

import { parseCid } from '../domain/cid.ts';
import type { IntakeGate } from '../domain/intake-gate.ts';
import type { HotPolicy } from '../domain/policy.ts';
import { type Clock, HotError, type HotTier, type PinStore } from '../domain/ports.ts';
import type { Elsewhere, SourceOutcome } from '../domain/retrieval-ports.ts';
import { type BlockIntake, type ReadMode, type ReadSource, RetrievalError } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';
import { createDagTracker, type DagTracker } from './dag-tracker.ts';
import { findElsewhere } from './elsewhere.ts';
import { fetchParts } from './fetch-parts.ts';
import { type HedgeOptions, hedge } from './hedge.ts';
import { arrangeSources, type PartSources } from './part-sources.ts';
import type { ColdSource } from './ports.ts';
import { createSink } from './sink.ts';
import { runSource } from './source-run.ts';

export interface FetchParts {
  pins: Pick<PinStore, 'content' | 'beginWarm' | 'endWarm'>;
  hot: Pick<HotTier, 'status' | 'fetch' | 'pin'>;
  intake: BlockIntake;
  gate: IntakeGate;
  /** Everybody who may have it cold, in the order in which they are to be asked. */
  sources(contentKey: string): Promise<ColdSource[]>;
  /** Looks for others than those providers; absent where that is not done. Rejects with a ColdError. */
  elsewhere?: Elsewhere;
  policy: HotPolicy;
  /** Whether there is room for more than readers ask for. */
  hasRoom(): boolean;
  /** It was pinned hot again. */
  onHotAgain(contentKey: string): void;
  limits: RetrievalLimits;
  clock: Clock;
  log: Log;
}

export interface RetrievalLimits {
  dagBytes: number;
  dagBlocks: number;
  /** The IPFS network has so long before providers are asked. */
  networkFirstMs: number;
  hedgeMs: number;
  stallMs: number;
  /** So long a hot pin that is just being removed is waited for, before another one is made. */
  unpinWaitMs: number;
}

/** All of a local DAG is walked at this pace at least, or a block is missing. */
const LOCAL_STALL_MS = 500;
const FETCH_TIMEOUT_MS = 24 * 3_600_000;
const UNPIN_LOOK_MS = 250;

/** One content on its way back, for all who read it. */
export class ContentFetch {
  readonly contentKey: string;
  readonly #parts: FetchParts;
  readonly #root: CID;
  readonly #stop: AbortController;
  #readers = 0;
  #isWhole = false;
  #source: ReadSource = 'hot';
  #isKept = false;
  /** It is to be hot whatever its policy says, as too few cold copies are left. */
  #isNeeded = false;
  readonly outcomes: SourceOutcome[] = [];

  constructor(contentKey: string, parts: FetchParts, stop: AbortController) {
    this.contentKey = contentKey;
    this.#parts = parts;
    this.#root = parseCid(contentKey);
    this.#stop = stop;
  }

  join(mode: ReadMode): void {
    this.#readers += 1;
    if (mode === 'whole') this.#isWhole = true;
  }

  need(): void {
    this.#isNeeded = true;
  }

  /**
   * With nobody left to wait for single blocks there is nothing to do, and it ends: false then. What all of it is wanted of is
   * brought back in any case, if there is room to keep it: else it would wait for room in a place that others need.
   */
  leave(): boolean {
    this.#readers -= 1;
    return this.#isWorthwhile();
  }

  isEnding(): boolean {
    return this.#stop.signal.aborted;
  }

  #isWorthwhile(): boolean {
    if (this.#readers > 0 || this.#isToBeKept()) return true;
    this.#stop.abort();
    return false;
  }

  source(): ReadSource {
    return this.#source;
  }

  /** What it has brought in and nobody pinned, in bytes, as far as it is known. */
  looseBytes(): number {
    return this.#isKept ? 0 : this.outcomes.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Resolves when all of it is in the hot tier, and pinned there if its policy says so. Rejects with a RetrievalError. */
  async run(): Promise<void> {
    const { gate } = this.#parts;
    for (;;) {
      const leave = await gate.enter({ canPause: true, signal: this.#stop.signal });
      const pause = new AbortController();
      const unlisten = gate.onClosing(() => pause.abort());
      try {
        await this.#bringBack(AbortSignal.any([this.#stop.signal, pause.signal]));
        return;
      } catch (error) {
        if (!pause.signal.aborted || this.#stop.signal.aborted) throw this.#retrievalError(error);
        // The collection has eaten what was brought so far. Readers go on waiting.
      } finally {
        unlisten();
        leave();
      }
    }
  }

  async #bringBack(signal: AbortSignal): Promise<void> {
    if (!this.#parts.hot.status().up) throw new RetrievalError('down', 'the hot tier is not up');
    if (!(await this.#fromNear(signal))) await this.#fromProviders(signal);
    if (this.#isToBeKept() && (this.#parts.policy.enabled || this.#isNeeded)) await this.#pinAgain(signal);
  }

  #isToBeKept(): boolean {
    return this.#isWhole && this.#parts.hasRoom();
  }

  /** What is still here since the copy was let go, and what the IPFS network gives at once. */
  async #fromNear(signal: AbortSignal): Promise<boolean> {
    const { intake, limits, clock, pins } = this.#parts;
    // Somebody else looks for it there already, and providers are to help.
    if ((await pins.content(this.contentKey))?.hot === 'wanted') return false;
    const isHere = await intake.has(this.#root, signal);
    if (!isHere && limits.networkFirstMs === 0) return false;
    if (!isHere) this.#source = 'network';
    const stallMs = Math.max(limits.networkFirstMs, isHere ? LOCAL_STALL_MS : 0);
    const beganMs = clock.nowMs();
    let bytes = 0;
    try {
      // Whoever wants single blocks is served by kubo itself, from here or from the network; providers are asked after that.
      if (!this.#isToBeKept()) {
        await sleep(stallMs, undefined, { signal });
        return false;
      }
      await this.#parts.hot.fetch(
        this.contentKey,
        { dagBytes: limits.dagBytes, dagBlocks: limits.dagBlocks, timeoutMs: FETCH_TIMEOUT_MS, stallMs },
        (progress) => {
          bytes = progress.bytes;
        },
        signal,
      );
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HotError) || error.failure === 'down') throw error;
      if (!isHere)
        this.outcomes.push({ result: 'stalled', text: 'the IPFS network did not give it in time', bytes, tookMs: clock.nowMs() - beganMs });
      return false;
    }
  }

  async #fromProviders(signal: AbortSignal): Promise<void> {
    const sources = await this.#parts.sources(this.contentKey);
    const more = await this.#more(sources);
    if (sources.length === 0 && more === undefined) throw new RetrievalError('none', 'no provider has it');
    this.#source = 'cold';
    const tracker = createDagTracker(this.#root);
    const { whole, parts } = arrangeSources(sources);
    if (parts.length > 0) {
      if (whole.length > 0 && (await this.#fromOneOf(whole, undefined, tracker, signal))) return;
      await this.#fromParts(parts, more, tracker, signal);
    } else if (!(await this.#fromOneOf(whole, more, tracker, signal)))
      throw new RetrievalError('none', `no source gives it: ${this.outcomes.map(wordOf).join('; ')}`);
  }

  /** Who is found elsewhere has all of it, and is asked for what is still missing then. */
  async #fromParts(parts: readonly PartSources[], more: HedgeOptions['more'], content: DagTracker, signal: AbortSignal): Promise<void> {
    const { clock, intake, limits } = this.#parts;
    try {
      await fetchParts({
        root: this.#root,
        content,
        parts,
        intake,
        hedgeMs: limits.hedgeMs,
        stallMs: limits.stallMs,
        nowMs: () => clock.nowMs(),
        isWhole: () => this.#isWorthwhile() && this.#isToBeKept(),
        hasReaders: () => this.#readers > 0,
        onOutcome: (outcome) => this.#note(outcome),
        signal,
      });
    } catch (error) {
      if (!(error instanceof RetrievalError) || error.failure !== 'none' || more === undefined) throw error;
      if (!(await this.#fromOneOf([], more, content, signal))) throw error;
    }
  }

  /** From who has all of it, each going on where another one stopped. False when nobody gives what is missing. */
  async #fromOneOf(sources: readonly ColdSource[], more: HedgeOptions['more'], tracker: DagTracker, signal: AbortSignal): Promise<boolean> {
    const { clock, intake, limits } = this.#parts;
    let useful = (): void => undefined;
    const sink = createSink({ intake, tracker, root: this.#root, onUseful: () => useful(), signal });
    const race = hedge({
      sources,
      ...(more === undefined ? {} : { more }),
      hedgeMs: limits.hedgeMs,
      run: (source, until) =>
        runSource({
          source,
          tracker,
          sink,
          isWhole: () => this.#isWorthwhile() && this.#isToBeKept(),
          wants: { intake, hasReaders: () => this.#readers > 0 },
          stallMs: limits.stallMs,
          nowMs: () => clock.nowMs(),
          signal: until,
        }),
      onOutcome: (outcome) => this.#note(outcome),
      signal,
    });
    useful = race.useful;
    const isDone = await race.done;
    signal.throwIfAborted();
    return isDone;
  }

  /**
   * Others are looked for where there are copies with providers, or were: what was never cold is still on its way to here, and the
   * hot tier looks for that itself.
   */
  async #more(sources: readonly ColdSource[]): Promise<HedgeOptions['more']> {
    const { elsewhere, pins, limits } = this.#parts;
    const content = await pins.content(this.contentKey);
    if (elsewhere === undefined || (sources.length === 0 && content?.hot !== 'cold')) return undefined;
    const providers = [...new Set(sources.map(({ provider }) => provider))];
    const { contentKey } = this;
    const question = { elsewhere, contentKey, providers, sizeBytes: content?.sizeBytes ?? limits.dagBytes, bytesMax: limits.dagBytes };
    return async (signal) => {
      const beganMs = this.#parts.clock.nowMs();
      const { found, problem } = await findElsewhere(question, signal);
      const took = { bytes: 0, tookMs: this.#parts.clock.nowMs() - beganMs };
      if (problem !== undefined && !signal.aborted) this.#note({ elsewhere: elsewhere.router, ...problem, ...took });
      return found;
    };
  }

  #note(outcome: SourceOutcome): void {
    this.outcomes.push(outcome);
    const { source, ...what } = outcome;
    this.#parts.log.info({ cid: this.contentKey, ...source, ...what }, 'a cold copy was asked for');
  }

  /** Written down before kubo hears of it: a pin that nobody knows of is never left behind. */
  async #pinAgain(signal: AbortSignal): Promise<void> {
    const { pins, hot, log, onHotAgain } = this.#parts;
    if (!(await this.#beginWarm(signal))) return;
    try {
      await hot.pin(this.contentKey, signal);
    } catch (error) {
      await pins.endWarm(this.contentKey, undefined);
      throw error;
    }
    const content = await pins.content(this.contentKey);
    const isHot = await pins.endWarm(this.contentKey, { sizeBytes: content?.sizeBytes ?? 0, blocks: content?.blocks ?? 0 });
    this.#isKept = isHot;
    if (isHot) onHotAgain(this.contentKey);
    if (isHot) log.info({ cid: this.contentKey, from: this.#source }, 'hot again');
  }

  /** False when it is not cold any more: somebody else holds it, or nobody wants it. */
  async #beginWarm(signal: AbortSignal): Promise<boolean> {
    const { pins, limits } = this.#parts;
    for (let waitedMs = 0; ; waitedMs += UNPIN_LOOK_MS) {
      if (await pins.beginWarm(this.contentKey)) return true;
      if (waitedMs >= limits.unpinWaitMs || (await pins.content(this.contentKey))?.hot !== 'cold') return false;
      await sleep(UNPIN_LOOK_MS, undefined, { signal });
    }
  }

  #retrievalError(error: unknown): RetrievalError {
    if (error instanceof RetrievalError) return error;
    if (this.#stop.signal.aborted) return new RetrievalError('down', 'the retrieval was stopped', { cause: error });
    if (error instanceof HotError) return new RetrievalError('down', `the hot tier does not take it: ${error.message}`, { cause: error });
    this.#parts.log.error({ err: error, cid: this.contentKey }, 'a content could not be brought back');
    return new RetrievalError('down', 'it could not be brought back', { cause: error });
  }
}

function wordOf({ source, elsewhere, text }: SourceOutcome): string {
  const who = source?.provider ?? elsewhere;
  return who === undefined ? text : `${who}: ${text}`;
}
