import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { createFaultyProxy, type Fault } from '../fixtures/faulty-proxy.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';

const DONE_MS = 90_000;
const PINS = 12;
const FAULTS: readonly Fault[] = ['ok', 'ok', 'refuse', 'lose', 'cut'];

test.serial("on somebody else's kubo only what we pinned is ever unpinned", async (t) => {
  const node = await createKubo(t);
  const peer = await createKubo(t);
  const bytes = randomBytes(1_000);
  const [theirs, theirsV0] = [await node.addBytes(randomBytes(1_000)), await node.addBytes(bytes, { cidVersion: 0 })];
  const named = await node.addBytes(randomBytes(1_000));
  await node.rpc.call('pin/add', { arg: named, name: 'fbpd' }, { deadlineMs: DONE_MS });
  const ours = await peer.addBytes(randomBytes(30_000), { chunkBytes: 10_000 });
  const before = await node.pins();

  const { daemon, client } = await createExternal(t, node.rpcUrl);
  const requests = [];
  for (const cid of [theirs, contentKeyOf(parseCid(theirsV0)), ours]) {
    const { requestid, delegates } = await client.add({ cid, origins: peer.swarmAddresses });
    t.true(delegates.every((address) => address.endsWith(`/p2p/${node.peerId}`)));
    requests.push(requestid);
  }
  await poll('all are pinned', DONE_MS, async () => (await client.list('status=pinned')).count === requests.length);
  t.deepEqual([...(await node.pins())].sort(), [...before, [ours, 'fbpd']].sort(), 'theirs are as they were');
  t.deepEqual(await Promise.all(requests.map((id) => ownerOf(daemon, id))), ['foreign', 'foreign', 'ours']);

  await daemon.kill('SIGKILL');
  await daemon.start();
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/audit')).body, { due: 0, done: 0, failed: 0, skipped: {} });
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/gc')).body, { due: 0, done: 0, failed: 0, skipped: { external: 1 } });
  for (const id of requests) t.is((await client.call('DELETE', `/pins/${id}`)).status, 202);
  t.is((await daemon.admin('POST', '/admin/reconcile/release')).status, 200);
  t.deepEqual([...(await node.pins())].sort(), [...before].sort());
});

test.serial('what its owner pinned after our own try had failed is theirs', async (t) => {
  const node = await createKubo(t);
  const absent = await createKubo(t);
  const limits = { stall_timeout: '1s', pin_attempts: 1 };
  const { daemon, client } = await createExternal(t, node.rpcUrl, { limits });
  const contents = [randomBytes(1_000), randomBytes(1_000)];
  const requests: string[] = [];
  for (const bytes of contents) requests.push((await client.add({ cid: await absent.addBytes(bytes) })).requestid);
  await poll('both have failed', DONE_MS, async () => (await client.list('status=failed')).count === 2);
  t.deepEqual(await Promise.all(requests.map((id) => ownerOf(daemon, id))), ['ours', 'ours']);
  for (const bytes of contents) await node.addBytes(bytes);
  const before = await node.pins();

  await daemon.admin('POST', `/admin/pins/${requests[1]}/retry`);
  await poll('the one that is tried again is pinned', DONE_MS, async () => (await client.list('status=pinned')).count === 1);
  t.deepEqual(await node.pins(), before);
  for (const id of requests) t.is((await client.call('DELETE', `/pins/${id}`)).status, 202);
  t.is((await daemon.admin('POST', '/admin/reconcile/release')).status, 200);
  t.deepEqual(await node.pins(), before);
});

test.serial('a kubo that fails, loses replies and breaks them off is never believed to hold what it does not', async (t) => {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const node = await createKubo(t);
  const peer = await createKubo(t);
  await node.connect(peer.swarmAddresses);
  const proxy = await createFaultyProxy(t, node.rpcUrl);
  const { daemon, client } = await createExternal(t, proxy.url);
  const before = await node.pins();

  proxy.be(() => 'refuse');
  await poll('it shows as degraded', 30_000, async () =>
    /"hot":\{"state":"degraded"/.test(await (await fetch(`${daemon.apiUrl()}/readyz`)).text()),
  );
  const requests: string[] = [];
  for (let index = 0; index < PINS; index += 1) {
    const cid = await peer.addBytes(randomBytes(20_000), { chunkBytes: 5_000 });
    requests.push((await client.add({ cid })).requestid);
  }
  proxy.be(() => random.pick(FAULTS));
  for (let round = 0; round < 12; round += 1) {
    await sleep(250);
    await nothingFalse(t, client, node);
    proxy.be(() => random.pick(FAULTS));
  }
  const gone = requests.splice(0, 4);
  for (const id of gone) t.is((await client.call('DELETE', `/pins/${id}`)).status, 202);
  await sleep(500);

  proxy.be(() => 'ok');
  await poll('it shows as up', 30_000, async () =>
    (await fetch(`${daemon.apiUrl()}/readyz`)).text().then((text) => text.includes('"hot":{"state":"ok"')),
  );
  for (const id of requests) await daemon.admin('POST', `/admin/pins/${id}/retry`);
  await poll('all are pinned', DONE_MS, async () => (await client.list('status=pinned')).count === requests.length);
  await nothingFalse(t, client, node);
  for (const id of requests) t.is((await client.call('DELETE', `/pins/${id}`)).status, 202);
  await poll('no pin of ours is left', DONE_MS, async () => {
    await daemon.admin('POST', '/admin/reconcile/release');
    return (await node.pins()).size === before.size;
  });
  t.deepEqual(await node.pins(), before);
});

async function createExternal(
  t: ExecutionContext,
  rpc: string,
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
): Promise<{ daemon: TestDaemon; client: TestClient }> {
  const daemon = await createDaemon(t, { config: { ...config, hot: { mode: 'external', rpc } } });
  return { daemon, client: createClient(daemon.apiUrl, await daemon.createToken('ada')) };
}

async function ownerOf(daemon: TestDaemon, requestId: string): Promise<string> {
  const { body } = await daemon.admin('GET', `/admin/pins/${requestId}`);
  return (body as { content: { owner: string } }).content.owner;
}

async function nothingFalse(t: ExecutionContext, client: TestClient, node: TestKubo): Promise<void> {
  const { results } = await client.list('status=pinned&limit=1000');
  const held = await node.pins();
  t.deepEqual(
    results.filter(({ pin }) => !held.has(pin.cid)),
    [],
  );
}
