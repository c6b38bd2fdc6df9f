import { randomBytes } from 'node:crypto';

import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const DONE_MS = 60_000;
/** Many small blocks, so that deleting them takes a moment. */
const GARBAGE_BYTES = 1_500_000;
const GARBAGE_CHUNK_BYTES = 1_000;
const CHUNK_BYTES = 10_000;
const CHUNKS = 6;

test('garbage goes in a drained window: the fetch under way waits and says so, completes afterwards, and what is pinned stays', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t, { config: { limits: { dag_blocks: 1_000, stall_timeout: '5m' } } });
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const kubo = managedKubo(daemon.stateDir);
  const origins = peer.swarmAddresses;
  const statusOf = async (requestId: string) => (await client.get(requestId)).status;

  const kept = await peer.addBytes(randomBytes(CHUNK_BYTES * CHUNKS), { chunkBytes: CHUNK_BYTES });
  const tooLarge = await peer.addBytes(randomBytes(GARBAGE_BYTES), { chunkBytes: GARBAGE_CHUNK_BYTES });
  const removed = await peer.addBytes(randomBytes(CHUNK_BYTES * CHUNKS), { chunkBytes: CHUNK_BYTES });
  const slow = await addWithAGap(peer);
  const keptPin = await client.add({ cid: kept, origins });
  const tooLargePin = await client.add({ cid: tooLarge, origins });
  const removedPin = await client.add({ cid: removed, origins });
  await poll('two are pinned', DONE_MS, async () => (await client.list('status=pinned')).count === 2);
  await poll('one is too large', DONE_MS, async () => (await statusOf(tooLargePin.requestid)) === 'failed');
  t.is((await client.call('DELETE', `/pins/${removedPin.requestid}`)).status, 202);
  await poll('the removed pin is released', DONE_MS, async () => !(await kubo.pins()).has(removed));
  const slowPin = await client.add({ cid: slow.cid, origins });
  await poll('one is being fetched', DONE_MS, async () =>
    /fetching: [1-9]/.test((await client.get(slowPin.requestid)).info?.status_details ?? ''),
  );
  for (const cid of [tooLarge, removed, slow.cid]) t.true(await kubo.hasBlock(cid), 'garbage stays until it is collected');

  const said = new Set<string>();
  let collecting = true;
  const watching = (async () => {
    while (collecting) said.add((await client.get(slowPin.requestid)).info?.status_details ?? '');
  })();
  const collected = await daemon.admin('POST', '/admin/reconcile/gc');
  collecting = false;
  await watching;
  t.deepEqual(collected, { status: 200, body: { due: 1, done: 1, failed: 0, skipped: {} } });
  t.true(
    [...said].some((details) => details.includes('waiting: gc')),
    [...said].join(' | '),
  );
  for (const cid of [tooLarge, removed]) t.false(await kubo.hasBlock(cid));
  t.is(await kubo.wholeDag(kept), 1 + CHUNKS);

  await slow.complete();
  await poll('the drained pin is held', DONE_MS, async () => (await statusOf(slowPin.requestid)) === 'pinned');
  t.is(await kubo.wholeDag(slow.cid), 1 + CHUNKS);
  t.is(await statusOf(keptPin.requestid), 'pinned');
  t.is(await statusOf(tooLargePin.requestid), 'failed');
  const { events } = (await daemon.admin('GET', `/admin/pins/${slowPin.requestid}/log`)).body as {
    events: { event: string; text: string }[];
  };
  t.deepEqual(
    events.map(({ event }) => event),
    ['accepted', 'fetching', 'waiting', 'fetching', 'pinned'],
  );
  t.regex(events[2]?.text ?? '', /waiting: gc/);
  t.deepEqual((await daemon.admin('POST', '/admin/reconcile/gc')).body, { due: 0, done: 0, failed: 0, skipped: { no_garbage: 1 } });
});

/** A file of which one block is missing until `complete`. */
async function addWithAGap(peer: TestKubo): Promise<{ cid: string; complete(): Promise<void> }> {
  const chunks = Array.from({ length: CHUNKS }, () => randomBytes(CHUNK_BYTES));
  const last = chunks.at(-1) ?? randomBytes(CHUNK_BYTES);
  const cid = await peer.addBytes(Buffer.concat(chunks), { chunkBytes: CHUNK_BYTES });
  await peer.rpc.call('pin/rm', { arg: cid }, { deadlineMs: DONE_MS });
  await peer.removeBlock(await peer.putBlock(last));
  return { cid, complete: async () => void (await peer.putBlock(last)) };
}
