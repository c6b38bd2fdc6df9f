import { COUNTED_TYPES as ACCOUNT_TYPES } from '../../daemon/accounts/accounts.ts';
import { systemClock } from '../../daemon/clock.ts';
import { createLog } from '../../daemon/log.ts';
import { type LevelStore, openLevelStore } from '../../daemon/store/level-store.ts';
import { COUNTED_TYPES as PIN_TYPES } from '../../daemon/store/pin-store.ts';
import { openKeyedHash } from '../../daemon/store/pins/keyed-hash.ts';
import { loadRosters } from '../../daemon/store/pins/load-rosters.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { createPins } from '../fixtures/create-pins.ts';
import type { Workspace } from './workspace.ts';

/** A daemon, stopped, whose one account has very many pins. */
export interface FilledDaemon {
  daemon: TestDaemon;
  accountId: string;
  token: string;
  pins: number;
  /** `created` of the oldest; each further pin is a millisecond younger. */
  firstMs: number;
  queued: number;
  /** Works with its store while the daemon is stopped. */
  withStore<T>(work: (store: LevelStore) => Promise<T>): Promise<T>;
}

/** Of a hundred pins in a row one is queued and one has failed. */
const A_HUNDRED = 100;
const PROGRESS_EVERY = 100_000;

export async function createFilledDaemon(workspace: Workspace, pins: number): Promise<FilledDaemon> {
  const daemon = await workspace.daemon();
  const token = await daemon.createToken('bulk');
  const { body } = await daemon.admin('GET', '/admin/accounts/bulk');
  const accountId = (body as { id: string }).id;
  await daemon.stop();
  const firstMs = Date.now() - pins - 60_000;
  const withStore: FilledDaemon['withStore'] = async (work) => {
    const store = await openStore(daemon.stateDir);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const beganMs = performance.now();
  await withStore(async (store) => {
    await createPins(store, {
      accountId,
      pins,
      firstMs,
      statusOf: (number) => (number % A_HUNDRED === 0 ? 'queued' : number % A_HUNDRED === 1 ? 'failed' : 'pinned'),
      onProgress: (written) => {
        if (written % PROGRESS_EVERY === 0) workspace.say(`${written} of ${pins} pins written`);
      },
    });
    await pack(store);
  });
  workspace.say(`a store of ${pins} pins took ${((performance.now() - beganMs) / 1_000).toFixed(0)} s to make`);
  return { daemon, accountId, token, pins, firstMs, queued: Math.ceil(pins / A_HUNDRED), withStore };
}

function openStore(dir: string): Promise<LevelStore> {
  return openLevelStore({
    dir,
    countedTypes: [...PIN_TYPES, ...ACCOUNT_TYPES],
    schema: 1,
    log: createLog('silent'),
    clock: systemClock,
    onFatal: (error) => {
      throw error;
    },
  });
}

/** As a daemon does while pins come one by one. */
async function pack(store: LevelStore): Promise<void> {
  const { packs } = await loadRosters(store, await openKeyedHash(store), createLog('silent'));
  await packs.settled();
}
