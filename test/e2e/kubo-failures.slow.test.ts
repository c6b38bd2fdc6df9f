import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { type ManagedKubo, managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { listAll } from './ledger.ts';

const CONTENTS = 60;
const CONTENT_BYTES = 400_000;
const CHUNK_BYTES = 20_000;
const DONE_MS = 120_000;

interface World {
  daemon: TestDaemon;
  client: TestClient;
  kubo: ManagedKubo;
  peer: TestKubo;
}

test('kubo is killed while pins are fetched: it comes back, nothing is pinned falsely, and all of them complete', async (t) => {
  const world = await createWorld(t);
  const { client, kubo } = world;
  const cids = await addContents(world.peer, CONTENTS);
  for (const cid of cids) await client.add({ cid, origins: world.peer.swarmAddresses });
  for (let times = 1; times <= 3; times += 1) {
    const before = await pinnedCount(client);
    await poll(
      'something is pinned',
      DONE_MS,
      async () => (await pinnedCount(client)) > before || (await pinnedCount(client)) === CONTENTS,
    );
    const [pid = 0] = await kubo.processes();
    process.kill(pid, 'SIGKILL');
    await answersWithoutKubo(t, world, `while it is down ${times}`);
    await poll('another kubo answers', DONE_MS, async () => (await kubo.pins().catch(() => undefined)) !== undefined);
    t.not((await kubo.processes())[0], pid);
    await nothingFalse(t, world);
  }
  await poll('all are pinned', DONE_MS, async () => (await pinnedCount(client)) === CONTENTS);
  await nothingFalse(t, world);
  for (const cid of cids) t.is(await kubo.wholeDag(cid), 1 + CONTENT_BYTES / CHUNK_BYTES);
});

test('kubo hangs: that shows as degraded, pins are accepted and wait, and complete when it answers again', async (t) => {
  const world = await createWorld(t);
  const { daemon, client, kubo, peer } = world;
  const cids = await addContents(peer, 10);
  await client.add({ cid: cids[0], origins: peer.swarmAddresses });
  await poll('the first is pinned', DONE_MS, async () => (await pinnedCount(client)) === 1);
  const [pid = 0] = await kubo.processes();
  process.kill(pid, 'SIGSTOP');
  t.teardown(() => continueProcess(pid));
  for (const cid of cids.slice(1, 5)) await client.add({ cid, origins: peer.swarmAddresses });
  await poll('it shows as degraded', 60_000, async () => (await readiness(daemon)).checks.hot.state === 'degraded');
  t.is((await fetch(`${daemon.apiUrl()}/readyz`)).status, 200);
  await answersWithoutKubo(t, world, 'while it hangs');
  for (const cid of cids.slice(5)) await client.add({ cid, origins: peer.swarmAddresses });
  t.is(await pinnedCount(client), 1);
  const [waiting] = (await client.list(`status=queued&cid=${cids.at(-1)}`)).results;
  t.regex(waiting?.info?.status_details ?? '', /waiting: the hot tier/);
  continueProcess(pid);
  await poll('it shows as up', 60_000, async () => (await readiness(daemon)).checks.hot.state === 'ok');
  await poll('all are pinned', DONE_MS, async () => (await pinnedCount(client)) === cids.length);
  await nothingFalse(t, world);
  t.deepEqual(await kubo.processes(), [pid]);
});

async function createWorld(t: ExecutionContext): Promise<World> {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  return { daemon, client, kubo: managedKubo(daemon.stateDir), peer };
}

async function addContents(peer: TestKubo, count: number): Promise<string[]> {
  const cids: string[] = [];
  for (let index = 0; index < count; index += 1) cids.push(await peer.addBytes(randomBytes(CONTENT_BYTES), { chunkBytes: CHUNK_BYTES }));
  return cids;
}

async function pinnedCount(client: TestClient): Promise<number> {
  return (await client.list('status=pinned&limit=1')).count;
}

/** The API goes on as if nothing were wrong: what it says of the node is what was last known. */
async function answersWithoutKubo(t: ExecutionContext, { client }: World, name: string): Promise<void> {
  for (let times = 0; times < 5; times += 1) {
    const accepted = await client.add({ cid: createCid(`${name} ${times}`).toString(), name });
    t.true(accepted.delegates.length > 0);
    t.true((await client.get(accepted.requestid)).delegates.length > 0);
    t.is((await client.call('DELETE', `/pins/${accepted.requestid}`)).status, 202);
    await sleep(20);
  }
}

/** What is said to be pinned is asked first: it may only become more. */
async function nothingFalse(t: ExecutionContext, { client, kubo }: World): Promise<void> {
  const listed = [...(await listAll(t, client)).values()].filter(({ status }) => status === 'pinned');
  const held = await kubo.pins();
  t.deepEqual(
    listed.filter(({ pin }) => !held.has(contentKeyOf(parseCid(pin.cid)))),
    [],
  );
}

interface Readiness {
  checks: { hot: { state: string } };
}

async function readiness(daemon: TestDaemon): Promise<Readiness> {
  return (await (await fetch(`${daemon.apiUrl()}/readyz`)).json()) as Readiness;
}

function continueProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It is gone.
  }
}
