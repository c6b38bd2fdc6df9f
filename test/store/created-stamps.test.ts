import test from 'ava';

import { CreatedStamps, LEAD_MS } from '../../daemon/store/pins/created-stamps.ts';

test('created is the clock, and a millisecond more where that is taken', (t) => {
  const stamps = new CreatedStamps();
  t.deepEqual([stamps.next('a', 100), stamps.next('a', 100), stamps.next('a', 101), stamps.next('a', 200)], [100, 101, 102, 200]);
});

test('accounts have times of their own', (t) => {
  const stamps = new CreatedStamps();
  t.deepEqual([stamps.next('a', 100), stamps.next('b', 100)], [100, 100]);
});

test('a burst may run ahead of the clock by five seconds, then it is told to slow down, and goes on as time passes', (t) => {
  const stamps = new CreatedStamps();
  for (let pin = 0; pin <= LEAD_MS; pin++) stamps.next('a', 1_000);
  t.is(stamps.last('a'), 1_000 + LEAD_MS);
  t.throws(() => stamps.next('a', 1_000), { code: 'TOO_MANY_REQUESTS' });
  t.is(stamps.last('a'), 1_000 + LEAD_MS, 'what was refused takes no time');
  t.is(stamps.next('a', 1_001), 1_000 + LEAD_MS + 1);
  t.throws(() => stamps.next('a', 1_001), { code: 'TOO_MANY_REQUESTS' });
});

test('a clock that is set back neither repeats a time nor refuses pins', (t) => {
  const stamps = new CreatedStamps();
  const hourMs = 3_600_000;
  t.is(stamps.next('a', 10 * hourMs), 10 * hourMs);
  for (let pin = 1; pin <= 100; pin++) t.is(stamps.next('a', 9 * hourMs + pin * 10), 10 * hourMs + pin);
});

test('what was reserved is never given out', (t) => {
  const stamps = new CreatedStamps();
  stamps.reserve('a', 500);
  stamps.reserve('a', 400);
  t.is(stamps.next('a', 100), 501);
});
