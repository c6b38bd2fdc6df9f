import type { Reason } from '../domain/pin.ts';
import type { HotTier } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface GcOptions {
  hot: HotTier;
  log: Log;
  /** A collection may take this long; then it is stopped and pins go on. */
  timeoutMs: number;
  /** Ends every fetch and sees to it that none begins until `resume`. */
  drain(reason: Reason): Promise<void>;
  resume(): void;
}

const DRAINED: Reason = { code: 'gc', text: 'waiting: gc; the hot tier is deleting unpinned blocks' };

/**
 * Deletes unpinned blocks from a hot tier that is ours alone. A collection beside a running fetch would eat the
 * blocks it just brought in, and in kubo block every pin behind it, so it happens only in a drained window.
 */
export class GcReconciler implements Reconciler {
  readonly name = 'gc';
  readonly #options: GcOptions;
  #garbageBytes = 0;
  /** What was there before this process is not known: the first pass collects in any case. */
  #ran = false;
  #collecting = false;

  constructor(options: GcOptions) {
    this.#options = options;
  }

  /** True in the drained window. */
  collecting(): boolean {
    return this.#collecting;
  }

  /** Something was unpinned or given up, of about this size; returns how much that makes since the last collection. */
  noteGarbage(bytes: number): number {
    this.#garbageBytes += Math.max(bytes, 1);
    return this.#garbageBytes;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const { hot, log, timeoutMs } = this.#options;
    if (!hot.exclusive) return skipped('external');
    if (!hot.status().up) return skipped('hot_down');
    if (this.#ran && this.#garbageBytes === 0) return skipped('no_garbage');
    this.#collecting = true;
    try {
      await this.#options.drain(DRAINED);
      const garbageBytes = this.#garbageBytes;
      const before = await hot.usage(signal);
      await hot.collectGarbage(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      const after = await hot.usage(signal);
      // What came meanwhile may have come too late.
      this.#garbageBytes -= garbageBytes;
      this.#ran = true;
      log.info({ freedBytes: before.repoBytes - after.repoBytes, repoBytes: after.repoBytes }, 'unpinned blocks deleted');
      return { due: 1, done: 1, failed: 0, skipped: {} };
    } finally {
      this.#collecting = false;
      this.#options.resume();
    }
  }
}

function skipped(reason: string): PassReport {
  return { due: 0, done: 0, failed: 0, skipped: { [reason]: 1 } };
}
