import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import test from 'ava';
import { Level } from 'level';

import { isRecord } from '../../daemon/hot/kubo-rpc.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const DONE_MS = 60_000;
const LEAVES = 2_500;

/** Keys of that type in the store of a daemon that is down. */
async function keysOf(stateDir: string, type: string): Promise<string[]> {
  const db = new Level<string, Buffer>(join(stateDir, 'store'), { valueEncoding: 'buffer' });
  const keys = await db.keys({ gte: `${type}/`, lt: `${type}0` }).all();
  await db.close();
  return keys;
}

test('every block of what is pinned is in the index, and none of what is let go', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t);
  const ada = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const cid = await peer.addBytes(randomBytes(LEAVES * 100), { chunkBytes: 100 });
  const single = await peer.addBytes(randomBytes(100));
  const below = new Set<unknown>();
  for await (const line of peer.rpc.stream('refs', { arg: cid, recursive: true, unique: true }, {})) below.add(isRecord(line) && line.Ref);
  const { requestid } = await ada.add({ cid, origins: [...peer.swarmAddresses] });
  const other = await ada.add({ cid: single, origins: [...peer.swarmAddresses] });
  for (const id of [requestid, other.requestid]) {
    await poll('it is pinned', DONE_MS, async () => (await ada.get(id)).status === 'pinned');
  }
  t.is((await daemon.admin('POST', '/admin/reconcile/index')).status, 200);
  t.is((await daemon.cli('check')).code, 0);
  await daemon.stop();
  t.true(below.size > LEAVES);
  t.is((await keysOf(daemon.stateDir, 'i')).length, below.size, 'all but the root, and the content of one block');
  t.deepEqual(await keysOf(daemon.stateDir, 'il'), [], 'all of it is as it should be');

  await daemon.start();
  t.is((await ada.call('DELETE', `/pins/${requestid}`)).status, 202);
  t.is((await daemon.admin('POST', '/admin/reconcile/release')).status, 200);
  t.is((await daemon.admin('POST', '/admin/reconcile/index')).status, 200);
  await daemon.stop();
  for (const type of ['i', 'ic', 'id', 'if', 'ii', 'il']) t.deepEqual(await keysOf(daemon.stateDir, type), [], type);
});
