import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { isRecord } from '../../daemon/hot/kubo-rpc.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const DONE_MS = 60_000;

test.serial('the origins of a pin that waits survive kill -9, and are how it is found', async (t) => {
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(1_000));
  const daemon = await createDaemon(t, { config: { limits: { stall_timeout: '1s' } } });
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));

  peer.kill('SIGSTOP');
  const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
  await poll(
    'it waits for another try',
    DONE_MS,
    async () => (await client.get(requestid)).info?.status_details?.includes('attempt 2 of') === true,
  );
  await daemon.kill('SIGKILL');
  peer.kill('SIGCONT');
  await daemon.start();
  const waiting = await client.get(requestid);
  t.is(waiting.status, 'queued');
  t.deepEqual(Object.keys(waiting.pin), ['cid'], 'origins are never shown');
  t.is((await daemon.cli('pins', 'retry', requestid)).code, 0);
  await poll('it is pinned', DONE_MS, async () => (await client.get(requestid)).status === 'pinned');
});

test.serial('a fetch that was cut short by kill -9 goes on by itself, with its origins', async (t) => {
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(1_000));
  const daemon = await createDaemon(t);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));

  peer.kill('SIGSTOP');
  const { requestid } = await client.add({ cid, origins: peer.swarmAddresses });
  await poll('it is being fetched', DONE_MS, async () => (await client.get(requestid)).status === 'pinning');
  await daemon.kill('SIGKILL');
  peer.kill('SIGCONT');
  await daemon.start();
  await poll('it is pinned', DONE_MS, async () => (await client.get(requestid)).status === 'pinned');
  t.regex(daemon.log(), /fetches that were in flight are queued again/);
});

test.serial('an origin on loopback is taken and never dialled, unless private origins are allowed', async (t) => {
  const peer = await createKubo(t);
  const cid = await peer.addBytes(randomBytes(1_000));
  const daemon = await createDaemon(t, { config: { limits: { private_origins: false } } });
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const kubo = managedKubo(daemon.stateDir);
  const { requestid, delegates } = await client.add({ cid, origins: peer.swarmAddresses });
  await poll('it is being fetched', DONE_MS, async () => (await client.get(requestid)).status === 'pinning');
  await sleep(2_000);
  t.deepEqual(await kubo.peers(), []);
  t.deepEqual(await peersOf(peer), []);
  t.is((await client.get(requestid)).status, 'pinning');
  // It would have been found: the peer's own dial to a delegate is enough.
  await peer.connect(delegates);
  await poll('it is pinned', DONE_MS, async () => (await client.get(requestid)).status === 'pinned');
});

async function peersOf(peer: TestKubo): Promise<unknown[]> {
  const reply = await peer.rpc.call('swarm/peers', {}, { deadlineMs: DONE_MS });
  return isRecord(reply) && Array.isArray(reply.Peers) ? reply.Peers : [];
}
