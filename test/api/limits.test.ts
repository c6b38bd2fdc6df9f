import test from 'ava';

import { createTokenBuckets } from '../../api/limits.ts';
import { TestClock } from '../fixtures/create-accounts.ts';

test('a bucket gives its burst, then so many a second', (t) => {
  const clock = new TestClock();
  const buckets = createTokenBuckets({ clock, perSecond: 2, burst: 3 });
  t.deepEqual(
    [1, 2, 3].map(() => buckets.take('a')),
    [0, 0, 0],
  );
  t.is(buckets.take('a'), 0.5);
  clock.advance(500);
  t.is(buckets.take('a'), 0);
  t.is(buckets.take('a'), 0.5);
  clock.advance(3_600_000);
  t.deepEqual(
    [1, 2, 3].map(() => buckets.take('a')),
    [0, 0, 0],
    'never more than the burst',
  );
  t.true(buckets.take('a') > 0);
});

test('keys do not share', (t) => {
  const buckets = createTokenBuckets({ clock: new TestClock(), perSecond: 1, burst: 1 });
  t.is(buckets.take('a'), 0);
  t.is(buckets.take('b'), 0);
  t.true(buckets.take('a') > 0);
});

test('a clock set back neither fills nor empties a bucket', (t) => {
  const clock = new TestClock();
  const buckets = createTokenBuckets({ clock, perSecond: 1, burst: 2 });
  buckets.take('a');
  clock.advance(-3_600_000);
  t.is(buckets.take('a'), 0);
  t.is(buckets.take('a'), 1);
  clock.advance(1000);
  t.is(buckets.take('a'), 0);
});

test('no more keys are remembered than allowed, and the longest unused goes first', (t) => {
  const buckets = createTokenBuckets({ clock: new TestClock(), perSecond: 1, burst: 1, maxKeys: 2 });
  buckets.take('a');
  buckets.take('b');
  t.true(buckets.take('a') > 0);
  buckets.take('c');
  t.true(buckets.take('a') > 0, 'used since, so kept');
  t.is(buckets.take('b'), 0, 'forgotten');
});

test('0 a second is no limit', (t) => {
  const buckets = createTokenBuckets({ clock: new TestClock(), perSecond: 0, burst: 0 });
  t.is(buckets.take('a'), 0);
});
