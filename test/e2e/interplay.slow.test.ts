import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient, type PinStatusBody, type TestClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { compare, Ledger, listAll } from './ledger.ts';
import { runLoad } from './load.ts';

const ROUNDS = 5;
/** Few, so that they come, go and come back while the last time is still being dealt with. */
const CONTENTS = 12;
const DEAD = 3;
const RECONCILERS = ['gc', 'audit', 'release', 'pin', 'hold'] as const;

test('pins that come and go while garbage is collected, pins are audited and kubo dies: in the end kubo holds exactly what is wanted', async (t) => {
  t.timeout(400_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const peer = await createKubo(t);
  const available: string[] = [];
  for (let index = 0; index < CONTENTS; index += 1) available.push(await peer.addBytes(randomBytes(8_000), { chunkBytes: 1_000 }));
  const dead = Array.from({ length: DEAD }, (_, index) => createCid(`dead ${index}`).toString());
  const daemon = await createDaemon(t, { config: { limits: { stall_timeout: '10m' } } });
  const kubo = managedKubo(daemon.stateDir);
  const accounts = new Map<string, TestClient>();
  for (const name of ['ada', 'bob']) accounts.set(name, createClient(daemon.apiUrl, await daemon.createToken(name)));
  const ledger = new Ledger();
  const load = { accounts, callers: 8, ledger, available, dead, origins: peer.swarmAddresses, requests: 12 };

  for (let round = 0; round < ROUNDS; round += 1) {
    let loading = true;
    let killed = false;
    const running = runLoad({ ...load, random: random.fork(round) }).finally(() => {
      loading = false;
    });
    while (loading) {
      const name = random.pick(RECONCILERS);
      // While kubo is away a pass may fail; the next one starts afresh.
      await daemon.admin('POST', `/admin/reconcile/${name}`);
      if (round % 2 === 1 && !killed) for (const pid of await kubo.processes()) process.kill(pid, 'SIGKILL');
      killed = true;
      await sleep(random.below(60));
    }
    await running;
    // What nobody took away himself goes now, so that contents are let go while others come.
    for (const { account, requestId } of [...ledger.present.values()].filter(() => random.next() < 0.8)) {
      const pin = ledger.present.get(requestId);
      const reply = await accounts.get(account)?.call('DELETE', `/pins/${requestId}`);
      t.is(reply?.status, 202);
      if (pin !== undefined) ledger.removed(pin);
    }
  }

  const listed = async () => {
    const all = new Map<string, PinStatusBody>();
    for (const client of accounts.values()) for (const [id, body] of await listAll(t, client)) all.set(id, body);
    return all;
  };
  compare(t, ledger, await listed());
  const wanted = new Set(
    [...ledger.present.values()]
      .map(({ wish }) => wish.cid)
      .filter((cid) => available.includes(cid))
      .map((cid) => contentKeyOf(parseCid(cid))),
  );
  await poll('all that is available is pinned', 120_000, async () =>
    [...(await listed()).values()].every(({ status, pin }) => status === 'pinned' || dead.includes(pin.cid)),
  );
  await poll('kubo holds what is wanted and nothing else', 90_000, async () => {
    const held = await kubo.pins();
    return held.size === wanted.size && [...wanted].every((key) => held.has(key));
  });
  t.is((await daemon.admin('POST', '/admin/reconcile/gc')).status, 200);
  for (const key of wanted) t.is(await kubo.wholeDag(key), 9);
  for (const cid of available) if (!wanted.has(cid)) t.false(await kubo.hasBlock(cid));
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/audit')).body, { due: 0, done: 0, failed: 0, skipped: {} });
  t.is((await daemon.cli('check')).code, 0);
});
