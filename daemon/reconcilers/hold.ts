import type { Reason } from '../domain/pin.ts';
import type { HotTier } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { type LastLook, planHold } from '../plan/hold.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface HoldOptions {
  hot: HotTier;
  log: Log;
  capacityBytes: number;
  /** Looks at the file system of the state directory. */
  checkDisk(): Promise<'ok' | 'low' | 'full'>;
  collectingGarbage(): boolean;
  /** Ends every fetch without prejudice, to be taken up again after a while. */
  drain(reason: Reason): Promise<void>;
  /** Fetches may run again, and what could not be released may be now. */
  wake(): void;
  /** Above so many bytes the hot tier is filling up. */
  evictAboveBytes: number;
  /** How the last look for such copies ended; undefined where there are none. */
  lastLook(): LastLook | undefined;
  /** It is, or the disk is: hot copies should go that may. */
  evict(): void;
  /** Room is short: unpinned blocks should go now, if there are any. */
  collectGarbage(): void;
}

/** A usage that does not come within this is left out of the decision. */
const USAGE_TIMEOUT_MS = 5_000;

/** Watches the disk and the hot tier, and says why no fetch may run. */
export class HoldReconciler implements Reconciler {
  readonly name = 'hold';
  readonly #options: HoldOptions;
  #disk: 'ok' | 'low' | 'full' = 'ok';
  #repoBytes: number | undefined;
  #lastCode: string | undefined;
  /** What was last said to hold pins. A collection is over in a moment and says so itself: it is nothing to be warned of. */
  #warnedCode: string | undefined;

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** As of the last pass for disk and usage, as of now for the rest. */
  held(): Reason | undefined {
    const eviction = this.#options.lastLook();
    return planHold({
      disk: this.#disk,
      hotUp: this.#options.hot.status().up,
      ...(this.#repoBytes === undefined ? {} : { repoBytes: this.#repoBytes }),
      capacityBytes: this.#options.capacityBytes,
      collectingGarbage: this.#options.collectingGarbage(),
      ...(eviction === undefined ? {} : { eviction }),
    });
  }

  /** Pins wait for room, or would if no garbage were being collected. As of the last pass. */
  isShort(): boolean {
    return this.#disk !== 'ok' || (this.#repoBytes ?? 0) >= this.#options.capacityBytes;
  }

  /** As of the last pass. */
  disk(): 'ok' | 'low' | 'full' {
    return this.#disk;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    this.#disk = await this.#options.checkDisk();
    this.#repoBytes = await this.#usage(signal);
    const reason = this.held();
    if (reason?.code !== this.#lastCode) await this.#change(reason);
    if (this.#disk !== 'ok' || (this.#repoBytes ?? 0) > this.#options.evictAboveBytes) this.#options.evict();
    // Every time: while pins wait for room, nothing that could give it back is left lying.
    if (isShortage(reason)) this.#options.collectGarbage();
    return report(reason);
  }

  async #change(reason: Reason | undefined): Promise<void> {
    this.#lastCode = reason?.code;
    this.#say(reason);
    if (reason === undefined) {
      this.#options.wake();
      return;
    }
    if (isShortage(reason)) await this.#options.drain(reason);
  }

  #say(reason: Reason | undefined): void {
    const { log } = this.#options;
    if (reason?.code === this.#warnedCode || reason?.code === 'gc') return;
    this.#warnedCode = reason?.code;
    if (reason === undefined) log.info('pins go on');
    else log.warn({ reason: reason.code }, reason.text);
  }

  async #usage(signal: AbortSignal): Promise<number | undefined> {
    const { hot } = this.#options;
    // An external tier's disk is its owner's business: our capacity does not bound it.
    if (!hot.exclusive || !hot.status().up) return undefined;
    try {
      return (await hot.usage(AbortSignal.any([signal, AbortSignal.timeout(USAGE_TIMEOUT_MS)]))).repoBytes;
    } catch {
      return this.#repoBytes;
    }
  }
}

function isShortage(reason: Reason | undefined): boolean {
  return reason?.code === 'min_free' || reason?.code === 'hot_full';
}

function report(reason: Reason | undefined): PassReport {
  return { due: 0, done: 0, failed: 0, skipped: reason === undefined ? {} : { [reason.code]: 1 } };
}
