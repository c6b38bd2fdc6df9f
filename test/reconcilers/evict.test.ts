import test from 'ava';

import type { ColdOfContent, WaitingContent } from '../../daemon/domain/cold-store-port.ts';
import type { Content } from '../../daemon/domain/content.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import type { Versioned } from '../../daemon/domain/ports.ts';
import type { Warmed } from '../../daemon/domain/retrieval-ports.ts';
import { createLog } from '../../daemon/log.ts';
import { HotCache } from '../../daemon/plan/cache.ts';
import { type EvictOptions, EvictReconciler } from '../../daemon/reconcilers/evict.ts';
import { poll } from '../fixtures/poll.ts';

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
const NOW_MS = 1_000 * HOUR_MS;
const KIB = 1_024;

interface TestContent {
  hot?: Content['hot'];
  sizeBytes?: number;
  active?: number;
  pending?: number;
  isSampled?: boolean;
  repack?: NonNullable<ColdOfContent['pieces'][number]['repack']>;
  /** Beside its own piece. */
  others?: readonly Partial<ColdOfContent['pieces'][number]>[];
  waiting?: WaitingContent;
  wantedSinceMs?: number;
  /** Its pin is still to be removed from the hot tier. */
  isLeaving?: boolean;
}

/** The reconciler over contents in memory, each in a piece of its own. */
function create(contents: Readonly<Record<string, TestContent>>, over: Partial<EvictOptions> = {}) {
  const records = new Map(
    Object.entries(contents).map(([key, { hot = 'pinned', sizeBytes = 100 * KIB, wantedSinceMs = 0 }]): [string, Content] => [
      key,
      { key, pins: 1, hot, owner: hot === 'cold' ? 'none' : 'ours', attempts: 0, wantedSinceMs, notBeforeMs: 0, sizeBytes, blocks: 1 },
    ]),
  );
  const seen = { evicted: [] as string[], lost: [] as string[], warmed: [] as string[], sampled: [] as string[], told: 0 };
  const cache = new HotCache();
  async function* some(hot: Content['hot'], after = ''): AsyncGenerator<Content> {
    for (const [key, content] of [...records].sort()) if (content.hot === hot && key > after) yield content;
  }
  const evict = new EvictReconciler({
    store: {
      contents: async (keys) => keys.map((key) => records.get(key)),
      held: (after) => some('pinned', after),
      cold: () => some('cold'),
      releasing: async () => [...records.values()].filter(({ key }) => contents[key]?.isLeaving),
      async evict(key) {
        seen.evicted.push(key);
        records.set(key, { ...(records.get(key) as Content), hot: 'cold' });
        return true;
      },
      async lose(key) {
        seen.lost.push(key);
        return true;
      },
    },
    cold: {
      coldOf: async (keys) =>
        keys.map((key): ColdOfContent => {
          const { active = 2, pending = 0, others = [], waiting, repack } = contents[key] ?? {};
          const piece = { policy: 'default', summary: { min: 2, target: 3, active, pending }, next: { code: '', text: '' } };
          const own = { ...piece, id: `piece of ${key}`, state: 'built' as const, ...(repack === undefined ? {} : { repack }) };
          return {
            ...(waiting === undefined ? {} : { waiting }),
            pieces: [own, ...others.map((other) => ({ ...own, id: `another of ${key}`, ...other }))],
          };
        }),
      dealsOf: async (pieceId) => {
        const { isSampled = true } = contents[pieceId.replace('piece of ', '')] ?? {};
        return [
          { version: 1, value: { state: 'active', ...(isSampled ? { retrievalEvidence: { atMs: 1 } } : {}) } },
        ] as unknown as Versioned<Deal>[];
      },
    },
    hot: {
      exclusive: true,
      status: () => ({ up: true, detail: '', addresses: [] }),
      usage: async () => ({
        repoBytes: [...records.values()].reduce(
          (sum, { key, hot, sizeBytes = 0 }) => sum + (hot === 'pinned' || contents[key]?.isLeaving ? sizeBytes : 0),
          0,
        ),
        capacityBytes: 0,
      }),
    },
    servesFromHot: false,
    readership: cache,
    policy: { name: 'default', enabled: true, evict: { minActive: 2, afterIdleMs: HOUR_MS } },
    capacityBytes: 500 * KIB,
    evictAbove: 0.9,
    evictDownTo: 0.6,
    disk: () => 'ok',
    hasRoom: () => true,
    garbageBytes: () => 0,
    wantSample: (pieceId) => seen.sampled.push(pieceId),
    async warm(key) {
      seen.warmed.push(key);
      return 'nobody';
    },
    onEvicted: () => {
      seen.told += 1;
    },
    clock: { nowMs: () => NOW_MS },
    log: createLog('silent'),
    ...over,
  });
  return { evict, cache, seen };
}

const FIVE = { a: {}, b: {}, c: {}, d: {}, e: {} };

