import { randomBytes } from 'node:crypto';

import test, { type ExecutionContext } from 'ava';

import { isRecord } from '../../daemon/hot/kubo-rpc.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { type ManagedKubo, managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const DONE_MS = 60_000;

interface World {
  peer: TestKubo;
  daemon: TestDaemon;
  kubo: ManagedKubo;
  ada: TestClient;
  bob: TestClient;
  /** A content that the peer has. */
  cid: string;
}

test.serial('two pins of one CID are one hot pin, which goes with the last of them', async (t) => {
  const { daemon, kubo, ada, bob, cid, peer } = await createWorld(t);
  const first = await pinned(ada, cid, peer);
  const second = await bob.add({ cid });
  t.is(second.status, 'pinned', 'what is held need not be fetched');
  t.deepEqual([...(await kubo.pins())], [cid]);

  t.is((await ada.call('DELETE', `/pins/${first}`)).status, 202);
  t.is((await daemon.admin('POST', '/admin/reconcile/release')).status, 200);
  t.true((await kubo.pins()).has(cid));
  t.is((await bob.get(second.requestid)).status, 'pinned');

  t.is((await bob.call('DELETE', `/pins/${second.requestid}`)).status, 202);
  t.is((await daemon.admin('POST', '/admin/reconcile/release')).status, 200);
  t.deepEqual([...(await kubo.pins())], []);
});

test.serial('a pin that was removed from kubo behind our back is found missing and made again', async (t) => {
  const { daemon, kubo, ada, cid, peer } = await createWorld(t);
  const requestId = await pinned(ada, cid, peer);
  await kubo.unpin(cid);
  const audited = await daemon.admin('POST', '/admin/reconcile/audit');
  t.deepEqual(audited.body, { due: 1, done: 1, failed: 0, skipped: {} });
  await poll('it is pinned again', DONE_MS, async () => (await ada.get(requestId)).status === 'pinned' && (await kubo.pins()).has(cid));
  t.deepEqual(await eventsOf(daemon, requestId), ['accepted', 'fetching', 'pinned', 'vanished', 'fetching', 'pinned']);
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/audit')).body, { due: 0, done: 0, failed: 0, skipped: {} });
});

test.serial('a pin of ours that no request wants is removed by the audit; one without our name is left', async (t) => {
  const { daemon, kubo, ada, cid, peer } = await createWorld(t);
  await pinned(ada, cid, peer);
  const [stray = '', somebodys = ''] = await childrenOf(kubo, cid);
  await kubo.rpc.call('pin/add', { arg: stray, name: 'fbpd' }, { deadlineMs: DONE_MS });
  await kubo.rpc.call('pin/add', { arg: somebodys, name: 'by hand' }, { deadlineMs: DONE_MS });
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/audit')).body, { due: 1, done: 1, failed: 0, skipped: {} });
  const pins = await kubo.pins();
  t.false(pins.has(stray));
  t.true(pins.has(somebodys));
  t.true(pins.has(cid));
});

test.serial('a takedown fails the pins of a CID, lets the hot copy go and refuses new ones until it is lifted', async (t) => {
  const { daemon, kubo, ada, bob, cid, peer } = await createWorld(t);
  const first = await pinned(ada, cid, peer);
  const second = (await bob.add({ cid })).requestid;
  const other = await peer.addBytes(randomBytes(1_000));
  await pinned(ada, other, peer);

  t.is((await daemon.cli('block', cid, '--note', 'notice 7')).code, 0);
  for (const [client, id] of [
    [ada, first],
    [bob, second],
  ] as const) {
    const body = await client.get(id);
    t.is(body.status, 'failed');
    t.regex(body.info?.status_details ?? '', /blocked/);
  }
  await poll('the hot copy is let go', DONE_MS, async () => !(await kubo.pins()).has(cid));
  t.true((await kubo.pins()).has(other));
  for (const [method, path] of [
    ['POST', '/pins'],
    ['POST', `/pins/${first}`],
  ] as const) {
    const refused = await ada.call(method, path, { cid });
    t.is(refused.status, 451);
    t.like(refused.body, { error: { reason: 'CID_BLOCKED' } });
  }
  t.is((await ada.get(first)).status, 'failed', 'a refused replacement leaves what it would have replaced');

  await daemon.kill('SIGKILL');
  await daemon.start();
  t.is((await ada.call('POST', '/pins', { cid })).status, 451);
  t.is((await daemon.cli('unblock', cid)).code, 0);
  t.not(await pinned(ada, cid, peer), first);
  await poll('the pins that failed are held again', DONE_MS, async () => (await bob.get(second)).status === 'pinned');
});

async function createWorld(t: ExecutionContext): Promise<World> {
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(50_000), { chunkBytes: 10_000 });
  const daemon = await createDaemon(t);
  const clientOf = async (account: string) => createClient(daemon.apiUrl, await daemon.createToken(account));
  return { peer, daemon, kubo: managedKubo(daemon.stateDir), ada: await clientOf('ada'), bob: await clientOf('bob'), cid };
}

/** Resolves with the request id once it is held. */
async function pinned(client: TestClient, cid: string, peer: TestKubo): Promise<string> {
  const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
  await poll('it is pinned', DONE_MS, async () => (await client.get(requestid)).status === 'pinned');
  return requestid;
}

async function childrenOf(kubo: ManagedKubo, cid: string): Promise<string[]> {
  const children: string[] = [];
  for await (const line of kubo.rpc.stream('refs', { arg: cid }, {})) if (isRecord(line)) children.push(String(line.Ref));
  return children;
}

async function eventsOf(daemon: TestDaemon, requestId: string): Promise<string[]> {
  const { body } = await daemon.admin('GET', `/admin/pins/${requestId}/log`);
  return (body as { events: { event: string }[] }).events.map(({ event }) => event);
}
