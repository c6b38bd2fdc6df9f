import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { join } from 'node:path';

import { createLotusRpc } from '../../daemon/cold/chain/lotus-rpc.ts';
import type { Devnet } from '../devnet/devnet.ts';
import { createClient } from '../fixtures/create-client.ts';
import { coldConfig, createColdDevnet } from '../fixtures/create-cold-daemon.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { poll } from '../fixtures/poll.ts';
import { type Figure, quantile } from './figures.ts';
import { rssDuring } from './rss.ts';
import type { Workspace } from './workspace.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

interface Amounts {
  /** Contents of each size, each read once: what was read is hot. */
  sizes: readonly { name: string; bytes: number; contents: number }[];
  crowdBytes: number;
  crowdReaders: number;
  largeBytes: number;
}

const AMOUNTS: Amounts = {
  sizes: [
    { name: '1 MiB', bytes: MIB, contents: 15 },
    { name: '64 MiB', bytes: 64 * MIB, contents: 5 },
  ],
  crowdBytes: 16 * MIB,
  crowdReaders: 100,
  largeBytes: GIB,
};
const QUICK_AMOUNTS: Amounts = {
  sizes: [{ name: '1 MiB', bytes: MIB, contents: 2 }],
  crowdBytes: 2 * MIB,
  crowdReaders: 20,
  largeBytes: 8 * MIB,
};

const WANTED_ADDED_MS = 50;
const WANTED_GROWTH_MB = 100;
const SECTOR_BYTES = 4 * GIB;
const DEADLINE_MS = 900_000;
/** Deals that outlive the bench at twenty epochs a second, with time to hand over a piece of a GiB before they start. */
const DEALS = { duration: 150_000, renew_before: 5_000, replicas: { min: 2, target: 2 }, max_wait: '1s', max_price: '1 FIL' };
/** What is proven goes when the bench says so, whether there is need of room or not. */
const EAGER = {
  hot: { capacity: '16GiB', evict_above: 0.000_01, evict_down_to: 0.000_001 },
  limits: { dag_bytes: '2GiB', sample_bytes_per_day: '1TiB' },
  // A sample would be one more fetch, and a collection lets fetches begin anew.
  schedule: Object.fromEntries(['create', 'verify', 'renew', 'evict'].map((name) => [name, '0 0 1 1 *'])),
  chain: { finality: 5, confirm_lost: 5, start_lead: 3_000 },
  // A second provider that is asked because the first is slow would be counted as one more fetch.
  gateway: { hedge: '10m', stall_timeout: '10m' },
  'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
  'policies.default.cold': DEALS,
};

/** One development network in the process of the bench, and a daemon in one of its own whose contents are with two providers. */
interface World {
  workspace: Workspace;
  devnet: Devnet;
  daemon: TestDaemon;
  token: string;
  dir: string;
}

/**
 * Contents whose hot copy is gone: how long until the first byte of one, beside the same fetched from the same provider by
 * nothing but Lotus's own calls; how much memory a large one takes on its way through; how often one is fetched for a crowd.
 */
export async function benchColdRead(workspace: Workspace): Promise<Figure[]> {
  const devnet = await createColdDevnet({ providers: [1, 2].map(() => ({ sectorSizeBytes: SECTOR_BYTES })) });
  try {
    const dir = await workspace.dir('cold-read');
    const config = coldConfig(devnet, join(dir, 'cars'), { config: EAGER });
    const daemon = await workspace.daemon({ config });
    const world = { workspace, devnet, daemon, dir, token: await daemon.createToken('reader', ['retrieve']) };
    const amounts = workspace.quick ? QUICK_AMOUNTS : AMOUNTS;
    const cids = await makeCold(world, [
      ...amounts.sizes.flatMap(({ bytes, contents }) => Array.from({ length: contents }, () => bytes)),
      amounts.crowdBytes,
      amounts.largeBytes,
    ]);
    const figures: Figure[] = [];
    for (const { name, contents } of amounts.sizes) figures.push(await firstBytes(world, name, cids.splice(0, contents)));
    const [crowdCid = '', largeCid = ''] = cids;
    figures.push(await crowd(world, crowdCid, amounts));
    figures.push(...(await large(world, largeCid, amounts.largeBytes)));
    await daemon.stop();
    return figures;
  } finally {
    await devnet.stop();
  }
}

