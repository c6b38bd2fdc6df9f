import type { IntakeGate } from '../domain/intake-gate.ts';
import type { Reason } from '../domain/pin.ts';
import type { Clock, HotTier } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface GcOptions {
  hot: Pick<HotTier, 'exclusive' | 'status' | 'usage' | 'collectGarbage'>;
  clock: Clock;
  log: Log;
  /** A collection may take this long; then it is stopped and pins go on. */
  timeoutMs: number;
  /** What brings unpinned blocks in without being a fetch of a pin goes through it. */
  gate: IntakeGate;
  /** Uploads that run may take this long to end; when they don't, it is tried again at the next pass. */
  gateTimeoutMs: number;
  /** Pins wait for room. */
  isShort(): boolean;
  /** Ends every fetch and sees to it that none begins until `resume`. */
  drain(reason: Reason): Promise<void>;
  resume(): void;
}

/**
 * Not all that lies there unpinned is told of: the network puts in what readers ask for, and the rest of a DAG may be what
 * somebody uploaded beside it. While room is short it is looked for this often all the same.
 */
const BLIND_EVERY_MS = 60 * 60_000;
/** When uploads went on for too long, garbage for which there is room is left lying for a while, and new uploads let in. */
const PUT_OFF_MS = 10 * 60_000;

const DRAINED: Reason = { code: 'gc', text: 'waiting: gc; the hot tier is deleting unpinned blocks' };

/**
 * Deletes unpinned blocks from a hot tier that is ours alone. A collection beside a running fetch would eat the
 * blocks it just brought in, and in kubo block every pin behind it, so it happens only in a drained window. An upload
 * cannot be begun again by us, so it is waited for, and the collection put off when that takes long. Uploads that stand still,
 * or for which there is no room, see to it themselves that they are not waited for.
 */
export class GcReconciler implements Reconciler {
  readonly name = 'gc';
  readonly #options: GcOptions;
  #garbageBytes = 0;
  /** What was there before this process is not known: the first pass collects in any case. */
  #ran = false;
  #collecting = false;
  #collectedMs = Number.NEGATIVE_INFINITY;
  #putOffMs = Number.NEGATIVE_INFINITY;

  constructor(options: GcOptions) {
    this.#options = options;
  }

  /** True in the drained window. */
  collecting(): boolean {
    return this.#collecting;
  }

  /** What lies unpinned in the hot tier, about, as far as this process knows. */
  garbageBytes(): number {
    return this.#garbageBytes;
  }

  /** Something was unpinned or given up, of about this size; returns how much that makes since the last collection. */
  noteGarbage(bytes: number): number {
    this.#garbageBytes += Math.max(bytes, 1);
    return this.#garbageBytes;
  }

  /** It was put off a short while ago, so it need not be tried again merely because there is more of it. */
  isPutOff(): boolean {
    return Math.abs(this.#options.clock.nowMs() - this.#putOffMs) < PUT_OFF_MS;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const { hot, gate, gateTimeoutMs, clock } = this.#options;
    if (!hot.exclusive) return skipped('external');
    if (!hot.status().up) return skipped('hot_down');
    if (this.#ran && this.#garbageBytes === 0 && !this.#isBlindDue()) return skipped('no_garbage');
    try {
      // Before anything is drained: the pin of an upload that has just ended is still to be made.
      if (!(await gate.close(gateTimeoutMs, signal))) {
        this.#putOffMs = clock.nowMs();
        return skipped(gate.inside().unpausable > 0 ? 'uploads' : 'cold_fetches');
      }
      this.#putOffMs = Number.NEGATIVE_INFINITY;
      return await this.#collect(signal);
    } finally {
      gate.open();
    }
  }

  #isBlindDue(): boolean {
    const { isShort, clock } = this.#options;
    return isShort() && Math.abs(clock.nowMs() - this.#collectedMs) >= BLIND_EVERY_MS;
  }

  async #collect(signal: AbortSignal): Promise<PassReport> {
    const { hot, log, timeoutMs } = this.#options;
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
      this.#collectedMs = this.#options.clock.nowMs();
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
