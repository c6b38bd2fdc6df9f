import test from 'ava';
import fc from 'fast-check';

import { HotCache } from '../../daemon/plan/cache.ts';

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 86_400_000;

/** Contents named by `prefix` and a number. */
function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

function readAll(cache: HotCache, keys: readonly string[], { times = 1, sizeBytes = 1_000, nowMs = NOW_MS } = {}): void {
  for (let time = 0; time < times; time += 1) for (const key of keys) cache.read(key, sizeBytes, nowMs);
}

/** Makes room until so many are hot; what went, in order. */
function makeRoom(cache: HotCache, hot: number): string[] {
  const went: string[] = [];
  for (const key of cache.victims()) {
    if (cache.hotSize <= hot) break;
    went.push(key);
    cache.left(key);
  }
  return went;
}

/** Reads with room for so many contents. */
function readWithRoom(cache: HotCache, keys: readonly string[], hot: number, nowMs = NOW_MS): void {
  for (const key of keys) {
    cache.read(key, 1_000, nowMs);
    makeRoom(cache, hot);
  }
}

test('what was fetched back is not idle, though it was not read once more', (t) => {
  const cache = new HotCache();
  cache.read('a', 100, 1_000_000);
  cache.returned('a', 1_300_000);
  cache.returned('b', 1_300_000);
  t.is(cache.idleMs('a', 1_310_000), 10_000);
  t.like(cache.explain('a', 1_310_000), { reads: 1, lastReadMs: 1_000_000 });
  t.is(cache.idleMs('b', 1_310_000), undefined, 'who is not known is not known by this');
});

test('what is read often stays when much else is read once', (t) => {
  const cache = new HotCache({ maxTracked: 1_000 });
  const popular = names('popular', 20);
  for (let round = 0; round < 10; round += 1) readWithRoom(cache, [...popular, ...names(`round${round}-`, 10)], 30);
  readWithRoom(cache, names('scan', 300), 30);
  t.true(popular.every((key) => cache.explain(key, NOW_MS)?.hot));
});

test('what was popular once gives way to what is popular now', (t) => {
  const cache = new HotCache({ maxTracked: 1_000 });
  const before = names('before', 20);
  const now = names('now', 20);
  for (let round = 0; round < 50; round += 1) readWithRoom(cache, before, 25);
  for (let round = 0; round < 50; round += 1) readWithRoom(cache, now, 25);
  t.true(now.every((key) => cache.explain(key, NOW_MS)?.hot));
  t.is(before.filter((key) => cache.explain(key, NOW_MS)?.hot).length, 5);
});

test('reads lose weight with what is read after them', (t) => {
  const cache = new HotCache({ maxTracked: 1_000 });
  readAll(cache, ['old'], { times: 8 });
  const lately = cache.explain('old', NOW_MS)?.readsLately ?? 0;
  t.true(lately > 7 && lately <= 8);
  readAll(cache, names('other', 50), { times: 100 });
  t.true((cache.explain('old', NOW_MS)?.readsLately ?? 8) < 0.1);
  t.is(cache.explain('old', NOW_MS)?.reads, 8);
});

test('of two that are read alike the larger goes first', (t) => {
  const cache = new HotCache({ maxTracked: 10 });
  for (let time = 0; time < 3; time += 1) {
    cache.read('small', 2 ** 10, NOW_MS);
    cache.read('large', 2 ** 30, NOW_MS);
  }
  t.deepEqual([...cache.victims()], ['large', 'small']);
});

test('a loop that is longer than there is room keeps what it has', (t) => {
  const cache = new HotCache({ maxTracked: 1_000 });
  const loop = names('loop', 55);
  for (let round = 0; round < 5; round += 1) readWithRoom(cache, loop, 50);
  const hits = loop.filter((key) => {
    const hit = cache.explain(key, NOW_MS)?.hot;
    readWithRoom(cache, [key], 50);
    return hit;
  });
  t.true(hits.length >= 45, `${hits.length} of 55`);
});

test('no more is tracked than may be, and what is hot is forgotten last', (t) => {
  const cache = new HotCache({ maxTracked: 100 });
  const kept = names('kept', 30);
  readAll(cache, kept, { times: 3 });
  const others = names('other', 500);
  for (const key of others) {
    cache.read(key, 1_000, NOW_MS);
    cache.left(key);
  }
  t.is(cache.size, 100);
  t.true(kept.every((key) => cache.explain(key, NOW_MS)?.hot));
  readAll(cache, names('hot', 500));
  t.is(cache.size, 100);
  t.is(cache.hotSize, 100);
});

test('a pin is no read: what is not tracked stays so', (t) => {
  const cache = new HotCache();
  t.false(cache.came('pinned', 1_000));
  t.deepEqual([...cache.victims()], []);
  t.is(cache.lastReadMs('pinned'), undefined);
  t.is(cache.idleMs('pinned', NOW_MS), undefined);
  t.is(cache.explain('pinned', NOW_MS), undefined);
});

