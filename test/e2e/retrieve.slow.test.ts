import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { readCar } from '../../daemon/cold/pieces/car-reader.ts';
import type { Devnet } from '../devnet/devnet.ts';
import { createClient } from '../fixtures/create-client.ts';
import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, createTempDir, type TestKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { openSocket, sendRaw } from '../fixtures/raw-http.ts';
import { ColdStory } from './cold-story.ts';

const WAIT_MS = 90_000;
/** Everything that is proven goes at once, and is made hot again when it is read. */
const EAGER = {
  hot: { capacity: '64MiB', evict_above: 0.001, evict_down_to: 0.0001 },
  limits: { dag_bytes: '64MiB' },
  'policies.default.hot': { evict: { min_active: 2, after_idle: '0s' } },
  gateway: { hedge: '1s', stall_timeout: '10s' },
};

interface World {
  daemon: TestDaemon;
  devnet: Devnet;
  story: ColdStory;
  client: TestKubo;
  token: string;
  api: ReturnType<typeof createClient>;
}

async function createWorld(
  t: ExecutionContext,
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>> = EAGER,
): Promise<World> {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const [story, client] = await Promise.all([ColdStory.begin(t, createRandom(seed), { config }), createKubo(t)]);
  const { daemon, devnet } = story;
  const token = await daemon.createToken('ada', ['retrieve']);
  return { story, daemon, devnet, client, token, api: createClient(daemon.apiUrl, token) };
}

async function pin({ client, api }: World, ...contents: Uint8Array[]): Promise<string[]> {
  const cids = await Promise.all(contents.map((bytes) => client.addBytes(bytes, { cidVersion: 1 })));
  for (const cid of cids) await api.call('POST', '/pins', { cid, origins: client.swarmAddresses });
  await poll('they are held hot', WAIT_MS, async () => (await api.list('status=pinned')).count === cids.length);
  return cids;
}

/** Until the hot copy is gone, block by block; the peer that had it is gone by then as well. */
async function untilCold({ daemon, story, api, client }: World): Promise<void> {
  await client.stop();
  await story.settled(2);
  await poll('it is proven, let go, and its blocks are deleted', WAIT_MS, async () => {
    for (const name of ['verify', 'sample', 'evict', 'release', 'gc']) await daemon.admin('POST', `/admin/reconcile/${name}`);
    const { results } = await api.list('status=pinned&limit=100');
    return results.length > 0 && results.every(({ info }) => info?.tier === 'cold');
  });
  await daemon.admin('POST', '/admin/reconcile/release');
  await daemon.admin('POST', '/admin/reconcile/gc');
}

function get({ daemon, token }: World, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${daemon.gatewayUrl()}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
}

/** What is hot again may be let go a minute later, so it is read off the log. */
function timesHotAgain({ daemon }: World, cid: string): number {
  return daemon
    .log()
    .split('\n')
    .filter((line) => line.includes('"hot again"') && line.includes(cid)).length;
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

test.serial('what has no hot copy any more is read as if it had one: its head, a part, all of it; and then it is hot again', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t);
  const bytes = randomBytes(5_000_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);

  const head = await get(world, `/ipfs/${cid}?filename=a.bin`, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers.get('content-length'), '5000000');
  t.is((await world.api.list('limit=1')).results[0]?.info?.tier, 'cold', 'a head makes nothing hot');

  const [part, ...all] = await Promise.all([
    get(world, `/ipfs/${cid}`, { headers: { range: 'bytes=4900000-4900099' } }),
    ...Array.from({ length: 20 }, () => get(world, `/ipfs/${cid}`)),
  ]);
  t.is(part?.status, 206);
  t.deepEqual(part && (await bytesOf(part)), bytes.subarray(4_900_000, 4_900_100));
  for (const response of all) {
    t.is(response.status, 200);
    t.true((await bytesOf(response)).equals(bytes));
  }
  await poll('it is hot again', WAIT_MS, () => timesHotAgain(world, cid) > 0);
  t.is(timesHotAgain(world, cid), 1, 'once');
});

test.serial('one provider that has it is enough: others are dead, lie, have lost it, or never end', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t);
  const bytes = randomBytes(3_000_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);
  const holders = (await world.story.deals()).filter(({ state }) => state === 'active').map(({ provider }) => provider);
  const [first = '', second = '', ...others] = holders;
  world.devnet.faults.provider(first, { corruptBytes: true });
  world.devnet.faults.provider(second, { hangRetrieval: true });
  t.is(others.length, 1);
  const response = await get(world, `/ipfs/${cid}`);
  t.is(response.status, 200);
  t.true((await bytesOf(response)).equals(bytes));
});

test.serial('when nobody gives it back the reader hears so, nothing hangs, and it comes as soon as one has it again', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t);
  const bytes = randomBytes(600_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);
  for (const { id } of world.devnet.providers) world.devnet.faults.provider(id, { loseBytes: true });
  const refused = await get(world, `/ipfs/${cid}`);
  t.is(refused.status, 502);
  t.like(await refused.json(), { error: { reason: 'NO_SOURCE' } });
  world.devnet.faults.clear();
  const response = await get(world, `/ipfs/${cid}`);
  t.is(response.status, 200);
  t.true((await bytesOf(response)).equals(bytes));
});

