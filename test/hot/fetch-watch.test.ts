import test from 'ava';

import type { HotError } from '../../daemon/domain/ports.ts';
import { createFetchWatch, patienceMs } from '../../daemon/hot/fetch-watch.ts';
import { poll } from '../fixtures/poll.ts';

const FRESH = { nudgeMs: 1_000, blocks: 0, bytes: 0, quietMs: 0, stallMs: 30_000 };
const LIMITS = { dagBytes: 1_000, dagBlocks: 10, timeoutMs: 60_000, stallMs: 60_000 };

test('patience grows with what would have to be walked again', (t) => {
  t.is(patienceMs(FRESH), 1_000);
  t.is(patienceMs({ ...FRESH, nudgeMs: 4_000 }), 4_000);
  t.true(patienceMs({ ...FRESH, blocks: 1_000, bytes: 2 ** 28 }) > 2_000);
  t.is(patienceMs({ ...FRESH, blocks: 100_000, bytes: 2 ** 35 }), 15_000, 'a new walk is tried once at least');
});

test('patience never outlasts the stall', (t) => {
  t.is(patienceMs({ ...FRESH, stallMs: 700 }), 350);
  t.is(patienceMs({ ...FRESH, nudgeMs: 8_000, quietMs: 29_000 }), 1_000);
});

function watchOf(limits: Partial<typeof LIMITS>, signal = new AbortController().signal) {
  return createFetchWatch({ contentKey: 'bafyX', limits: { ...LIMITS, ...limits }, onProgress: () => undefined, signal });
}

test('a quiet walk is ended, the fetch with it only once the quiet has lasted', async (t) => {
  const watch = watchOf({ stallMs: 120 });
  t.teardown(watch.end);
  const first = watch.beginWalk();
  await poll('the first walk is ended', 10_000, () => first.aborted);
  t.false(watch.signal.aborted);
  const second = watch.beginWalk();
  await poll('the second walk is ended', 10_000, () => second.aborted);
  t.true(watch.signal.aborted);
  t.is(watch.fired()?.failure, 'stalled');
  t.is(watch.fired()?.message, 'no peer has sent a block of bafyX for 0.1 s (0 blocks, 0 B so far)');
});

test('quiet before a block does not count after it', async (t) => {
  const watch = watchOf({ stallMs: 120 });
  t.teardown(watch.end);
  const first = watch.beginWalk();
  await poll('the first walk is ended', 10_000, () => first.aborted);
  watch.beginWalk();
  watch.counted();
  const third = watch.beginWalk();
  await poll('the third walk is ended', 10_000, () => third.aborted);
  t.false(watch.signal.aborted);
});

test('the first reason stands', (t) => {
  const abort = new AbortController();
  const watch = watchOf({ dagBlocks: 1 }, abort.signal);
  t.teardown(watch.end);
  watch.counted();
  watch.sized(10);
  t.deepEqual(watch.progress(), { blocks: 1, bytes: 10 });
  const error = t.throws<HotError>(() => watch.counted());
  t.is(error?.failure, 'too_many_blocks');
  abort.abort();
  t.is(watch.fired()?.failure, 'too_many_blocks');
});