test('what comes back is remembered with its reads, and what is gone is not', (t) => {
  const cache = new HotCache();
  readAll(cache, ['a', 'b'], { times: 5 });
  cache.left('a');
  cache.gone('b');
  t.deepEqual([...cache.victims()], []);
  t.is(cache.explain('a', NOW_MS)?.reads, 5);
  t.true(cache.came('a', 1_000));
  t.false(cache.came('b', 1_000));
  t.deepEqual([...cache.victims()], ['a']);
  t.is(cache.size, 1);
});

test('victims that may not go are passed over, and each is named once', (t) => {
  const cache = new HotCache();
  const keys = names('content', 30);
  readAll(cache, keys);
  const named: string[] = [];
  for (const key of cache.victims()) {
    named.push(key);
    if (named.length % 3 === 0) cache.left(key);
  }
  t.deepEqual(named.toSorted(), keys.toSorted());
  t.is(cache.hotSize, 20);
});

test('what is read, or gone, while victims are walked through is not named', (t) => {
  const cache = new HotCache();
  readAll(cache, names('content', 10));
  const victims = cache.victims();
  const first = victims.next().value;
  const second = victims.next().value;
  const [third = '', fourth = ''] = [...cache.victims()].filter((key) => key !== first && key !== second);
  cache.read(third, 1_000, NOW_MS);
  cache.gone(fourth);
  const rest = [...victims];
  t.false(rest.includes(third));
  t.false(rest.includes(fourth));
  t.is(rest.length, 6);
});

test('a content that was said to be of another size counts with the new one', (t) => {
  const cache = new HotCache();
  readAll(cache, ['a', 'b'], { times: 2 });
  t.deepEqual([...cache.victims()], ['a', 'b']);
  cache.read('b', 2 ** 30, NOW_MS);
  t.deepEqual([...cache.victims()], ['b', 'a']);
  t.is(cache.explain('b', NOW_MS)?.reads, 3);
});

test('it says how a content stands', (t) => {
  const cache = new HotCache();
  readAll(cache, names('content', 9));
  readAll(cache, ['favourite'], { times: 4, nowMs: NOW_MS + MINUTE_MS });
  const standing = cache.explain('favourite', NOW_MS + 2 * MINUTE_MS);
  t.like(standing, { hot: true, reads: 4, lastReadMs: NOW_MS + MINUTE_MS, idleMs: MINUTE_MS, wouldKeep: true, goesAfter: 9, tracked: 10 });
  t.is(cache.explain('content0', NOW_MS)?.goesAfter, 0);
  t.true([0.5, 2, 8, 64].includes(standing?.halfLife ?? 0));
});

for (const [name, leapMs] of [
  ['forward', YEAR_MS],
  ['back', -YEAR_MS],
] as const) {
  test(`a clock that leaps a year ${name} changes no order and makes nothing idle`, (t) => {
    const steady = new HotCache({ maxTracked: 200 });
    const leaping = new HotCache({ maxTracked: 200 });
    for (let round = 0; round < 40; round += 1) {
      const keys = [...names('popular', 10), ...names(`round${round}-`, 7)];
      readWithRoom(steady, keys, 20, NOW_MS + round * MINUTE_MS);
      readWithRoom(leaping, keys, 20, NOW_MS + round * MINUTE_MS + (round >= 20 && round < 30 ? leapMs : 0));
    }
    t.deepEqual([...leaping.victims()], [...steady.victims()]);
    const endMs = NOW_MS + 40 * MINUTE_MS;
    t.is(steady.idleMs('popular0', endMs), MINUTE_MS);
    for (const nowMs of [endMs, endMs + leapMs, endMs]) {
      for (const key of leaping.victims()) t.true((leaping.idleMs(key, nowMs) ?? 0) <= 4 * 3_600_000);
    }
  });
}

test('what nobody reads becomes idle while somebody looks', (t) => {
  const cache = new HotCache();
  cache.read('a', 1_000, NOW_MS);
  for (let hour = 1; hour <= 48; hour += 1) t.is(cache.idleMs('a', NOW_MS + hour * 3_600_000), hour * 3_600_000);
  t.is(cache.lastReadMs('a'), NOW_MS);
  t.is(cache.idleMs('a', NOW_MS + YEAR_MS), 49 * 3_600_000, 'a year in which nobody looked is an hour');
});

/** Reads some 300 contents unevenly, with room for 60. */
function wellRead(): HotCache {
  const cache = new HotCache({ maxTracked: 250 });
  for (let read = 0; read < 5_000; read += 1) {
    const rank = Math.floor(300 * ((read * 7_919) % 1_009) ** 2) / 1_009 ** 2;
    cache.read(`content${Math.floor(rank)}`, 1 + ((Math.floor(rank) * 37) % 11) * 1_000, NOW_MS + read * 1_000);
    makeRoom(cache, 60);
  }
  return cache;
}

