import { Counter, Gauge, type Registry } from 'prom-client';

import type { Config } from '../config.ts';
import { isHeld } from '../domain/content.ts';
import type { IntakeGate } from '../domain/intake-gate.ts';
import type { Clock, PinStore } from '../domain/ports.ts';
import type { Elsewhere, RetrievalLog, SourceOutcome } from '../domain/retrieval-ports.ts';
import type { BlockHotTier } from '../hot/kubo-tier.ts';
import type { Log } from '../log.ts';
import type { HotCache } from '../plan/cache.ts';
import type { ColdOptions } from '../reconcilers/cold/options.ts';
import type { RetrievalDesk } from '../reconcilers/cold/retrieval-desk.ts';
import { createColdSources } from '../retrieval/cold-sources.ts';
import { createRetrieval, type RunningRetrieval } from '../retrieval.ts';

export interface RetrievalParts {
  pins: PinStore;
  hot: BlockHotTier;
  gate: IntakeGate;
  /** Absent when no deals are made. */
  cold: ColdOptions | undefined;
  /** Who else may have a content; absent where nobody is looked for. */
  elsewhere: Elsewhere | undefined;
  /** Where retrievals are booked and taken down; asked for when there are any. */
  desk: () => RetrievalDesk | undefined;
  kept: RetrievalLog;
  cache: HotCache;
  metrics: Registry;
  hasRoom: () => boolean;
  onGarbage: (bytes: number) => void;
  clock: Clock;
  log: Log;
}

/** Removing a pin takes milliseconds, or kubo is busy: then it stays unpinned until it is read again. */
const UNPIN_WAIT_MS = 10_000;
/** Reads are noted when they are over, and what is popular does not change within this. */
const READS_TOGETHER_MS = 20;

/** How contents come back that are not, or not all, in the hot tier. */
export function composeRetrieval(config: Config, parts: RetrievalParts): RunningRetrieval {
  const { pins, hot, gate, cold, desk, kept, cache, metrics, clock, log } = parts;
  const { gateway, limits } = config;
  const sources =
    cold === undefined
      ? async () => []
      : createColdSources({
          store: cold.store,
          maker: cold.maker,
          mayPay: config.budget.retrievalsPerDayAtto > 0n,
          book: async (priceAtto) => (await desk()?.book(priceAtto)) ?? false,
        });
  const noted: { contentKey: string; atMs: number }[] = [];
  const retrieval: RunningRetrieval = createRetrieval({
    pins,
    hot,
    intake: hot.intake,
    gate,
    sources,
    ...(parts.elsewhere === undefined ? {} : { elsewhere: parts.elsewhere }),
    policy: hotPolicyOf(config),
    hasRoom: parts.hasRoom,
    limits: {
      dagBytes: limits.dagBytes,
      dagBlocks: limits.dagBlocks,
      networkFirstMs: config.hot.mode === 'managed' && !config.hot.publicNetwork ? 0 : gateway.networkFirstMs,
      hedgeMs: gateway.hedgeMs,
      stallMs: gateway.stallTimeoutMs,
      unpinWaitMs: UNPIN_WAIT_MS,
    },
    concurrent: limits.concurrentRetrievals,
    clock,
    log,
    async keep(contentKey: string, outcomes: readonly SourceOutcome[]) {
      const atMs = clock.nowMs();
      await kept.keep(
        contentKey,
        outcomes.map((outcome) => ({ ...outcome, atMs })),
      );
      for (const { source, elsewhere, result, bytes } of outcomes) {
        const provider = source?.provider ?? (elsewhere === undefined ? 'network' : 'elsewhere');
        asked.inc({ provider, result });
        brought.inc({ provider }, bytes);
      }
      await desk()?.note(outcomes);
    },
    onRead: noteRead,
    onHotAgain: (contentKey) => cache.returned(contentKey, clock.nowMs()),
    onGarbage: parts.onGarbage,
  });
  const { asked, brought } = retrievalMetrics(metrics, () => retrieval.running());
  return retrieval;

  /** How large it is, and whether it is still held, is looked up for the reads of a moment at once. */
  function noteRead(contentKey: string): void {
    if (noted.push({ contentKey, atMs: clock.nowMs() }) === 1) setTimeout(() => void takeNoted(), READS_TOGETHER_MS).unref();
  }

  async function takeNoted(): Promise<void> {
    const reads = noted.splice(0);
    try {
      const contents = await pins.contents(reads.map((read) => read.contentKey));
      for (const [index, { contentKey, atMs }] of reads.entries()) {
        const content = contents[index];
        if (content !== undefined && isHeld(content)) cache.read(contentKey, content.sizeBytes ?? 0, atMs);
      }
    } catch (error) {
      log.debug({ err: error, reads: reads.length }, 'reads could not be counted');
    }
  }
}

/** Providers are few, and known by name; all others are one. */
function retrievalMetrics(registry: Registry, running: () => number): { asked: Counter; brought: Counter } {
  const registers = [registry];
  new Gauge({
    name: 'fbpd_retrievals',
    help: 'Contents on their way back now',
    registers,
    collect() {
      this.set(running());
    },
  });
  return {
    asked: new Counter({
      name: 'fbpd_retrieval_sources_total',
      help: 'Sources that were asked for a content without a hot copy, by what came of it',
      labelNames: ['provider', 'result'],
      registers,
    }),
    brought: new Counter({
      name: 'fbpd_retrieval_bytes_total',
      help: 'Bytes of blocks that came back from there and were missing',
      labelNames: ['provider'],
      registers,
    }),
  };
}

/** One policy holds for all contents yet. */
export function hotPolicyOf({ hotPolicies }: Config): Config['hotPolicies'][number] {
  const policy = hotPolicies.find(({ name }) => name === 'default') ?? hotPolicies[0];
  if (policy === undefined) throw new TypeError('there is always a policy "default"');
  return policy;
}
