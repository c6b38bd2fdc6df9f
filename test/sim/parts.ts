import type { ColdStore, ColdView } from '../../daemon/domain/cold-store-port.ts';
import { createLog } from '../../daemon/log.ts';
import { rulesOf } from '../../daemon/plan/rules.ts';
import { createCold } from '../../daemon/reconcilers/index.ts';
import type { Reconciler } from '../../daemon/reconcilers/scheduler.ts';
import type { RunningRetrieval } from '../../daemon/retrieval.ts';
import { openColdStore } from '../../daemon/store/cold-store.ts';
import { type OpenedPinStore, openPinStore } from '../../daemon/store/pin-store.ts';
import { createSimChainPort } from './chain-port.ts';
import type { SimDaemon } from './daemon.ts';
import { openCache } from './hot-cache.ts';
import { mortal } from './life.ts';
import { createMaker } from './maker.ts';
import { createSimWorks } from './works.ts';

export interface Parts {
  pins: OpenedPinStore;
  cold: ColdStore;
  view: ColdView;
  retrieval: RunningRetrieval;
  reconcilers: readonly Reconciler[];
}

/** Everything that a process has in memory, made anew of what is durable, over the ports of the world. */
export async function openParts(daemon: SimDaemon): Promise<Parts> {
  const { world, config, life, flaky } = daemon;
  const log = createLog('silent');
  const store = mortal(life, 'store', flaky.port());
  const uuids = world.random.fork(`uuids ${daemon.generation}`);
  const chance = world.random.fork(`chance ${daemon.generation}`);
  const randomUUID = (): string => `${uuids.below(2 ** 31)}-${uuids.below(2 ** 31)}`;
  const pins = await openPinStore({ store, clock: world, log, randomUUID, cold: true });
  const cold = await openColdStore({ store, clock: world, log, pins, spendLogFile: daemon.spendLog.port(life, () => chance.next()) });
  const { providers } = world.market;
  const maker = mortal(life, 'maker', createMaker(world));
  let losses = (): void => undefined;
  let warm = async (_contentKey: string): Promise<unknown> => undefined;
  let keeps = async (_contentKey: string, _signal: AbortSignal): Promise<boolean> => false;
  const parts = createCold(
    {
      store: cold,
      clock: world,
      log,
      chain: mortal(
        life,
        'chain',
        createSimChainPort({
          ...world,
          clock: world.options.isWallNetwork ? world : undefined,
          chain: world.chain,
          market: world.market,
          faults: world.faults,
        }),
      ),
      maker,
      works: mortal(
        life,
        'works',
        createSimWorks(world.disk, world.hot, () => maker.needsFile),
      ),
      policies: [config.policy],
      trusted: [...providers.keys()],
      countries: new Map([...providers].map(([id, { country }]) => [id, country])),
      random: () => chance.next(),
      pins,
      warm: (contentKey) => warm(contentKey),
      keeps: (contentKey, signal) => keeps(contentKey, signal),
      onLosses: () => losses(),
      rules: rulesOf({
        ...config.budget,
        finalityEpochs: world.options.finalityEpochs,
        confirmLostEpochs: config.confirmLostEpochs,
        startLeadEpochs: config.startLeadEpochs,
        pieceMaxBytes: 4 * 2 ** 30,
        sampleBytesPerDay: 2 ** 40,
        sampleAttoPerDay: 10n ** 15n,
      }),
    },
    () => undefined,
  );
  const { view, pieces, create, verify, renew, sample, wantSample } = parts;
  const { evict, release, gc, retrieval } = openCache(daemon, { pins, cold, maker, wantSample });
  losses = () => evict.noteLosses();
  warm = (contentKey) => retrieval.warm(contentKey);
  keeps = (contentKey, signal) => release.keeps(contentKey, signal);
  return { pins, cold, view, retrieval, reconcilers: [pieces, create, verify, renew, sample, evict, release, gc] };
}
