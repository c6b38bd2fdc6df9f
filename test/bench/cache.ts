import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { HotCache } from '../../daemon/plan/cache.ts';
import { createRandom } from '../fixtures/random.ts';
import { bestOther, type Contest, meanOf, POLICY_NAMES, runContest } from './cache/contest.ts';
import { type BarPanel, renderBars } from './cache/plot.ts';
import type { HitRates } from './cache/replay.ts';
import { TRACES } from './cache/traces.ts';
import type { Figure } from './figures.ts';
import type { Workspace } from './workspace.ts';

/** How many of the contents fit, if all were of the mean size. */
const SHARES = [0.02, 0.1] as const;
const TRACKED = 131_072;
const HOT = 100_000;

/** Which contents are kept hot, by ours and by five known policies, on every trace; and what ours costs. */
export async function benchCache({ quick, say, plot }: Workspace): Promise<Figure[]> {
  const contents = quick ? 500 : 20_000;
  const seeds = quick ? ([1] as const) : ([1, 2, 3] as const);
  const means: Contest[] = [];
  let least = Number.POSITIVE_INFINITY;
  const figures: Figure[] = [];
  for (const trace of Object.keys(TRACES)) {
    for (const share of SHARES) {
      const run = (seed: number): Contest => runContest(trace, { reads: 10 * contents, contents, seed, share });
      const [first, ...others] = seeds;
      const contests: [Contest, ...Contest[]] = [run(first), ...others.map(run)];
      const leads = contests.map((contest) => bestOther(contest, 'object').lead);
      least = Math.min(least, ...leads);
      const mean = meanOf(contests);
      means.push(mean);
      figures.push(figureOf(mean, Math.min(...leads)));
    }
    say(`${trace}: done`);
  }
  figures.push({
    name: 'object hits ahead of the best of five, least of all traces, rooms, seeds',
    value: least,
    unit: 'points',
    wanted: { atLeast: -1 },
  });
  await plot('cache', draw(means));
  return [...figures, ...measureCost(quick ? 10 : 1)];
}

function figureOf(mean: Contest, leastLead: number): Figure {
  const best = bestOther(mean, 'object');
  const byByte = bestOther(mean, 'byte');
  const ours = mean.rates.get('fbpd') ?? { object: 0, byte: 0 };
  return {
    name: `object hits, ${mean.trace}, room for ${100 * mean.share} %`,
    value: 100 * ours.object,
    unit: '%',
    baseline: { name: best.name, value: 100 * best.rate },
    wanted: { atLeast: 100 * best.rate - 1 },
    more: { 'least ahead': leastLead, 'byte hits': 100 * ours.byte, [`byte hits of ${byByte.name}`]: 100 * byByte.rate },
  };
}

function draw(means: readonly Contest[]): string {
  const panels = (['object', 'byte'] as const).flatMap((by) => SHARES.map((share) => panelOf(means, by, share)));
  return renderBars({
    title: 'Hit rates by trace and policy',
    unit: 'hits in %',
    groupsAre: 'trace',
    series: POLICY_NAMES,
    panels,
  });
}

function panelOf(means: readonly Contest[], by: keyof HitRates, share: number): BarPanel {
  const groups = means.filter((mean) => mean.share === share);
  return {
    title: `${by === 'object' ? 'Object' : 'Byte'} hit rate, room for ${100 * share} % of the contents`,
    groups: groups.map(({ trace, rates }) => ({ name: trace, values: POLICY_NAMES.map((name) => 100 * (rates.get(name)?.[by] ?? 0)) })),
  };
}

/** Time and memory of ours when it tracks all it may, of which 100,000 are hot; room is made for a twentieth of them at once. */
function measureCost(divisor: number): Figure[] {
  const tracked = Math.ceil(TRACKED / divisor);
  const hot = Math.ceil(HOT / divisor);
  const before = usedBytes();
  const cache = new HotCache({ maxTracked: tracked });
  const random = createRandom(1);
  const nameOf = (index: number): string => Buffer.from(`bafybei${String(index).padStart(52, 'a')}`).toString('latin1');
  const reads = 8 * tracked;
  const beganMs = performance.now();
  let roomMs = 0;
  for (let read = 0; read < reads; read += 1) {
    const index = Math.floor(1.5 * tracked * random.next() ** 3);
    cache.read(nameOf(index), 1 + ((index * 7_919) % 2 ** 20), read);
    if (cache.hotSize > hot) roomMs = Math.max(roomMs, makeRoom(cache, 0.95 * hot));
  }
  const tookMs = performance.now() - beganMs;
  const bytes = (usedBytes() - before) / cache.size;
  const snapshotBeganMs = performance.now();
  const snapshot = cache.snapshot();
  const snapshotMs = performance.now() - snapshotBeganMs;
  return [
    {
      name: `a read, ${hot} hot of ${cache.size} tracked, room made included`,
      value: (1_000 * tookMs) / reads,
      unit: 'µs',
      wanted: { atMost: 20 },
      more: { 'most for room, ms': roomMs },
    },
    { name: 'memory a tracked content', value: bytes, unit: 'B', wanted: { atMost: 200 } },
    { name: 'a snapshot', value: snapshotMs, unit: 'ms', more: { MB: snapshot.length / 1e6 } },
  ];
}

function makeRoom(cache: HotCache, hot: number): number {
  const beganMs = performance.now();
  for (const name of cache.victims()) {
    if (cache.hotSize <= hot) break;
    cache.left(name);
  }
  return performance.now() - beganMs;
}

function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
