import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createSmallDisk, hasSmallDisks } from '../fixtures/small-disk.ts';
import { compare, Ledger, listAll } from './ledger.ts';

const DISK_BYTES = 144 << 20;
const STATE = { min_free: '56MiB', ballast: '48MiB' };

const onSmallDisk = hasSmallDisks ? test : test.skip;

onSmallDisk(
  'a full disk refuses new pins with 507, serves the rest, and heals when there is room (skipped where no tmpfs can be mounted)',
  async (t) => {
    const disk = await createSmallDisk(t, DISK_BYTES);
    const peer = await createKubo(t);
    const living = await peer.addBytes(new TextEncoder().encode('somebody has this'));
    const daemon = await createDaemon(t, { stateDir: join(disk.dir, 'state'), config: { state: STATE } });
    const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
    const ledger = new Ledger();
    const add = (name: string, cid = createCid(name).toString()) => tryToAdd(client, ledger, name, cid, peer.swarmAddresses);

    for (let index = 0; index < 40; index += 1) t.is(await add(`before ${index}`), 202);
    t.is(await add('living', living), 202);
    await poll('a pin is held', 60_000, async () => (await client.list('status=pinned')).count === 1);
    t.true(existsSync(join(daemon.stateDir, 'ballast')));

    await disk.fill();
    // What still fits into what the store has already taken is as durable as ever, and is looked for at the end.
    await poll('the disk is seen to be full', 30_000, async () => (await add('at the brink')) === 507);
    await poll('health is red', 30_000, async () => (await health(daemon)) === 503);
    await refusesButServes(t, client, ledger, add);

    await daemon.kill('SIGKILL');
    await daemon.start();
    t.is(await health(daemon), 503);
    await refusesButServes(t, client, ledger, add);

    await disk.free();
    await accepts(t, daemon, add);
    const after = await peer.addBytes(new TextEncoder().encode('somebody has this, too'));
    t.is(await add('living after', after), 202);
    await poll('a new pin is held', 60_000, async () => (await client.list(`cid=${after}&status=pinned`)).count === 1);
    compare(t, ledger, await listAll(t, client));
    t.is((await client.list(`cid=${living}`)).results[0]?.status, 'pinned');

    await poll('the ballast is made again', 30_000, () => existsSync(join(daemon.stateDir, 'ballast')));
    await daemon.kill('SIGKILL');
    await disk.fill();
    await daemon.start();
    t.is(await health(daemon), 503);
    t.false(existsSync(join(daemon.stateDir, 'ballast')));
    await refusesButServes(t, client, ledger, add);
    await disk.free();
    await accepts(t, daemon, add);
    compare(t, ledger, await listAll(t, client));
    t.is((await daemon.cli('check')).code, 0);
  },
);

onSmallDisk(
  'without a ballast a full disk refuses every write and serves every read, and what was acknowledged is there when there is room again',
  async (t) => {
    const disk = await createSmallDisk(t, 48 << 20);
    const config = { state: { min_free: '1MiB', ballast: '0B' } };
    const daemon = await createDaemon(t, { stateDir: join(disk.dir, 'state'), config });
    const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
    const ledger = new Ledger();
    const add = (name: string) => tryToAdd(client, ledger, name, createCid(name).toString(), []);
    for (let index = 0; index < 20; index += 1) t.is(await add(`before ${index}`), 202);
    await disk.fill();
    await poll('the disk is seen to be full', 30_000, async () => (await add('at the brink')) === 507);
    for (let index = 0; index < 20; index += 1) t.is(await add(`full ${index}`), 507);
    compare(t, ledger, await listAll(t, client));
    await daemon.kill('SIGKILL');
    await disk.free();
    await daemon.start();
    compare(t, ledger, await listAll(t, client));
    await poll('new pins are accepted again', 30_000, async () => (await add('after')) === 202);
  },
);

async function tryToAdd(client: TestClient, ledger: Ledger, name: string, cid: string, origins: readonly string[]): Promise<number> {
  const wish = { cid, name, meta: { kept: 'yes' }, origins };
  const { status, body } = await client.call('POST', '/pins', wish);
  if (status === 202) ledger.added('ada', wish, body);
  return status;
}

async function accepts(t: ExecutionContext, daemon: TestDaemon, add: (name: string) => Promise<number>): Promise<void> {
  const freedMs = performance.now();
  await poll('new pins are accepted again', 30_000, async () => (await add('after')) === 202);
  t.log(`accepted again ${Math.round(performance.now() - freedMs)} ms after there was room`);
  await poll('health is green', 30_000, async () => (await health(daemon)) === 200);
}

async function health(daemon: TestDaemon): Promise<number> {
  return (await fetch(`${daemon.apiUrl()}/healthz`)).status;
}

async function refusesButServes(
  t: ExecutionContext,
  client: TestClient,
  ledger: Ledger,
  add: (name: string) => Promise<number>,
): Promise<void> {
  for (let times = 0; times < 10; times += 1) {
    t.is(await add(`full ${times}`), 507);
    const [known] = [...ledger.present.values()];
    if (known === undefined) throw new Error('there is no pin to try with');
    t.is((await client.get(known.requestId)).pin.name, known.wish.name);
    // The ballast gives room back a moment after the first refusal.
    await poll(
      'a pin can be removed',
      times === 0 ? 10_000 : 0,
      async () => (await client.call('DELETE', `/pins/${known.requestId}`)).status === 202,
    );
    ledger.removed(known);
    await sleep(50);
  }
  t.is((await client.list('status=queued,pinning,pinned,failed')).count, ledger.present.size);
}
