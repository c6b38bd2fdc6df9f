import test from 'ava';

import { createLog, type Log } from '../../daemon/log.ts';
import { HoldReconciler } from '../../daemon/reconcilers/hold.ts';

const never = new AbortController().signal;

function createHold() {
  const world = { repoBytes: 0, isCollecting: false };
  const happened: string[] = [];
  const said: string[] = [];
  const silent = createLog('silent');
  const log = Object.assign(Object.create(silent) as Log, {
    warn: ({ reason }: { reason: string }) => said.push(reason),
    info: (text: string) => said.push(text),
  });
  const hold = new HoldReconciler({
    hot: {
      exclusive: true,
      status: () => ({ up: true, detail: '', addresses: [] }),
      usage: async () => ({ repoBytes: world.repoBytes, capacityBytes: 100 }),
    } as never,
    log,
    capacityBytes: 100,
    checkDisk: async () => 'ok',
    collectingGarbage: () => world.isCollecting,
    drain: async ({ code }) => void happened.push(`drained: ${code}`),
    wake: () => void happened.push('woken'),
    evictAboveBytes: 90,
    evict: () => void happened.push('evict'),
    lastLook: () => undefined,
    collectGarbage: () => void happened.push('collect'),
  });
  return { hold, world, happened, said };
}

test('what holds pins is said when it changes, and a collection in between is no change', async (t) => {
  const { hold, world, said } = createHold();
  world.repoBytes = 100;
  for (const isCollecting of [false, true, false, true, false]) {
    world.isCollecting = isCollecting;
    await hold.pass(never);
    t.true(hold.isShort());
  }
  t.deepEqual(said, ['hot_full']);
  world.repoBytes = 10;
  await hold.pass(never);
  await hold.pass(never);
  t.false(hold.isShort());
  t.deepEqual(said, ['hot_full', 'pins go on']);
  world.isCollecting = true;
  await hold.pass(never);
  world.isCollecting = false;
  await hold.pass(never);
  t.is(said.length, 2, 'a collection says itself what it did');
});

test('while room is short garbage is collected at each look, and pins are woken when it is over', async (t) => {
  const { hold, world, happened } = createHold();
  world.repoBytes = 100;
  await hold.pass(never);
  await hold.pass(never);
  world.repoBytes = 10;
  await hold.pass(never);
  t.deepEqual(happened, ['drained: hot_full', 'evict', 'collect', 'evict', 'collect', 'woken']);
});
