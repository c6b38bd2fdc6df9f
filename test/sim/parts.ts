import type { ColdStore, ColdView } from '../../daemon/domain/cold-store-port.ts';
import { createLog } from '../../daemon/log.ts';
import { rulesOf } from '../../daemon/plan/rules.ts';
import { createCold } from '../../daemon/reconcilers/index.ts';
import type { Reconciler } from '../../daemon/reconcilers/scheduler.ts';
import { openColdStore } from '../../daemon/store/cold-store.ts';
import { type OpenedPinStore, openPinStore } from '../../daemon/store/pin-store.ts';
import { createSimChainPort } from './chain-port.ts';
import type { SimDaemon } from './daemon.ts';
import { mortal } from './life.ts';
import { createSimMaker } from './maker.ts';
import { createSimWorks } from './works.ts';

export interface Parts {
  pins: OpenedPinStore;
  cold: ColdStore;
  view: ColdView;
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
      maker: mortal(
        life,
        'maker',
        createSimMaker({ market: world.market, disk: world.disk, faults: world.faults, later: (epochs, run) => world.later(epochs, run) }),
      ),
      works: mortal(life, 'works', createSimWorks(world.disk, world.hot)),
      policies: [config.policy],
      trusted: [...providers.keys()],
      countries: new Map([...providers].map(([id, { country }]) => [id, country])),
      random: () => chance.next(),
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
  const { view, settled: _settled, ...reconcilers } = parts;
  return { pins, cold, view, reconcilers: Object.values(reconcilers) };
}
