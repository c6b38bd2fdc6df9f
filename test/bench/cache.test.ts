import test from 'ava';

import { FrequencySketch } from './cache/frequency-sketch.ts';
import { Lfu } from './cache/lfu.ts';
import { Lru } from './cache/lru.ts';
import { renderBars } from './cache/plot.ts';
import type { CachePolicy, CacheRoom } from './cache/policy.ts';
import { replay } from './cache/replay.ts';
import { S3Fifo } from './cache/s3-fifo.ts';
import { Sieve } from './cache/sieve.ts';
import { TRACES } from './cache/traces.ts';
import { WTinyLfu } from './cache/w-tinylfu.ts';

const POLICIES: readonly (new (room: CacheRoom) => CachePolicy)[] = [Lru, Lfu, Sieve, S3Fifo, WTinyLfu];

/** For each read whether it was a hit. */
function hits(policy: CachePolicy, keys: readonly number[]): string {
  return keys.map((key) => (policy.read(key, 1) ? 'h' : '.')).join('');
}

const three: CacheRoom = { capacity: 3, entries: 3 };

test('LRU lets go what was not read for longest', (t) => {
  t.is(hits(new Lru(three), [1, 2, 3, 1, 4, 1, 3, 2]), '...h.hh.');
});

test('LFU lets go what was read least', (t) => {
  t.is(hits(new Lfu(three), [1, 1, 2, 2, 3, 4, 3, 1, 2]), '.h.h...hh');
});

test('SIEVE spares what was read since its hand passed, and leaves it where it is', (t) => {
  // For 4 the hand spares 1 and takes 2; for 5 it goes on to 3, not back to the oldest.
  t.is(hits(new Sieve(three), [1, 2, 3, 1, 4, 5, 1]), '...h..h');
});

test('S3-FIFO puts at once into the main queue what it remembers', (t) => {
  const policy = new S3Fifo({ capacity: 10, entries: 10 });
  hits(policy, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  t.is(hits(policy, [1]), '.', 'it left the small queue');
  hits(policy, [20, 21, 22, 23, 24, 25, 26, 27, 28]);
  t.is(hits(policy, [1]), 'h', 'others that are new went instead of it');
});

test('W-TinyLFU does not let one that was read once replace what was read more', (t) => {
  const policy = new WTinyLfu({ capacity: 10, entries: 10 });
  hits(policy, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  hits(policy, [100, 101, 102, 103, 104, 105]);
  t.is(hits(policy, [1, 2, 3, 4, 5, 6, 7, 8, 9]), 'hhhhhhhhh');
});

test('a sketch never says less than was counted, up to fifteen, and halves in time', (t) => {
  const sketch = new FrequencySketch(100);
  for (let i = 0; i < 20; i += 1) for (let key = 0; key < 20; key += 1) if (i < key) sketch.add(key);
  for (let key = 0; key < 20; key += 1) t.true(sketch.estimate(key) >= Math.min(key, 15));
  t.is(sketch.estimate(19), 15);
  for (let i = 0; i < 1_000; i += 1) sketch.add(1_000_000);
  t.true(sketch.estimate(19) <= 8);
});

test('no policy holds more than it has room for', (t) => {
  const trace = TRACES['sizes-lognormal']?.({ reads: 3_000, contents: 300, entries: 30, seed: 3 });
  if (trace?.sizes === undefined) return t.fail();
  const { sizes } = trace;
  const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  for (const Policy of POLICIES) {
    const room = { capacity: 30 * mean, entries: 30 };
    const policy = new Policy(room);
    replay(trace, policy);
    let bytes = 0;
    for (const [key, size] of sizes.entries()) if (size < room.capacity && isHeld(policy, key)) bytes += size;
    t.true(bytes <= room.capacity, Policy.name);
  }

  /** A content that is larger than the room is let in by none, and none lets go of anything on a hit. */
  function isHeld(policy: CachePolicy, key: number): boolean {
    return policy.read(key, Number.POSITIVE_INFINITY);
  }
});

test('every trace can be had again, and has as many reads as were asked for', (t) => {
  for (const [name, make] of Object.entries(TRACES)) {
    const scale = { reads: 2_000, contents: 200, entries: 20, seed: 9 };
    const trace = make(scale);
    t.is(trace.keys.length, 2_000, name);
    t.deepEqual(make(scale), trace, name);
    if (trace.sizes !== undefined)
      t.true(
        trace.keys.every((key) => (trace.sizes?.[key] ?? 0) >= 1),
        name,
      );
  }
});

test('a plot says what it shows', (t) => {
  const svg = renderBars({
    title: 'A & B',
    unit: 'hits in %',
    groupsAre: 'trace',
    series: ['LRU', 'ours'],
    panels: [{ title: 'Objects', groups: [{ name: 'loop', values: [0, 90] }] }],
  });
  for (const text of ['A &amp; B', 'hits in %', 'trace', 'LRU', 'ours', 'Objects', 'loop']) t.true(svg.includes(`>${text}</text>`), text);
  t.is(svg.match(/<title>/g)?.length, 2);
});
