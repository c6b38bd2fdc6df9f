import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type PinStatusBody, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, createStoppedDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { inFlight } from '../fixtures/in-flight.ts';
import { type ManagedKubo, managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, type Random, testSeed } from '../fixtures/random.ts';
import { compare, Ledger, listAll } from './ledger.ts';
import { runLoad } from './load.ts';

const ROUNDS = 9;
const CALLERS = 16;
/** Of each caller and round. */
const REQUESTS = 25;
const FIRST_STARTS = 6;
const SINGLE_BLOCKS = 220;
const TREES = 30;
const DEAD = 24;

/** What the log of a content says of a fetch that was cut short. */
const DAEMON_ENDED = 'the daemon ended while it was being fetched';

const WAIT_MS = 5;
const MOST_WAITS = 400;

/** The daemon is killed while it starts in these rounds, too. */
const KILLED_AT_START: ReadonlySet<number> = new Set([1, 4, 6]);
/** It is told to end, instead, in the midst of the load. */
const STOPPED: ReadonlySet<number> = new Set([3, 7]);

interface World {
  daemon: TestDaemon;
  kubo: ManagedKubo;
  accounts: ReadonlyMap<string, TestClient>;
  ledger: Ledger;
  /** How often each content was being fetched when the daemon was killed. */
  cutShort: Map<string, number>;
}

