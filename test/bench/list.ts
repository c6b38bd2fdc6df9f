import { keys } from '../../daemon/store/pins/keys.ts';
import { createContentKey } from '../fixtures/create-pins.ts';
import { type Figure, quantile } from './figures.ts';
import type { FilledDaemon } from './filled-daemon.ts';
import { RawConnection } from './raw-connection.ts';
import type { Workspace } from './workspace.ts';

const LIMITS = [10, 1000] as const;
const EVERY_STATUS = 'queued,pinning,pinned,failed';
/** By limit; a substring has to be looked for in every name. */
const WANTED_P99_MS: Readonly<Record<number, number>> = { 10: 25, 1000: 150 };
const WANTED_SUBSTRING_P99_MS = 250;

type Query = Readonly<Record<string, string>>;

/** Filters by what they ask for. `pins` of them were made by `createPins`. */
function filtersOf({ pins, firstMs }: FilledDaemon): Readonly<Record<string, Query>> {
  const at = (share: number): string => new Date(firstMs + Math.floor(pins * share)).toISOString();
  const number = Math.floor(pins * 0.4);
  const cid = createContentKey(number);
  const cids = Array.from({ length: 10 }, (_, i) => createContentKey(Math.floor(pins * (0.05 + i / 10)))).join(',');
  const name = `backup/photos/IMG_${number}.jpg`;
  const meta = JSON.stringify({ app_id: 'app-7' });
  const status = EVERY_STATUS;
  return {
    'no filter': {},
    'status, few': { status: 'failed' },
    'status, several': { status: 'queued,failed' },
    'status, all': { status },
    'before, middle': { status, before: at(0.5) },
    'after, newest tenth': { status, after: at(0.9) },
    'window, middle fifth': { status, after: at(0.4), before: at(0.6) },
    'cid, one': { cid },
    'cid, ten': { cid: cids },
    'name, exact': { name },
    'name, iexact': { name: name.toUpperCase(), match: 'iexact' },
    'name, partial': { name: `IMG_${number}`, match: 'partial' },
    'name, ipartial': { name: `img_${number}`, match: 'ipartial' },
    'name, ipartial, all match': { name: 'img_', match: 'ipartial' },
    'name, ipartial, none matches': { name: 'holiday', match: 'ipartial' },
    'meta, one in a hundred': { status, meta },
    'meta, two keys': { status, meta: JSON.stringify({ app_id: 'app-7', batch: '3' }) },
    'status and meta': { status: 'failed', meta: JSON.stringify({ app_id: 'app-1' }) },
    'all at once': { status, meta, name: 'img_', match: 'ipartial', after: at(0.1), before: at(0.9) },
  };
}

/**
 * `GET /pins` of an account with very many pins, one request at a time, to the last byte of the reply. Beside it how long
 * the store takes to read as many records and no more.
 */
export async function benchList(workspace: Workspace): Promise<Figure[]> {
  const sizes = workspace.quick ? [2_000] : [100_000, 1_000_000];
  const figures: Figure[] = [];
  for (const pins of sizes) figures.push(...(await listAt(workspace, await workspace.filled(pins))));
  return figures;
}

async function listAt({ quick, say }: Workspace, filled: FilledDaemon): Promise<Figure[]> {
  const raw = new Map<number, Times>();
  for (const limit of LIMITS) raw.set(limit, await measureReads(filled, limit, quick ? 5 : 300));
  await filled.daemon.start();
  const connection = new RawConnection(filled.daemon.apiUrl());
  const figures: Figure[] = [];
  for (const [name, query] of Object.entries(filtersOf(filled))) {
    for (const limit of LIMITS) {
      const { times, count } = await measureRequests(connection, filled.token, { ...query, limit: String(limit) }, quick ? 5 : 200);
      const isSubstring = query.match === 'partial' || query.match === 'ipartial';
      const figure: Figure = {
        name: `GET /pins of ${filled.pins}, limit ${limit}, ${name}, p99`,
        value: times.p99Ms,
        unit: 'ms',
        wanted: { atMost: isSubstring ? WANTED_SUBSTRING_P99_MS : (WANTED_P99_MS[limit] ?? 0) },
        baseline: { name: `getMany of ${limit}, p99`, value: raw.get(limit)?.p99Ms ?? 0 },
        more: { p50: times.p50Ms, count },
      };
      say(`${figure.name}: ${figure.value.toFixed(1)} ms`);
      figures.push(figure);
    }
  }
  connection.close();
  await filled.daemon.stop();
  return figures;
}

interface Times {
  p50Ms: number;
  p99Ms: number;
}

function timesOf(samplesMs: readonly number[]): Times {
  return { p50Ms: quantile(samplesMs, 0.5), p99Ms: quantile(samplesMs, 0.99) };
}

async function measureRequests(connection: RawConnection, token: string, query: Query, rounds: number) {
  const target = `/pins?${new URLSearchParams(query)}`;
  const samplesMs: number[] = [];
  let count = 0;
  // The first few are for the machine code and the disk's cache.
  for (let round = -5; round < rounds; round++) {
    const beganMs = performance.now();
    const { status, body } = await connection.request('GET', target, token);
    if (round >= 0) samplesMs.push(performance.now() - beganMs);
    if (status !== 200) throw new Error(`GET ${target}: ${status} ${body}`);
    count = (JSON.parse(body.toString()) as { count: number }).count;
  }
  return { times: timesOf(samplesMs), count };
}

/** Pins next to each other, as a page has them, from places all over the account. */
function measureReads({ withStore, accountId, firstMs, pins }: FilledDaemon, limit: number, rounds: number): Promise<Times> {
  return withStore(async (store) => {
    const samplesMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const from = firstMs + Math.floor((pins - limit) * ((round * 0.618) % 1));
      const page = Array.from({ length: limit }, (_, i) => keys.pin(accountId, from + i));
      const beganMs = performance.now();
      const found = await store.getMany(page);
      samplesMs.push(performance.now() - beganMs);
      if (found.includes(undefined)) throw new Error('a pin is missing from the store');
    }
    return timesOf(samplesMs);
  });
}
