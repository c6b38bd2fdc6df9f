import { setImmediate } from 'node:timers/promises';

import test from 'ava';

import { unlessAborted } from '../../daemon/domain/abort.ts';
import { memory } from '../fixtures/memory.ts';
import { poll } from '../fixtures/poll.ts';

test.serial('what came of each of many rounds is not kept until the signal fires', async (t) => {
  const { signal } = new AbortController();
  const before = memory();
  for (let i = 0; i < 64; i++) t.is((await unlessAborted(setImmediate(Buffer.alloc(1_000_000, 1)), signal)).length, 1_000_000);
  // What was collected is given back a little later, by another thread.
  await poll('64 MB are given back', 20_000, () => memory() - before < 20_000_000);
});

test('an abort is heard before the promise settles, and what it rejects with afterwards bothers nobody', async (t) => {
  const stop = new AbortController();
  const late = Promise.withResolvers<void>();
  const waiting = unlessAborted(late.promise, stop.signal);
  stop.abort(new Error('enough'));
  await t.throwsAsync(waiting, { message: 'enough' });
  late.reject(new Error('too late'));
  await t.throwsAsync(unlessAborted(Promise.reject(new Error('not heard of')), stop.signal), { message: 'enough' });
});
