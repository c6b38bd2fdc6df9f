import type { HotTier, PinStore } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface ReleaseOptions {
  store: PinStore;
  hot: HotTier;
  log: Log;
  /** True while the hot tier would keep an unpin waiting, and do it at a time when nobody reckons with it any more. */
  collectingGarbage(): boolean;
  /** About so many bytes lie unpinned in the hot tier now. */
  onGarbage(bytes: number): void;
}

/** So many unpins run at once: kubo does no more than about 8 usefully. */
const CONCURRENCY = 8;
const BATCH = 256;
const UNPIN_TIMEOUT_MS = 60_000;

/** Takes the hot tier's pin from every content that no pin names any more. */
export class ReleaseReconciler implements Reconciler {
  readonly name = 'release';
  readonly #options: ReleaseOptions;

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const report = { due: 0, done: 0, failed: 0, skipped: {} as Record<string, number> };
    const tried = new Set<string>();
    while (!signal.aborted) {
      const held = this.#held();
      if (held !== undefined) {
        report.skipped = { [held]: 1 };
        return report;
      }
      const batch = (await this.#options.store.releasing(BATCH + tried.size)).map(({ key }) => key).filter((key) => !tried.has(key));
      if (batch.length === 0) return report;
      report.due += batch.length;
      await this.#releaseAll(batch, tried, report, signal);
    }
    return report;
  }

  #held(): string | undefined {
    if (!this.#options.hot.status().up) return 'hot_down';
    return this.#options.collectingGarbage() ? 'gc' : undefined;
  }

  async #releaseAll(keys: string[], tried: Set<string>, report: { done: number; failed: number }, signal: AbortSignal): Promise<void> {
    const next = keys.values();
    const worker = async (): Promise<void> => {
      for (const key of next) {
        if (signal.aborted || this.#held() !== undefined) return;
        const done = await this.#release(key, signal);
        report[done ? 'done' : 'failed'] += 1;
        if (!done) tried.add(key);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  }

  /** False when it must be tried again in the next pass. */
  async #release(key: string, signal: AbortSignal): Promise<boolean> {
    const { store, hot, log } = this.#options;
    try {
      const content = await store.content(key);
      if (content?.hot !== 'releasing') return true;
      if (content.owner === 'ours') await hot.unpin(key, AbortSignal.any([signal, AbortSignal.timeout(UNPIN_TIMEOUT_MS)]));
      await store.released(key);
      this.#options.onGarbage(content.sizeBytes ?? 0);
      return true;
    } catch (error) {
      log.warn({ err: error, cid: key }, 'an unpin failed; the next pass tries again');
      return false;
    }
  }
}
