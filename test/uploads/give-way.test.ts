import { setImmediate as turn } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { createGiveWay } from '../../daemon/uploads/give-way.ts';

function setUp(t: ExecutionContext, world: { isDue: boolean; isShort: boolean }) {
  const stop = new AbortController();
  t.teardown(() => stop.abort());
  const giveWay = createGiveWay({
    gate: { closing: () => world.isDue },
    isShort: () => world.isShort,
    idleMs: 5_000,
    everyMs: 1,
    signal: stop.signal,
  });
  const ended: string[] = [];
  const join = (name: string, waitedMs?: number) =>
    giveWay.join({
      waitingSinceMs: () => (waitedMs === undefined ? undefined : performance.now() - waitedMs),
      end: ({ message }) => ended.push(`${name}: ${message}`),
    });
  return { ended, join };
}

test('a collection ends those whose clients send nothing, and waits for those that move and those whose blocks we are slow with', async (t) => {
  const { ended, join } = setUp(t, { isDue: true, isShort: false });
  join('moves', 0);
  join('is waited for by nobody');
  t.deepEqual(ended, []);
  join('stands still', 6_000)();
  await turn();
  t.deepEqual(ended, [], 'who has left is not ended');
});

test('who stands still is ended only while a collection is due', async (t) => {
  const world = { isDue: false, isShort: false };
  const { ended, join } = setUp(t, world);
  join('stands still', 6_000);
  t.deepEqual(ended, []);
  world.isDue = true;
  while (ended.length === 0) await turn();
  t.regex(ended[0] ?? '', /^stands still: nothing came/);
});

test('without room all are ended', (t) => {
  const { ended, join } = setUp(t, { isDue: false, isShort: true });
  join('moves', 0);
  t.regex(ended[0] ?? '', /^moves: there is no room/);
});
