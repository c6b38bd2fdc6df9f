import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { createIntakeGate } from '../../daemon/domain/intake-gate.ts';

const LONG_MS = 60_000;
const UPLOAD = { canPause: false };
const FETCH = { canPause: true };

/** Whether it is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  void promise.then(note, note);
  await turn();
  return settled;
}

test('an open gate lets everybody in, and one that nobody is in closes at once', async (t) => {
  const gate = createIntakeGate();
  const leaves = [await gate.enter(UPLOAD), await gate.enter(FETCH), await gate.enter(FETCH)];
  t.deepEqual(gate.inside(), { all: 3, unpausable: 1 });
  for (const leave of leaves) leave();
  t.deepEqual(gate.inside(), { all: 0, unpausable: 0 });
  t.true(await gate.close(0));
});

test('closing waits until the last one is out, and lets nobody in meanwhile', async (t) => {
  const gate = createIntakeGate();
  const leaves = [await gate.enter(UPLOAD), await gate.enter(UPLOAD)];
  const closed = gate.close(LONG_MS);
  const late = gate.enter(UPLOAD);
  leaves[0]?.();
  leaves[0]?.();
  t.false(await isSettled(closed), 'leaving twice is not leaving for two');
  t.false(await isSettled(late));
  leaves[1]?.();
  t.true(await closed);
  t.false(await isSettled(late), 'it stays closed until it is opened');
  t.true(gate.closing());
  gate.open();
  await late;
  t.false(gate.closing());
  t.is(gate.inside().all, 1);
});

test('who can pause is told, leaves, and enters again when it is open', async (t) => {
  const gate = createIntakeGate();
  let leave = await gate.enter(FETCH);
  let again: Promise<void> | undefined;
  const forget = gate.onClosing(() => {
    leave();
    again = gate.enter(FETCH).then((next) => {
      leave = next;
    });
  });
  t.true(await gate.close(LONG_MS));
  gate.open();
  await again;
  t.deepEqual(gate.inside(), { all: 1, unpausable: 0 });
  forget();
  const closed = gate.close(0);
  t.false(await closed, 'a listener that was taken away hears nothing');
});

test('who can pause goes on, and comes in, for as long as others are waited for', async (t) => {
  const gate = createIntakeGate();
  const upload = await gate.enter(UPLOAD);
  const leaves = [await gate.enter(FETCH)];
  let told = 0;
  gate.onClosing(() => {
    told += 1;
    for (const leave of leaves) leave();
  });
  const closed = gate.close(LONG_MS);
  leaves.push(await gate.enter(FETCH));
  t.is(told, 0);
  t.true(gate.closing());
  upload();
  t.is(told, 1);
  t.true(await closed);
  t.false(await isSettled(gate.enter(FETCH)), 'and from now on it waits, too');
});

test('who can pause is not told when the others do not end in time', async (t) => {
  const gate = createIntakeGate();
  const leave = await gate.enter(UPLOAD);
  await gate.enter(FETCH);
  gate.onClosing(() => t.fail('nobody is to pause for a collection that does not come'));
  t.false(await gate.close(1));
  leave();
  gate.open();
  t.deepEqual(gate.inside(), { all: 1, unpausable: 0 });
});

test('what does not end in time keeps it from closing, and says so', async (t) => {
  const gate = createIntakeGate();
  const leave = await gate.enter(UPLOAD);
  t.false(await gate.close(1));
  gate.open();
  const closed = gate.close(LONG_MS);
  gate.open();
  t.false(await closed, 'opened before all were out');
  leave();
  t.true(await gate.close(LONG_MS), 'a closing that was given up leaves nothing behind');
});

test('a signal ends the waiting on both sides', async (t) => {
  const gate = createIntakeGate();
  const leave = await gate.enter(UPLOAD);
  const stop = new AbortController();
  const closed = gate.close(LONG_MS, stop.signal);
  const gone = new AbortController();
  const late = gate.enter({ ...UPLOAD, signal: gone.signal });
  gone.abort(new Error('the client is gone'));
  await t.throwsAsync(late, { message: 'the client is gone' });
  stop.abort();
  t.false(await closed);
  gate.open();
  t.false(await gate.close(LONG_MS, stop.signal), 'a signal that came before');
  leave();
  gate.open();
  await t.throwsAsync(gate.enter({ ...UPLOAD, signal: gone.signal }));
  t.is(gate.inside().all, 0);
});

test('two collections at once are a mistake', async (t) => {
  const gate = createIntakeGate();
  await gate.close(0);
  t.throws(() => void gate.close(0), { message: /closed already/ });
});

testProp(
  'nobody is inside while it is closed',
  [fc.array(fc.boolean(), { maxLength: 20 }), fc.scheduler()],
  async (t, visitors, scheduler) => {
    const gate = createIntakeGate();
    const visits = visitors.map(async (canPause) => {
      await scheduler.schedule(Promise.resolve(), 'come');
      const leave = await gate.enter({ canPause });
      await scheduler.schedule(Promise.resolve(), 'go');
      leave();
    });
    const collections = (async () => {
      for (let i = 0; i < 3; i++) {
        await scheduler.schedule(Promise.resolve(), 'collect');
        t.true(await gate.close(LONG_MS));
        t.is(gate.inside().all, 0);
        await scheduler.schedule(Promise.resolve(), 'collected');
        t.is(gate.inside().all, 0);
        gate.open();
      }
    })();
    await scheduler.waitFor(Promise.all([...visits, collections]));
    t.is(gate.inside().all, 0);
    // Whatever timer was left would keep the process from ending.
    await sleep(0);
  },
);
