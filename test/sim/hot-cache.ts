import type { DealMaker } from '../../daemon/domain/cold-ports.ts';
import type { ColdStore } from '../../daemon/domain/cold-store-port.ts';
import { createIntakeGate } from '../../daemon/domain/intake-gate.ts';
import type { HotPolicy } from '../../daemon/domain/policy.ts';
import type { PinStore } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { HotCache } from '../../daemon/plan/cache.ts';
import { fetchedOf } from '../../daemon/reconcilers/cold/proof.ts';
import { EvictReconciler } from '../../daemon/reconcilers/evict.ts';
import { GcReconciler } from '../../daemon/reconcilers/gc.ts';
import { ReleaseReconciler } from '../../daemon/reconcilers/release.ts';
import { createColdSources } from '../../daemon/retrieval/cold-sources.ts';
import { createRetrieval, type RunningRetrieval } from '../../daemon/retrieval.ts';
import type { SimDaemon } from './daemon.ts';
import { createSimTier } from './hot-tier.ts';

export interface SimCacheParts {
  evict: EvictReconciler;
  release: ReleaseReconciler;
  gc: GcReconciler;
  retrieval: RunningRetrieval;
}

const HOUR_MS = 3_600_000;

export const HOT_POLICY: HotPolicy = { name: 'default', enabled: true, evict: { minActive: 2, afterIdleMs: 0 } };

/** The real eviction, release, collection and retrieval, over the hot tier of the world. */
export function openCache(
  daemon: SimDaemon,
  parts: { pins: PinStore; cold: ColdStore; maker: DealMaker; wantSample(pieceId: string): void },
): SimCacheParts {
  const { world, config } = daemon;
  const { pins, cold } = parts;
  const log = createLog('silent');
  const readership = new HotCache();
  const tier = createSimTier(daemon);
  const { status } = tier;
  const servesFromHot = !parts.maker.needsFile;
  const gate = createIntakeGate();
  const gc = new GcReconciler({
    hot: tier,
    clock: world,
    log,
    timeoutMs: HOUR_MS,
    gate,
    gateTimeoutMs: HOUR_MS,
    isShort: () => false,
    // A fetch for a pin is over as soon as it has begun.
    drain: async () => undefined,
    resume: () => undefined,
  });
  const release = new ReleaseReconciler({
    store: pins,
    hot: tier,
    log,
    collectingGarbage: () => gc.collecting(),
    fetched: async (contentKeys) => (servesFromHot ? fetchedOf(contentKeys, cold) : new Set()),
    onGarbage: (bytes) => void gc.noteGarbage(bytes),
  });
  const retrieval = createRetrieval({
    pins,
    hot: { status, fetch: tier.fetch, pin: tier.pin },
    intake: tier,
    gate,
    sources: createColdSources({ store: cold, maker: parts.maker, mayPay: false, book: async () => false }),
    policy: HOT_POLICY,
    hasRoom: () => true,
    limits: { dagBytes: 2 ** 40, dagBlocks: 100, networkFirstMs: 0, hedgeMs: 60_000, stallMs: 60_000, unpinWaitMs: 0 },
    concurrent: 8,
    clock: world,
    log,
    keep: async () => undefined,
    onHotAgain: (contentKey) => readership.returned(contentKey, world.nowMs()),
    onGarbage: (bytes) => void gc.noteGarbage(bytes),
    onRead: (contentKey) => readership.read(contentKey, config.contentBytes, world.nowMs()),
  });
  const evict = new EvictReconciler({
    store: {
      contents: (keys) => pins.contents(keys),
      held: (after) => pins.held(after),
      cold: () => pins.cold(),
      releasing: (limit) => pins.releasing(limit),
      async evict(contentKey, text) {
        await daemon.checkMayGo(contentKey);
        return pins.evict(contentKey, text);
      },
      async lose(contentKey, reason) {
        const isLost = await pins.lose(contentKey, reason);
        if (isLost) await daemon.checkIsLost(contentKey);
        return isLost;
      },
    },
    cold,
    hot: tier,
    servesFromHot,
    readership,
    policy: HOT_POLICY,
    capacityBytes: config.hotContents * config.contentBytes,
    evictAbove: 0.9,
    evictDownTo: 0.5,
    disk: () => 'ok',
    hasRoom: () => true,
    garbageBytes: () => 0,
    wantSample: parts.wantSample,
    warm: (contentKey) => retrieval.warm(contentKey),
    onEvicted: () => undefined,
    clock: world,
    log,
  });
  return { evict, release, gc, retrieval };
}