test('as many go as are over the lower mark, what was read last of all', async (t) => {
  const { evict, cache, seen } = create(FIVE);
  for (const key of ['a', 'b', 'c']) cache.read(key, 100 * KIB, NOW_MS - 3 * HOUR_MS);
  cache.read('a', 100 * KIB, NOW_MS - 2 * HOUR_MS);
  await evict.pass(never);
  t.deepEqual(seen.evicted, ['d', 'e']);
  t.is(seen.told, 1);
});

test('what is to join another piece stays hot until that is built, as its piece is repacked', async (t) => {
  const waiting = { contentKey: 'a', policy: 'default', sizeBytes: 1, sinceMs: 0 };
  const repack = { sinceEpoch: 1 };
  const { evict, seen } = create(
    {
      a: { waiting, repack },
      b: { others: [{ state: 'sealed' }], repack },
      c: { repack },
      d: { others: [{ state: 'built' }] },
      e: { repack: { sinceEpoch: 1, givenUpEpoch: 2 } },
    },
    { capacityBytes: 1 },
  );
  const report = await evict.pass(never);
  t.deepEqual(seen.evicted, ['d', 'e']);
  t.is(report.skipped.awaited, 3);
  t.regex((await evict.why('b'))?.text ?? '', /until the piece is built/);
});

test('with room nothing goes', async (t) => {
  const { evict, seen } = create(FIVE, { capacityBytes: 1_000 * KIB });
  await evict.pass(never);
  t.deepEqual(seen.evicted, []);
  t.is(seen.told, 0);
});

test('what is not proven stays however full it is, is said why, and is sampled first', async (t) => {
  const { evict, seen } = create({
    a: { active: 1 },
    b: { isSampled: false },
    c: { wantedSinceMs: NOW_MS - 1 },
    d: { hot: 'pinned' },
    e: { isSampled: false },
  });
  const report = await evict.pass(never);
  t.deepEqual(seen.evicted, ['d']);
  t.deepEqual(seen.sampled, ['piece of b', 'piece of e']);
  t.deepEqual(report.skipped, { too_few_copies: 1, unsampled: 2, read_lately: 1, not_enough: 1 });
});

test('what a provider still fetches from here stays; where providers get files it may go', async (t) => {
  const contents = { a: { pending: 1 }, b: { pending: 1 }, c: { pending: 1 }, d: {}, e: { pending: 1 } };
  const { evict, seen } = create(contents, { servesFromHot: true });
  t.deepEqual((await evict.pass(never)).skipped, { being_fetched: 4, not_enough: 1 });
  t.deepEqual(seen.evicted, ['d']);
  t.is((await evict.why('a'))?.code, 'being_fetched');
  const other = create(contents);
  await other.evict.pass(never);
  t.deepEqual(other.seen.evicted, ['a', 'b']);
});

test('a deal that was intended while its content was let go brings it back', async (t) => {
  const contents: Record<string, TestContent> = { ...FIVE };
  const { evict, seen } = create(contents, { servesFromHot: true });
  const pushed = seen.evicted.push.bind(seen.evicted);
  seen.evicted.push = (key) => {
    if (key === 'a') contents.a = { pending: 1 };
    return pushed(key);
  };
  await evict.pass(never);
  t.deepEqual([...seen.evicted], ['a', 'b']);
  t.deepEqual(seen.warmed, ['a']);
});

test('one that was read a moment ago stays', async (t) => {
  const { evict, cache, seen } = create(FIVE);
  for (const key of Object.keys(FIVE)) cache.read(key, 100 * KIB, NOW_MS - 60_000);
  await evict.pass(never);
  t.deepEqual(seen.evicted, []);
});

test('cold contents are looked after: too few copies, none, and none but on their way', async (t) => {
  const { evict, seen } = create({
    fine: { hot: 'cold' },
    few: { hot: 'cold', active: 1 },
    gone: { hot: 'cold', active: 0 },
    coming: { hot: 'cold', active: 0, pending: 1 },
  });
  await evict.pass(never);
  t.deepEqual(seen.lost, ['gone']);
  t.deepEqual(seen.warmed.toSorted(), ['coming', 'few', 'gone']);
  await evict.pass(never);
  t.is(seen.lost.length, 1, 'not again within the hour');
  evict.noteLosses();
  await evict.pass(never);
  t.is(seen.lost.length, 2, 'unless something was lost');
});

test('where the policy wants no hot copies all proven ones go, full or not', async (t) => {
  const policy = { name: 'default', enabled: false, evict: { minActive: 2, afterIdleMs: HOUR_MS } };
  const { evict, seen } = create({ ...FIVE, f: { active: 1 } }, { policy, capacityBytes: Number.POSITIVE_INFINITY });
  await evict.pass(never);
  t.deepEqual(seen.evicted, ['a', 'b', 'c', 'd', 'e']);
});

