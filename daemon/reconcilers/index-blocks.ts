import { setTimeout as sleep } from 'node:timers/promises';

import type { BlockIndex, ListedContent } from '../domain/block-index-port.ts';
import type { Content } from '../domain/content.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Reason } from '../domain/pin.ts';
import { type Clock, HotError, type HotTier, type PinStore } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { planIndex } from '../plan/index-blocks.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface IndexBlocksOptions {
  store: Pick<PinStore, 'content' | 'contents'>;
  index: BlockIndex;
  hot: Pick<HotTier, 'fetch'>;
  clock: Clock;
  log: Log;
  /** Why nothing may be walked at present. */
  held(): Reason | undefined;
}

interface Report {
  due: number;
  done: number;
  failed: number;
  skipped: Record<string, number>;
}

const BATCH = 256;
/** Contents whose walks a pass takes upon itself; the next one finds the others. */
const WALKS_MAX = 1_000;
const WALK_TIMEOUT_MS = 2 * 3_600_000;
/** Its blocks are here. */
const WALK_STALL_MS = 10_000;
/** After so many blocks it is looked whether the content is still held, and rested for as long as they took. */
const PACE_BLOCKS = 512;
const REST_MS_MAX = 200;
/** A content that could not be walked is left alone for this long. */
const RETRY_MS = 3_600_000;
const RETRIES_KNOWN_MAX = 10_000;

/**
 * Brings the index of blocks up to what is held: drops it for what is not, and where it is missing — a content from before
 * there was an index, or whose indexing was cut off — walks the DAG once more, one content at a time and never at full speed.
 * Pins write their index as they come, so as a rule there is little to do.
 */
export class IndexBlocksReconciler implements Reconciler {
  readonly name = 'index';
  readonly #options: IndexBlocksOptions;
  /** When a content may be walked again, by key. */
  readonly #notBeforeMs = new Map<string, number>();

  constructor(options: IndexBlocksOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const report: Report = { due: 0, done: 0, failed: 0, skipped: {} };
    const missing: ListedContent[] = [];
    for await (const batch of batchesOf(this.#options.index.listed())) {
      if (signal.aborted) return report;
      missing.push(...(await this.#lookAt(batch, report)).slice(0, WALKS_MAX - missing.length));
    }
    await this.#options.index.sweep(signal);
    await this.#walkAll(missing, report, signal);
    return report;
  }

  /** Resolves with those that have to be walked. */
  async #lookAt(batch: readonly ListedContent[], report: Report): Promise<ListedContent[]> {
    const { store, index } = this.#options;
    const contents = await store.contents(batch.map(({ contentKey }) => contentKey));
    const missing = await Promise.all(
      batch.map(async (listed, at) => {
        const plan = planIndex(contents[at]);
        if (plan === 'index' && !(await index.isWhole(listed.contentKey))) return [listed];
        if (plan === 'drop') await index.drop(listed.contentKey);
        await index.settle(listed);
        report.due += 1;
        report.done += 1;
        return [];
      }),
    );
    return missing.flat().filter(({ contentKey }) => this.#mayWalk(contentKey, report));
  }

  #mayWalk(contentKey: string, report: Report): boolean {
    const notBeforeMs = this.#notBeforeMs.get(contentKey) ?? 0;
    if (this.#options.clock.nowMs() >= notBeforeMs) return true;
    skip(report, 'failed_before');
    return false;
  }

  async #walkAll(missing: readonly ListedContent[], report: Report, signal: AbortSignal): Promise<void> {
    for (const listed of missing) {
      if (signal.aborted) return;
      const reason = this.#options.held();
      if (reason === undefined) await this.#index(listed, report, signal);
      else skip(report, reason.code);
    }
  }

  async #index(listed: ListedContent, report: Report, signal: AbortSignal): Promise<void> {
    const { store, index, log } = this.#options;
    const { contentKey } = listed;
    const content = await store.content(contentKey);
    // Whatever has happened to it meanwhile has listed it anew.
    if (content === undefined || planIndex(content) !== 'index') return;
    report.due += 1;
    try {
      if (!(await this.#walk(content, signal))) return;
      this.#notBeforeMs.delete(contentKey);
      await index.settle(listed);
      report.done += 1;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof HotError) && !isFbpdError(error)) throw error;
      this.#leaveAlone(contentKey);
      log.warn({ err: error, cid: contentKey }, 'the blocks of a held content could not be gone through; it is tried again in an hour');
      report.failed += 1;
    }
  }

  /** False when the content is held no more, or somebody else has written its index. */
  async #walk(content: Content, signal: AbortSignal): Promise<boolean> {
    const indexing = this.#options.index.begin(content.key);
    const gone = new AbortController();
    const rest = this.#pace(content.key, gone);
    const limits = {
      dagBytes: content.sizeBytes ?? 0,
      dagBlocks: content.blocks ?? 0,
      timeoutMs: WALK_TIMEOUT_MS,
      stallMs: WALK_STALL_MS,
    };
    try {
      await this.#options.hot.fetch(content.key, limits, () => undefined, AbortSignal.any([signal, gone.signal]), {
        async onBlock(cid) {
          await indexing.add(cid);
          await rest();
        },
      });
      return await indexing.finish();
    } catch (error) {
      if (gone.signal.aborted) return false;
      throw error;
    } finally {
      await indexing.stop();
    }
  }
  /** What is to be awaited after each block. */
  #pace(contentKey: string, gone: AbortController): () => Promise<void> | undefined {
    const { store, clock } = this.#options;
    let blocks = 0;
    let sinceMs = clock.nowMs();
    const rest = async (): Promise<void> => {
      if (planIndex(await store.content(contentKey)) !== 'index') gone.abort();
      await sleep(Math.min(REST_MS_MAX, clock.nowMs() - sinceMs));
      sinceMs = clock.nowMs();
    };
    return () => (++blocks % PACE_BLOCKS === 0 ? rest() : undefined);
  }

  #leaveAlone(contentKey: string): void {
    if (this.#notBeforeMs.size === RETRIES_KNOWN_MAX) this.#notBeforeMs.clear();
    this.#notBeforeMs.set(contentKey, this.#options.clock.nowMs() + RETRY_MS);
  }
}

async function* batchesOf(listed: AsyncIterable<ListedContent>): AsyncGenerator<ListedContent[], void, void> {
  let batch: ListedContent[] = [];
  for await (const content of listed) {
    if (batch.push(content) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function skip(report: Report, reason: string): void {
  report.skipped[reason] = (report.skipped[reason] ?? 0) + 1;
}
