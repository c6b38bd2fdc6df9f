import { randomBytes } from 'node:crypto';
import test from 'ava';

import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';

test('a content that a peer has is pinned, and is still served when the peer is gone', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const bytes = randomBytes(3_000_000);
  const cid = await peer.addBytes(bytes);

  const accepted = await client.add({ cid, name: 'three megabytes', origins: peer.swarmAddresses });
  t.true(accepted.delegates.length > 0);
  await poll('it is pinned', 30_000, async () => (await client.get(accepted.requestid)).status === 'pinned');
  await peer.stop();

  const done = await client.get(accepted.requestid);
  t.is(done.pin.cid, cid);
  t.true(Number(done.info?.dag_size) > bytes.length);
});