test('what was let go and is not deleted yet is not let go a second time: it is deleted', async (t) => {
  const leaving = { ...FIVE, x: { hot: 'cold', isLeaving: true }, y: { hot: 'cold', isLeaving: true } } as const;
  const cases: [Readonly<Record<string, TestContent>>, Partial<EvictOptions>, number][] = [
    [leaving, { capacityBytes: 600 * KIB }, 1],
    [FIVE, { garbageBytes: () => 200 * KIB }, 1],
    [FIVE, { capacityBytes: 460 * KIB, evictAbove: 0.98, evictDownTo: 0.5, garbageBytes: () => 50 * KIB }, 0],
    // A disk that is short is looked after by others, as pins wait.
    [leaving, { disk: () => 'low', capacityBytes: Number.POSITIVE_INFINITY }, 0],
  ];
  for (const [contents, over, told] of cases) {
    const { evict, seen } = create(contents, over);
    await evict.pass(never);
    t.deepEqual(seen.evicted, []);
    t.is(seen.told, told);
  }
});

test('tiny contents stay: alone they free nothing', async (t) => {
  const tiny = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`a${n}`, { sizeBytes: n }]));
  const { evict, seen } = create({ ...tiny, ...FIVE }, { evictDownTo: 0.0001 });
  const report = await evict.pass(never);
  t.deepEqual(seen.evicted, ['a', 'b', 'c', 'd', 'e']);
  t.deepEqual(report.skipped, { tiny: 10 });
});

test('of tiny contents alone, and many of them, as many go as give the room', async (t) => {
  const tiny = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`a${n}`, { sizeBytes: KIB }]));
  const { evict, seen } = create(tiny);
  await evict.pass(never);
  t.is(seen.evicted.length, 700);
});

test('a pass goes on where the last one ended, and looks at each content once', async (t) => {
  const contents = Array.from({ length: 200 }, (_, n): [string, TestContent] => [`k${1_000 + n}`, { isSampled: n < 10 }]);
  const { evict, seen } = create(Object.fromEntries(contents), { disk: () => 'low', capacityBytes: Number.POSITIVE_INFINITY });
  await evict.pass(never);
  t.is(seen.evicted.length, 10, 'there is enough for now in those that were looked at first');
  await evict.pass(never);
  t.is(seen.sampled.length, 190);
  t.is(new Set(seen.sampled).size, 190);
});

test('it is known what hot copies wait for when none may go', async (t) => {
  const stuck = create(
    { a: { active: 1 }, b: { active: 1 }, c: { isSampled: false }, d: {}, e: {} },
    { capacityBytes: 400 * KIB, evictDownTo: 0.1 },
  );
  t.deepEqual(stuck.evict.lastLook(), {});
  await stuck.evict.pass(never);
  t.deepEqual(stuck.evict.lastLook(), {}, 'some went');
  await stuck.evict.pass(never);
  t.deepEqual(stuck.evict.lastLook(), {}, 'there is room');
  const all = create({ a: { active: 1 }, b: { active: 1 }, c: { isSampled: false } }, { capacityBytes: 100 * KIB });
  await all.evict.pass(never);
  t.deepEqual(all.evict.lastLook(), { stuck: { too_few_copies: 2, unsampled: 1 } });
});

test('room is made first, and what is brought back for hours keeps no pass waiting', async (t) => {
  const clock = { nowMs: () => NOW_MS };
  const warm = () => new Promise<never>(() => undefined);
  const stop = new AbortController();
  const { evict, seen } = create({ ...FIVE, few: { hot: 'cold', active: 1 } }, { clock, warm });
  const pass = evict.pass(stop.signal);
  await poll('room is made', 10_000, () => seen.evicted.length === 2);
  stop.abort();
  await t.notThrowsAsync(pass);
});

test('without room nothing is brought back, and nothing given up; it is tried in the next pass', async (t) => {
  let hasRoom = false;
  const { evict, seen } = create({ few: { hot: 'cold', active: 1 }, gone: { hot: 'cold', active: 0 } }, { hasRoom: () => hasRoom });
  t.deepEqual((await evict.pass(never)).skipped, { no_room: 1 });
  t.deepEqual([seen.warmed, seen.lost], [[], []]);
  hasRoom = true;
  await evict.pass(never);
  t.deepEqual([seen.warmed.toSorted(), seen.lost], [['few', 'gone'], ['gone']]);
});

test('nothing is lost before it was looked for to the end', async (t) => {
  let outcome: Warmed = 'not_tried';
  const { evict, seen } = create({ gone: { hot: 'cold', active: 0 } }, { warm: async () => outcome });
  await evict.pass(never);
  t.deepEqual(seen.lost, []);
  outcome = 'nobody';
  await evict.pass(never);
  t.deepEqual(seen.lost, ['gone'], 'and it is looked for again in the next pass');
});

test('a kubo of somebody else is left alone', async (t) => {
  const { evict, seen } = create(FIVE, {
    hot: {
      exclusive: false,
      status: () => ({ up: true, detail: '', addresses: [] }),
      usage: async () => ({ repoBytes: 9_999, capacityBytes: 0 }),
    },
  });
  t.deepEqual((await evict.pass(never)).skipped, { external: 1 });
  t.deepEqual(seen.evicted, []);
});