/** Contents of these sizes, pinned, in active deals, proven, and with no hot copy any more. */
async function makeCold({ workspace, daemon, token }: World, sizes: readonly number[]): Promise<string[]> {
  const peer = await workspace.kubo();
  const client = createClient(daemon.apiUrl, token);
  const cids: string[] = [];
  for (const bytes of sizes) {
    const cid = await peer.addBytes(randomBytes(bytes), { cidVersion: 1 });
    await client.add({ cid, origins: peer.swarmAddresses });
    cids.push(cid);
  }
  await poll('all is pinned', DEADLINE_MS, async () => (await client.list('status=pinned&limit=1')).count === sizes.length);
  workspace.say(`${sizes.length} contents are pinned`);
  await peer.stop();
  await poll('all is cold', DEADLINE_MS, async () => {
    for (const name of ['pieces', 'create', 'verify', 'sample', 'evict', 'release', 'gc'])
      await daemon.admin('POST', `/admin/reconcile/${name}`);
    const { results } = await client.list('status=pinned&limit=1000');
    return results.every(({ info }) => info?.tier === 'cold');
  });
  for (const name of ['release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
  workspace.say('their hot copies are gone');
  return cids;
}

async function firstBytes(world: World, name: string, cids: readonly string[]): Promise<Figure> {
  const ours: number[] = [];
  const raw: number[] = [];
  for (const [index, cid] of cids.entries()) {
    if (index % 2 === 0) raw.push(await rawFirstByteMs(world, cid));
    ours.push((await read(world, cid)).firstByteMs);
    if (index % 2 === 1) raw.push(await rawFirstByteMs(world, cid));
  }
  const rawMs = quantile(raw, 0.5);
  const figure: Figure = {
    name: `cold, to the first byte, ${name}`,
    value: quantile(ours, 0.5),
    unit: 'ms',
    wanted: { atMost: rawMs + WANTED_ADDED_MS },
    baseline: { name: 'by calls of Lotus', value: rawMs },
    more: { worst: quantile(ours, 1), "Lotus's worst": quantile(raw, 1) },
  };
  world.workspace.say(`${figure.name}: ${figure.value.toFixed(0)} ms, by calls of Lotus ${rawMs.toFixed(0)} ms`);
  return figure;
}

async function crowd(world: World, cid: string, { crowdBytes, crowdReaders }: Amounts): Promise<Figure> {
  const before = retrievals(world);
  const all = await Promise.all(Array.from({ length: crowdReaders }, () => read(world, cid)));
  const wrong = all.find(({ bytes }) => bytes !== crowdBytes);
  if (wrong !== undefined) throw new Error(`${wrong.bytes} bytes came instead of ${crowdBytes}`);
  const firstByteMs = quantile(
    all.map((one) => one.firstByteMs),
    0.5,
  );
  return {
    name: `cold, fetches for ${crowdReaders} readers of one content at once`,
    value: Number(retrievals(world) - before),
    unit: '×',
    wanted: { atMost: 1 },
    more: { 'ms to the first byte, p50': firstByteMs },
  };
}

async function large(world: World, cid: string, wantedBytes: number): Promise<Figure[]> {
  const { beforeMb, mostMb, result } = await rssDuring(world.daemon.pid(), () => read(world, cid));
  const { bytes, tookMs, firstByteMs } = result;
  if (bytes !== wantedBytes) throw new Error(`${bytes} bytes came instead of ${wantedBytes}`);
  const mib = bytes / MIB;
  return [
    {
      name: `cold, growth of RSS while ${mib} MiB are read`,
      // A collection of garbage may leave less than there was.
      value: Math.max(0.1, mostMb - beforeMb),
      unit: 'MB',
      wanted: { atMost: WANTED_GROWTH_MB },
      more: { before: beforeMb, most: mostMb },
    },
    {
      name: `cold, ${mib} MiB from the first byte on`,
      value: mib / ((tookMs - firstByteMs) / 1000),
      unit: 'MiB/s',
      more: { 'ms to the first byte': firstByteMs },
    },
  ];
}

interface Read {
  firstByteMs: number;
  tookMs: number;
  bytes: number;
}

function read({ daemon, token }: World, cid: string): Promise<Read> {
  const beganMs = performance.now();
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage): void => {
      let bytes = 0;
      let firstByteMs = 0;
      response.on('data', (chunk: Buffer) => {
        if (bytes === 0) firstByteMs = performance.now() - beganMs;
        bytes += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve({ firstByteMs, tookMs: performance.now() - beganMs, bytes });
        else reject(new Error(`${cid}: ${response.statusCode}`));
      });
    };
    httpGet(`${daemon.gatewayUrl()}/ipfs/${cid}`, { agent: false, headers: { authorization: `Bearer ${token}` } }, onResponse).on(
      'error',
      reject,
    );
  });
}

/** Fetched as with `lotus client retrieve --car`: asked, ordered, waited for, exported, and the first byte of that file read. */
async function rawFirstByteMs(world: World, cid: string): Promise<number> {
  const { devnet, dir } = world;
  const provider = devnet.truth().deals.find(({ dealId }) => dealId !== null)?.provider ?? '';
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.admin, deadlineMs: DEADLINE_MS });
  const lotus = (method: string, params: readonly unknown[]): Promise<unknown> =>
    rpc.call(method, params, { signal: new AbortController().signal });
  const beganMs = performance.now();
  const offer = (await lotus('ClientMinerQueryOffer', [provider, { '/': cid }, null])) as Record<string, unknown>;
  if (offer.Err !== '') throw new Error(`${provider} does not offer ${cid}: ${offer.Err}`);
  const { Root, Piece, Size, UnsealPrice, PaymentInterval, PaymentIntervalIncrease, Miner, MinerPeer, MinPrice } = offer;
  const order = { Root, Piece, Size, UnsealPrice, PaymentInterval, PaymentIntervalIncrease, Miner, MinerPeer };
  const client = devnet.truth().wallet;
  const begun = await lotus('ClientRetrieve', [{ ...order, DataSelector: null, RemoteStore: null, Total: MinPrice, Client: client }]);
  const id = (begun as { DealID: unknown }).DealID;
  await lotus('ClientRetrieveWait', [id]);
  const path = join(dir, `${cid}.car`);
  await lotus('ClientExport', [
    { Root: { '/': cid }, DAGs: [], FromLocalCAR: '', DealID: id },
    { Path: path, IsCAR: true },
  ]);
  const file = await open(path);
  await file.read(Buffer.alloc(1), 0, 1, 0);
  const tookMs = performance.now() - beganMs;
  await file.close();
  return tookMs;
}

/** Retrievals that anybody has ordered so far: their ids count up. */
function retrievals({ devnet }: World): bigint {
  return BigInt(devnet.world.retrievals.dump());
}
