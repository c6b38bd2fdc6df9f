import { setImmediate as turn } from 'node:timers/promises';

import test from 'ava';

import { createIntakeGate } from '../../daemon/domain/intake-gate.ts';
import type { HotTier } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { GcReconciler } from '../../daemon/reconcilers/gc.ts';

const LONG_MS = 60_000;

const HOUR_MS = 3_600_000;

function createGc(gateTimeoutMs: number) {
  const world = { nowMs: 1_000 * HOUR_MS, isShort: false };
  const gate = createIntakeGate();
  const happened: string[] = [];
  const note = (what: string): Promise<void> => {
    happened.push(what);
    return Promise.resolve();
  };
  const hot = {
    exclusive: true,
    status: () => ({ up: true, detail: '', addresses: [] }),
    usage: () => Promise.resolve({ repoBytes: 0, capacityBytes: 0 }),
    collectGarbage: () => note(`collected, ${gate.inside().all} inside`),
  } as unknown as HotTier;
  const gc = new GcReconciler({
    hot,
    clock: { nowMs: () => world.nowMs },
    isShort: () => world.isShort,
    log: createLog('silent'),
    timeoutMs: LONG_MS,
    gate,
    gateTimeoutMs,
    drain: () => note('drained'),
    resume: () => void note('resumed'),
  });
  return { gc, gate, happened, world };
}

test('a collection waits for uploads, and lets the next ones in afterwards', async (t) => {
  const { gc, gate, happened } = createGc(LONG_MS);
  const leave = await gate.enter({ canPause: false });
  const pass = gc.pass(new AbortController().signal);
  await turn();
  t.deepEqual(happened, [], 'fetches go on while an upload is waited for');
  leave();
  t.is((await pass).done, 1);
  t.deepEqual(happened, ['drained', 'collected, 0 inside', 'resumed']);
  t.false(gate.closing());
});

for (const [canPause, reason] of [
  [false, 'uploads'],
  [true, 'cold_fetches'],
] as const) {
  test(`a collection is put off, and says so, when ${reason} don't end`, async (t) => {
    const { gc, gate, happened } = createGc(1);
    const leave = await gate.enter({ canPause });
    t.deepEqual(await gc.pass(new AbortController().signal), { due: 0, done: 0, failed: 0, skipped: { [reason]: 1 } });
    t.deepEqual(happened, []);
    t.false(gate.closing());
    leave();
    t.is((await gc.pass(new AbortController().signal)).done, 1, 'it is as due as before');
  });
}

test('a daemon that stops does not wait for uploads', async (t) => {
  const { gc, gate } = createGc(LONG_MS);
  await gate.enter({ canPause: false });
  const stop = new AbortController();
  const pass = gc.pass(stop.signal);
  stop.abort();
  t.is((await pass).skipped.uploads, 1);
  t.false(gate.closing());
});

test('without garbage nothing is collected, but while room is short, once an hour: not all of it is told of', async (t) => {
  const { gc, world } = createGc(LONG_MS);
  const pass = () => gc.pass(new AbortController().signal);
  t.is((await pass()).done, 1, 'what was there before is not known');
  t.is((await pass()).skipped.no_garbage, 1);
  world.isShort = true;
  t.is((await pass()).skipped.no_garbage, 1);
  world.nowMs += HOUR_MS;
  t.is((await pass()).done, 1);
  t.is((await pass()).skipped.no_garbage, 1);
  world.isShort = false;
  world.nowMs += HOUR_MS;
  t.is((await pass()).skipped.no_garbage, 1);
});

test('a collection that was put off is so for a while', async (t) => {
  const { gc, gate, world } = createGc(1);
  t.false(gc.isPutOff());
  const leave = await gate.enter({ canPause: false });
  await gc.pass(new AbortController().signal);
  t.true(gc.isPutOff());
  world.nowMs += HOUR_MS;
  t.false(gc.isPutOff());
  world.nowMs -= HOUR_MS;
  leave();
  await gc.pass(new AbortController().signal);
  t.false(gc.isPutOff());
});