test.serial('killed again and again under load: nothing acknowledged is lost, nothing is half done, nothing is done twice', async (t) => {
  t.timeout(400_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const peer = await createKubo(t);
  const available = await addContents(peer, random);
  const dead = Array.from({ length: DEAD }, (_, index) => createCid(`${seed} dead ${index}`).toString());
  const config = { limits: { stall_timeout: '10m', searching_pins: 512 } };
  const world = await createWorld(t, config);
  const load = { accounts: world.accounts, callers: CALLERS, ledger: world.ledger, available, dead, origins: peer.swarmAddresses };

  for (let round = 0; round < ROUNDS; round += 1) {
    const running = runLoad({ ...load, random: random.fork(round), requests: REQUESTS });
    await someTime(world, round % 3 === 2 ? random.below(5) : 20 + random.below(CALLERS * REQUESTS));
    if (STOPPED.has(round)) t.is(await world.daemon.stop(), 0);
    await killAndNote(world);
    await running;
    if (KILLED_AT_START.has(round)) await killWhileStarting(world, random);
    await world.daemon.start();
    await verify(t, world);
  }
  t.log(`${world.ledger.acknowledged} requests acknowledged, ${world.ledger.present.size} pins stand`);

  await allButTheDead(t, world, dead);
  await nothingTwice(t, world);
  t.deepEqual(await world.daemon.cli('check', '--json').then(({ code, stdout }) => [code, JSON.parse(stdout).problems]), [0, []]);

  await removeAll(world);
  await poll('nothing is pinned', 60_000, async () => (await world.kubo.pins()).size === 0);
  t.is((await world.daemon.admin('POST', '/admin/reconcile/gc')).status, 200);
  for (const cid of available.slice(-3)) t.false(await world.kubo.hasBlock(cid));
  t.deepEqual(await statusOf(world.daemon), { pinned: 0, pinning: 0, queued: 0, failed: 0 });
  await world.daemon.stop();
  const atRest = await world.daemon.cli('check', '--json');
  t.deepEqual([atRest.code, JSON.parse(atRest.stdout).problems], [0, []]);
});

test.serial('killed again and again while it starts for the first time: the next start is as good as the first', async (t) => {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const daemon = await createStoppedDaemon(t);
  for (let times = 0; times < FIRST_STARTS; times += 1) {
    const starting = daemon.start().catch(() => undefined);
    await sleep(150 + random.below(1_200));
    await daemon.kill('SIGKILL');
    await starting;
  }
  await daemon.start();
  t.is((await managedKubo(daemon.stateDir).processes()).length, 1);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  t.is((await client.add({ cid: createCid('the first').toString() })).status, 'queued');
  t.deepEqual(
    (await readdir(join(daemon.stateDir, 'kubo'))).filter((name) => name.startsWith('repo.')),
    [],
    'no half of a repo',
  );
  t.is((await daemon.cli('check')).code, 0);
});

async function addContents(peer: TestKubo, random: Random): Promise<string[]> {
  const single = Array.from({ length: SINGLE_BLOCKS }, () => ({ bytes: randomBytes(random, 200), chunkBytes: 1024 }));
  const trees = Array.from({ length: TREES }, () => ({ bytes: randomBytes(random, 6_000), chunkBytes: 1024 }));
  const waiting = [...single, ...trees].values();
  const cids: string[] = [];
  const worker = async (): Promise<void> => {
    for (const { bytes, chunkBytes } of waiting) cids.push(await peer.addBytes(bytes, { chunkBytes }));
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  return cids.sort();
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

async function createWorld(t: ExecutionContext, config: Record<string, Record<string, unknown>>): Promise<World> {
  const daemon = await createDaemon(t, { config });
  const accounts = new Map<string, TestClient>();
  for (const name of ['ada', 'bob']) accounts.set(name, createClient(daemon.apiUrl, await daemon.createToken(name)));
  return { daemon, kubo: managedKubo(daemon.stateDir), accounts, ledger: new Ledger(), cutShort: new Map() };
}

/** Until so many more requests are acknowledged, which on a slow machine may take too long to wait for. */
async function someTime({ ledger }: World, requests: number): Promise<void> {
  const until = ledger.acknowledged + requests;
  for (let waits = 0; waits < MOST_WAITS && ledger.acknowledged < until; waits += 1) await sleep(WAIT_MS);
}

async function killAndNote({ daemon, cutShort }: World): Promise<void> {
  await daemon.kill('SIGKILL');
  for (const key of await inFlight(daemon.stateDir)) cutShort.set(key, (cutShort.get(key) ?? 0) + 1);
}

/** Twice: somewhere on the way up, before or after it would have answered. */
async function killWhileStarting(world: World, random: Random): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    const starting = world.daemon.start().catch(() => undefined);
    await sleep(50 + random.below(900));
    await killAndNote(world);
    await starting;
  }
}

/** Right after a start: all that was acknowledged, and nothing pinned that is not held. */
async function verify(t: ExecutionContext, world: World): Promise<void> {
  const { daemon, kubo, accounts, ledger } = world;
  const listed = new Map<string, PinStatusBody>();
  for (const client of accounts.values()) for (const [id, body] of await listAll(t, client)) listed.set(id, body);
  const held = await kubo.pins();
  const doubts = ledger.settle(t, listed);
  compare(t, ledger, listed);
  const falsely = [...listed.values()].filter(({ status, pin }) => status === 'pinned' && !held.has(contentKeyOf(parseCid(pin.cid))));
  t.deepEqual(falsely, [], 'pinned, but not held');
  for (const { account, requestId } of [...ledger.gone.values()].slice(-20)) {
    t.is((await accounts.get(account)?.call('GET', `/pins/${requestId}`))?.status, 404, 'deleted, and there again');
  }
  t.is((await kubo.processes()).length, 1, 'one kubo has the repo');
  const recovered = /"contents":(\d+)/.exec(daemon.log())?.[1] ?? '0';
  t.log(`${listed.size} pins, ${held.size} held, ${doubts} requests were unanswered, ${recovered} fetches taken up again`);
}

/** What can be had is pinned in the end, wherever it was interrupted; what cannot is not, nor is what nobody wants any more. */
async function allButTheDead(t: ExecutionContext, { accounts, kubo }: World, dead: readonly string[]): Promise<void> {
  const unreachable = new Set(dead);
  const unfinished = async () => {
    const lists = await Promise.all([...accounts.values()].map((client) => listAll(t, client)));
    return lists.flatMap((list) => [...list.values()]).filter(({ status, pin }) => status !== 'pinned' && !unreachable.has(pin.cid));
  };
  await poll('all that is available is pinned', 120_000, async () => {
    const { length } = await unfinished();
    if (length > 0) await sleep(500);
    return length === 0;
  });
  const wanted = new Set<string>();
  for (const client of accounts.values()) {
    for (const { pin, status } of (await listAll(t, client)).values()) {
      const isDead = unreachable.has(pin.cid);
      t.is(status === 'pinned', !isDead, `${pin.cid} is ${status}`);
      if (!isDead) wanted.add(contentKeyOf(parseCid(pin.cid)));
    }
  }
  await poll('kubo holds what is wanted and nothing else', 60_000, async () => {
    const held = await kubo.pins();
    return held.size === wanted.size && [...wanted].every((key) => held.has(key));
  });
}

/** A content is fetched once, and once more for each time that its fetch was cut short or put off, or that it was wanted anew. */
async function nothingTwice(t: ExecutionContext, { daemon, ledger, cutShort }: World): Promise<void> {
  const oldest = new Map<string, string>();
  for (const { requestId, wish } of ledger.present.values()) {
    const key = contentKeyOf(parseCid(wish.cid));
    if (!oldest.has(key)) oldest.set(key, requestId);
  }
  let fetches = 0;
  let allowed = 0;
  for (const [key, requestId] of oldest) {
    const { body } = await daemon.admin('GET', `/admin/pins/${requestId}/log`);
    const { events } = body as { events: { event: string; text: string }[] };
    const count = (name: string) => events.filter(({ event }) => event === name).length;
    const putOff = events.filter(({ event, text }) => event === 'waiting' && text !== DAEMON_ENDED).length;
    const most = 1 + (cutShort.get(key) ?? 0) + count('retried') + putOff;
    const story = events.map(({ event, text }) => `${event} (${text})`).join(', ');
    t.true(count('fetching') <= most, `${key} was cut short ${cutShort.get(key) ?? 0} times: ${story}`);
    fetches += count('fetching');
    allowed += most;
  }
  t.log(`${oldest.size} contents, ${fetches} fetches on record, ${allowed} would have been right`);
}

async function removeAll({ accounts, ledger }: World): Promise<void> {
  const waiting = [...ledger.present.values()].values();
  const worker = async (): Promise<void> => {
    for (const { account, requestId } of waiting) {
      const reply = await accounts.get(account)?.call('DELETE', `/pins/${requestId}`);
      if (reply?.status !== 202) throw new Error(`DELETE ${requestId}: ${reply?.status}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, worker));
}

async function statusOf(daemon: TestDaemon): Promise<unknown> {
  return ((await daemon.admin('GET', '/admin/status')).body as { pins: unknown }).pins;
}
