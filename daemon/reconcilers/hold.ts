import type { Reason } from '../domain/pin.ts';
import type { HotTier } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { planHold } from '../plan/hold.ts';
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

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** As of the last pass for disk and usage, as of now for the rest. */
  held(): Reason | undefined {
    return planHold({
      disk: this.#disk,
      hotUp: this.#options.hot.status().up,
      ...(this.#repoBytes === undefined ? {} : { repoBytes: this.#repoBytes }),
      capacityBytes: this.#options.capacityBytes,
      collectingGarbage: this.#options.collectingGarbage(),
    });
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    this.#disk = await this.#options.checkDisk();
    this.#repoBytes = await this.#usage(signal);
    const reason = this.held();
    if (reason?.code !== this.#lastCode) await this.#change(reason);
    // Every time: while pins wait for room, nothing that could give it back is left lying.
    if (isShortage(reason)) this.#options.collectGarbage();
    return report(reason);
  }

  async #change(reason: Reason | undefined): Promise<void> {
    this.#lastCode = reason?.code;
    if (reason === undefined) {
      this.#options.log.info('pins go on');
      this.#options.wake();
      return;
    }
    this.#options.log.warn({ reason: reason.code }, reason.text);
    if (isShortage(reason)) await this.#options.drain(reason);
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
