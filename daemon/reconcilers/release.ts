import type { Content } from '../domain/content.ts';
import { HotError, type HotTier, type PinStore } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { isWantedAgain, mayWait } from '../plan/release.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface ReleaseOptions {
  store: Pick<PinStore, 'content' | 'releasing' | 'released' | 'takeBack'>;
  hot: Pick<HotTier, 'status' | 'isPinned' | 'unpin'>;
  log: Log;
  /** True while the hot tier would keep an unpin waiting, and do it at a time when nobody reckons with it any more. */
  collectingGarbage(): boolean;
  /** Of these, the contents that a provider may still fetch from here. */
  fetched(contentKeys: readonly string[]): Promise<ReadonlySet<string>>;
  /** About so many bytes lie unpinned in the hot tier now. */
  onGarbage(bytes: number): void;
}

/** So many unpins run at once: kubo does no more than about 8 usefully. */
const CONCURRENCY = 8;
const BATCH = 256;
const UNPIN_TIMEOUT_MS = 60_000;
const LOOK_TIMEOUT_MS = 10_000;

type Released = 'done' | 'failed' | 'stays';
type Counts = PassReport & { skipped: Record<string, number> };

/** Takes the hot tier's pin from every content that no pin names any more, and no transfer needs. */
export class ReleaseReconciler implements Reconciler {
  readonly name = 'release';
  readonly #options: ReleaseOptions;
  /** Being unpinned at this moment, or about to be. */
  readonly #going = new Set<string>();

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  /**
   * Whether the hot copy of a content that is to go is still there, and stays while a deal is on its way that was written down
   * before this was asked: either is seen here that it is going, or there that somebody will fetch it. The process may have died
   * after an unpin and before that was written down, so the hot tier is asked as well.
   */
  async keeps(contentKey: string, signal: AbortSignal): Promise<boolean> {
    if (this.#going.has(contentKey)) return false;
    try {
      return await this.#options.hot.isPinned(contentKey, AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]));
    } catch (error) {
      if (!(error instanceof HotError)) throw error;
      return false;
    }
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const report: Counts = { due: 0, done: 0, failed: 0, skipped: {} };
    const tried = new Set<string>();
    while (!signal.aborted) {
      const held = this.#held();
      if (held !== undefined) {
        report.skipped[held] = 1;
        return report;
      }
      // Twice as many each time, as those that were tried and stayed are at the head of the list.
      const batch = (await this.#options.store.releasing(BATCH + 2 * tried.size)).filter(({ key }) => !tried.has(key));
      if (batch.length === 0) return report;
      const staying = await this.#staying(batch);
      for (const key of staying) note(key, 'stays', tried, report);
      const keys = batch.map(({ key }) => key).filter((key) => !staying.has(key));
      report.due += keys.length;
      await this.#releaseAll(keys, tried, report, signal);
    }
    return report;
  }

  async #staying(batch: readonly Content[]): Promise<ReadonlySet<string>> {
    return await this.#options.fetched(batch.filter(mayWait).map(({ key }) => key));
  }

  #held(): string | undefined {
    if (!this.#options.hot.status().up) return 'hot_down';
    return this.#options.collectingGarbage() ? 'gc' : undefined;
  }

  async #releaseAll(keys: string[], tried: Set<string>, report: Counts, signal: AbortSignal): Promise<void> {
    const next = keys.values();
    const worker = async (): Promise<void> => {
      for (const key of next) {
        if (signal.aborted || this.#held() !== undefined) return;
        note(key, await this.#release(key, signal), tried, report);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  }

  async #release(key: string, signal: AbortSignal): Promise<Released> {
    this.#going.add(key);
    try {
      return await this.#unpin(key, signal);
    } catch (error) {
      this.#options.log.warn({ err: error, cid: key }, 'an unpin failed; the next pass tries again');
      return 'failed';
    } finally {
      this.#going.delete(key);
    }
  }

  async #unpin(key: string, signal: AbortSignal): Promise<Released> {
    const { store, hot, onGarbage } = this.#options;
    const content = await store.content(key);
    if (content?.hot !== 'releasing' && content?.hot !== 'cold') return 'done';
    // A deal that was begun a moment ago counts on it, or sees that it is going.
    if ((await this.#staying([content])).has(key)) return 'stays';
    if (await this.#takenBack(content, signal)) return 'done';
    if (content.owner === 'ours') await hot.unpin(key, AbortSignal.any([signal, AbortSignal.timeout(UNPIN_TIMEOUT_MS)]));
    await store.released(key);
    onGarbage(content.sizeBytes ?? 0);
    return 'done';
  }

  /** Wanted again before it was unpinned: a provider may fetch it from here, and between an unpin and a pin garbage may be collected. */
  async #takenBack(content: Content, signal: AbortSignal): Promise<boolean> {
    if (!isWantedAgain(content)) return false;
    const isPinned = await this.#options.hot.isPinned(content.key, AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]));
    return isPinned && (await this.#options.store.takeBack(content.key));
  }
}

/** What was not done is not tried again in this pass. */
function note(key: string, what: Released, tried: Set<string>, report: Counts): void {
  if (what !== 'done') tried.add(key);
  if (what === 'stays') report.skipped.being_fetched = (report.skipped.being_fetched ?? 0) + 1;
  else report[what] += 1;
}
