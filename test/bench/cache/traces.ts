import { createRandom, type Random } from '../../fixtures/random.ts';

/** What is read, in order. */
export interface Trace {
  keys: Uint32Array;
  /** By key; every size is 1 where this is missing. */
  sizes?: Float64Array;
}

/** How much of a trace is made. */
export interface TraceScale {
  reads: number;
  /** Contents that are read more than once. */
  contents: number;
  /** Contents that the cache has room for, about: a loop is a little longer, a scan about as long. */
  entries: number;
  seed: number;
}

/** Every kind of reading for which it is measured that what goes is chosen well. */
export const TRACES: Readonly<Record<string, (scale: TraceScale) => Trace>> = {
  'zipf-0.6': (scale) => zipfTrace(scale, 0.6),
  'zipf-0.8': (scale) => zipfTrace(scale, 0.8),
  'zipf-1.0': (scale) => zipfTrace(scale, 1),
  'zipf-1.2': (scale) => zipfTrace(scale, 1.2),
  scan: scanTrace,
  loop: loopTrace,
  drift: driftTrace,
  news: newsTrace,
  'sizes-lognormal': (scale) => ({ ...zipfTrace(scale, 0.9), sizes: sizesOf(scale, logNormal) }),
  'sizes-pareto': (scale) => ({ ...zipfTrace(scale, 0.9), sizes: sizesOf(scale, pareto) }),
  'sizes-news': (scale) => {
    const trace = newsTrace(scale);
    return { ...trace, sizes: sizesOf({ ...scale, contents: trace.keys.reduce((most, key) => Math.max(most, key + 1), 0) }, logNormal) };
  },
};

function zipfTrace({ reads, contents, seed }: TraceScale, skew: number): Trace {
  const random = createRandom(seed);
  const draw = zipf(random, contents, skew);
  const names = shuffled(random, contents);
  return { keys: Uint32Array.from({ length: reads }, () => names[draw()] ?? 0) };
}

/** Now and then somebody reads, once, as many other contents as the cache has room for. */
function scanTrace({ reads, contents, entries, seed }: TraceScale): Trace {
  const random = createRandom(seed);
  const draw = zipf(random, contents, 0.9);
  const keys = new Uint32Array(reads);
  let unseen = contents;
  let scanLeft = 0;
  for (let i = 0; i < reads; i += 1) {
    if (scanLeft === 0 && random.below(3 * entries) === 0) scanLeft = entries;
    if (scanLeft > 0 && random.below(10) > 0) {
      keys[i] = unseen;
      unseen += 1;
      scanLeft -= 1;
    } else keys[i] = draw();
  }
  return { keys };
}

/** Round and round over a tenth more than the cache has room for. */
function loopTrace({ reads, entries }: TraceScale): Trace {
  const length = Math.ceil(1.1 * entries);
  return { keys: Uint32Array.from({ length: reads }, (_, i) => i % length) };
}

/** Eight times, from one read to the next, all others are popular. */
function driftTrace({ reads, contents, seed }: TraceScale): Trace {
  const random = createRandom(seed);
  const draw = zipf(random, contents, 1);
  const phase = Math.ceil(reads / 8);
  let names = shuffled(random, contents);
  const keys = new Uint32Array(reads);
  for (let i = 0; i < reads; i += 1) {
    if (i > 0 && i % phase === 0) names = shuffled(random, contents);
    keys[i] = names[draw()] ?? 0;
  }
  return { keys };
}

/** New contents keep coming, are read by many for a short while, and then by nobody; a third of the reads is of evergreens. */
function newsTrace({ reads, contents, entries, seed }: TraceScale): Trace {
  const random = createRandom(seed);
  const evergreens = Math.ceil(contents / 4);
  const draw = zipf(random, evergreens, 0.9);
  const freshness = entries / 2;
  const keys = new Uint32Array(reads);
  let published = evergreens + entries;
  for (let i = 0; i < reads; i += 1) {
    if (random.below(8) === 0) published += 1;
    if (random.below(3) === 0) keys[i] = draw();
    else keys[i] = published - 1 - Math.min(entries, Math.floor(-Math.log(1 - random.next()) * freshness * random.next()));
  }
  return { keys };
}

/** Draws ranks from 0, the rank r with a weight of 1 / (r + 1)^skew. */
function zipf(random: Random, contents: number, skew: number): () => number {
  const sums = new Float64Array(contents);
  let sum = 0;
  for (let rank = 0; rank < contents; rank += 1) {
    sum += 1 / (rank + 1) ** skew;
    sums[rank] = sum;
  }
  return () => {
    const wanted = random.next() * sum;
    let low = 0;
    let high = contents - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

function shuffled(random: Random, count: number): Uint32Array {
  const names = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const other = random.below(i + 1);
    const name = names[i] ?? 0;
    names[i] = names[other] ?? 0;
    names[other] = name;
  }
  return names;
}

function sizesOf({ contents, seed }: TraceScale, draw: (random: Random) => number): Float64Array {
  const random = createRandom(seed).fork('sizes');
  return Float64Array.from({ length: contents }, () => draw(random));
}

/** Median 1 MiB; one in a hundred is above 100 MiB. */
function logNormal(random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.ceil(2 ** 20 * Math.exp(2 * normal));
}

/** From 64 KiB, with a tail in which a few contents have most of the bytes; at most 16 GiB. */
function pareto(random: Random): number {
  return Math.min(2 ** 34, Math.ceil(2 ** 16 * (1 - random.next()) ** (-1 / 1.1)));
}