test.serial('when the last source lies, who reads is cut off then and there, and told why', async (t) => {
  t.timeout(300_000);
  // Whoever waited for silence to be long enough would not be through in time.
  const world = await createWorld(t, { ...EAGER, gateway: { hedge: '1s', stall_timeout: '30m' } });
  const bytes = randomBytes(3_000_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);
  // The last block alone is wrong, so the first reach the reader.
  for (const { id } of world.devnet.providers) world.devnet.faults.provider(id, { corruptBytes: true });
  const target = join(await createTempDir(t), 'got');
  const got = await world.daemon.cli('get', cid, '-o', target);
  t.is(got.code, 1, got.stderr);
  t.regex(got.stderr, /no source gives it: f0\d+: .*does not hash/);
  t.false(existsSync(target));
  const response = await get(world, `/ipfs/${cid}`);
  t.is(response.status, 200);
  await t.throwsAsync(bytesOf(response));
  await poll('it is logged', WAIT_MS, () =>
    world.daemon
      .log()
      .split('\n')
      .some((line) => line.includes('"a reply broke off"') && line.includes('"reason":"NO_SOURCE"')),
  );
});

test.serial('a daemon that is killed while a cold content is read has it all the same afterwards', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t);
  const bytes = randomBytes(4_000_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);
  for (let time = 0; time < 4; time++) {
    const reading = get(world, `/ipfs/${cid}`)
      .then(bytesOf)
      .catch(() => undefined);
    await world.story.kill(400);
    const got = await reading;
    t.true(got === undefined || got.equals(bytes));
    t.is((await world.api.list('limit=1')).results[0]?.status, 'pinned');
  }
  await poll('it is read whole', WAIT_MS, async () => {
    const got = await get(world, `/ipfs/${cid}`)
      .then(bytesOf)
      .catch(() => undefined);
    return got?.equals(bytes) === true;
  });
  const check = await world.daemon.cli('check');
  t.is(check.code, 0, check.stdout + check.stderr);
});

test.serial('contents that share a piece come back one by one, also as a CAR', async (t) => {
  t.timeout(300_000);
  const config = { ...EAGER, 'policies.default.cold': { max_wait: '4s' } };
  const world = await createWorld(t, config);
  const contents = [300_000, 900_000, 5_000].map((size) => randomBytes(size));
  const cids = await pin(world, ...contents);
  await untilCold(world);
  t.is(new Set((await world.story.deals()).map(({ piece }) => piece)).size, 1, 'they share one');
  const car = await bytesOf(await get(world, `/ipfs/${cids[1]}?format=car`));
  const { roots, blocks } = await readCar(
    (async function* () {
      yield car;
    })(),
  );
  t.deepEqual(roots.map(String), [cids[1]]);
  t.true((await Array.fromAsync(blocks)).length > 3);
  await poll('it alone is hot again', WAIT_MS, () => timesHotAgain(world, cids[1] ?? '') > 0);
  t.is(timesHotAgain(world, cids[0] ?? ''), 0);
  for (const [index, cid] of cids.entries())
    t.true((await bytesOf(await get(world, `/ipfs/${cid}`))).equals(contents[index] ?? Buffer.alloc(0)));
});

test.serial('a cold content is read while a collection waits for an upload', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t);
  const bytes = randomBytes(600_000);
  const [cid = ''] = await pin(world, bytes);
  await untilCold(world);
  const head = (length: number, more = ''): string =>
    `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${world.token}\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: ${length}\r\n${more}\r\n`;
  t.is((await sendRaw(world.daemon.apiUrl(), head(14), 'this is no CAR')).status, 400, 'that is garbage');
  const upload = openSocket(world.daemon.apiUrl());
  upload.write(head(5_000_000, 'Expect: 100-continue\r\n'));
  t.regex(String(await once(upload, 'data')), /^HTTP\/1\.1 100 /, 'it has begun');
  // Now and then a byte of a header of 127 bytes: it moves, and comes to nothing.
  upload.write(Buffer.of(127));
  const dripping = setInterval(() => upload.write(Buffer.of(0)), 500);
  t.teardown(() => {
    clearInterval(dripping);
    upload.destroy();
  });
  let isOver = false;
  const collecting = world.daemon.admin('POST', '/admin/reconcile/gc').finally(() => {
    isOver = true;
  });
  const response = await get(world, `/ipfs/${cid}`);
  t.true((await bytesOf(response)).equals(bytes));
  t.false(isOver, 'the collection still waits');
  clearInterval(dripping);
  t.like((await collecting).body, { done: 1 });
});

test.serial('what kubo loses behind our back comes back from a provider, and is pinned all the while', async (t) => {
  t.timeout(300_000);
  const world = await createWorld(t, {
    hot: {},
    schedule: { create: '* * * * * *', verify: '* * * * * *', renew: '* * * * * *', sweep: '0 0 1 1 *' },
  });
  const bytes = randomBytes(700_000);
  const [cid = ''] = await pin(world, bytes);
  await world.client.stop();
  await world.story.settled(2);
  const kubo = managedKubo(world.daemon.stateDir);
  await kubo.unpin(cid);
  await Array.fromAsync(kubo.rpc.stream('repo/gc', {}, { idleMs: 30_000 }));
  t.false(await kubo.hasBlock(cid));
  const reading = get(world, `/ipfs/${cid}`).then(bytesOf);
  await world.daemon.admin('POST', '/admin/reconcile/audit');
  t.is((await world.api.list('limit=1')).results[0]?.status, 'pinned');
  t.true((await reading).equals(bytes));
  await poll('it is held hot again', WAIT_MS, async () => {
    const [pinned] = (await world.api.list('limit=1')).results;
    return pinned?.info?.tier === 'hot' && (await kubo.pins()).has(cid);
  });
});