test('a snapshot brings back what was known', (t) => {
  const cache = wellRead();
  const nowMs = NOW_MS + 4_999_000;
  const restored = new HotCache({ maxTracked: 250, snapshot: cache.snapshot() });
  t.is(restored.size, cache.size);
  t.deepEqual([...restored.victims()].toSorted(), [...cache.victims()].toSorted());
  for (const key of cache.victims()) {
    const { wouldKeep: _, goesAfter: __, readsLately: before = 0, ...standing } = cache.explain(key, nowMs) ?? {};
    t.like(restored.explain(key, nowMs), standing);
    t.true(Math.abs((restored.explain(key, nowMs)?.readsLately ?? 0) - before) <= 0.01 * before);
  }
  const best = [...cache.victims()].slice(-20);
  const restoredBest = new Set([...restored.victims()].slice(-20));
  t.true(best.filter((key) => restoredBest.has(key)).length >= 18, 'those that would go last still would');
});

test('a snapshot is bounded, and keeps what would go last', (t) => {
  const cache = wellRead();
  const restored = new HotCache({ snapshot: cache.snapshot(20) });
  t.is(restored.size, 20);
  t.deepEqual([...restored.victims()].toSorted(), [...cache.victims()].slice(-20).toSorted());
  t.is(new HotCache({ maxTracked: 5, snapshot: cache.snapshot() }).size, 5);
  t.is(new HotCache({ snapshot: new HotCache().snapshot() }).size, 0);
});

test('what is no snapshot is as good as none', (t) => {
  const text = new TextDecoder().decode(wellRead().snapshot(3));
  const change = (edit: (state: { [key: string]: unknown; rows: unknown[][] }) => void): string => {
    const state = JSON.parse(text);
    edit(state);
    return JSON.stringify(state);
  };
  const garbage = [
    '',
    'null',
    '[]',
    '{}',
    text.slice(0, -1),
    change((state) => {
      state.version = 2;
    }),
    change((state) => {
      state.lead = 4;
    }),
    change((state) => {
      state.scores = [1];
    }),
    change((state) => {
      state.steadyMs = -1;
    }),
    change((state) => {
      state.rows[1] = state.rows[0] ?? [];
    }),
    change((state) => {
      state.rows[0]?.pop();
    }),
    ...[0, 1, 2, 3, 4, 5, 6].map((column) =>
      change((state) => {
        if (state.rows[0] !== undefined) state.rows[0][column] = null;
      }),
    ),
  ];
  t.is(new HotCache({ snapshot: new TextEncoder().encode(text) }).size, 3);
  for (const one of garbage) t.is(new HotCache({ snapshot: new TextEncoder().encode(one) }).size, 0, one);
  t.is(new HotCache({ snapshot: Uint8Array.of(0xff, 0xfe, 0) }).size, 0);
});

const key = fc.integer({ min: 0, max: 30 }).map((number) => `content${number}`);
const size = fc.constantFrom(1, 1_000, 2 ** 20, 2 ** 40);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), key, size, nowMs: fc.integer({ min: 0, max: 2 * NOW_MS }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('came' as const, 'left' as const, 'gone' as const), key, size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('evict' as const, 'restart' as const) }) },
);

test('whatever happens: victims are the hot tracked contents, each once, and the bound holds', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      let cache = new HotCache({ maxTracked: 20 });
      const hot = new Set<string>();
      for (const one of steps) {
        if (one.kind === 'read') {
          cache.read(one.key, one.size, one.nowMs);
          hot.add(one.key);
        } else if (one.kind === 'came') {
          if (cache.came(one.key, one.size)) hot.add(one.key);
        } else if (one.kind === 'left' || one.kind === 'gone') {
          cache[one.kind](one.key);
          hot.delete(one.key);
        } else if (one.kind === 'evict') {
          for (const went of makeRoom(cache, Math.floor(cache.hotSize / 2))) hot.delete(went);
        } else cache = new HotCache({ maxTracked: 20, snapshot: cache.snapshot() });
        const victims = [...cache.victims()];
        if (victims.length !== cache.hotSize || new Set(victims).size !== victims.length) return false;
        if (!victims.every((victim) => hot.has(victim) && cache.explain(victim, 0)?.hot)) return false;
        if (cache.size > 20 || (cache.size < 20 && cache.hotSize > hot.size)) return false;
        const places = victims.map((victim) => cache.explain(victim, 0)?.goesAfter ?? -1);
        if (places.some((place, index) => place > index)) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('the same calls give the same victims, whatever the seed', (t) => {
  const keys = Array.from({ length: 400 }, (_, read) => `content${(read * read) % 61}`);
  const [one, other] = [1, 2].map((seed) => {
    const cache = new HotCache({ maxTracked: 50, seed });
    readWithRoom(cache, keys, 20);
    return [...cache.victims()];
  });
  t.deepEqual(one, other);
});
