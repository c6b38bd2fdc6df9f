import { randomBytes } from 'node:crypto';

import test from 'ava';

import { createCid } from '../fixtures/create-cid.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';

const LIMITS = { dag_bytes: '1MiB', dag_blocks: 40, stall_timeout: '3s', pin_attempts: 1 };
const DONE_MS = 60_000;

test('what breaks a limit fails and says precisely which, leaves no pin, and can be retried', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t, { config: { limits: LIMITS } });
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const kubo = managedKubo(daemon.stateDir);

  const chunks = Array.from({ length: 8 }, () => randomBytes(10_000));
  const incomplete = await peer.addBytes(Buffer.concat(chunks), { chunkBytes: 10_000 });
  const missing = await peer.putBlock(chunks[5] ?? randomBytes(0));
  await peer.rpc.call('pin/rm', { arg: incomplete }, { deadlineMs: DONE_MS });
  await peer.removeBlock(missing);

  const cases: [name: string, cid: string, details: RegExp][] = [
    [
      'too many bytes',
      await peer.addBytes(randomBytes(3_000_000), { chunkBytes: 200_000 }),
      /larger than the 1 MiB allowed \(\d+ blocks, .* so far\)/,
    ],
    [
      'too many blocks',
      await peer.addBytes(randomBytes(60_000), { chunkBytes: 1_000 }),
      /more than the 40 blocks allowed \(41 blocks, .* so far\)/,
    ],
    ['incomplete', incomplete, /no peer has sent a block of \S+ for 3 s \([1-8] blocks?, .* so far\); given up after 1 attempt/],
    [
      'unreachable',
      createCid('nobody has this').toString(),
      /no peer has sent a block of \S+ for 3 s \(0 blocks, 0 B so far\); given up after 1 attempt/,
    ],
    ['no dag-cbor', await peer.putBlock(Uint8Array.of(0xff, 0xff, 0xff), { codec: 'dag-cbor' }), /^fetching \S+: .*(cbor|major ?byte)/i],
    [
      'no dag-pb',
      await peer.putBlock(Uint8Array.of(0xff, 0xff, 0xff), { codec: 'dag-pb' }),
      /^fetching \S+: .*(protobuf|wire|varint|decode|unexpected EOF)/i,
    ],
  ];
  const within = await peer.addBytes(randomBytes(900_000), { chunkBytes: 30_000 });
  const good = await client.add({ cid: within, origins: peer.swarmAddresses });
  const requests = new Map<string, string>();
  for (const [name, cid] of cases) requests.set(name, (await client.add({ cid, name, origins: peer.swarmAddresses })).requestid);

  for (const [name, , details] of cases) {
    const id = requests.get(name) ?? '';
    await poll(`${name}: it failed`, DONE_MS, async () => (await client.get(id)).status === 'failed');
    t.regex((await client.get(id)).info?.status_details ?? '', details, name);
  }
  await poll('what is within the limits is pinned', DONE_MS, async () => (await client.get(good.requestid)).status === 'pinned');
  t.deepEqual([...(await kubo.pins())], [within], 'nothing else is pinned');

  await peer.putBlock(chunks[5] ?? randomBytes(0));
  const retried = await daemon.cli('pins', 'retry', requests.get('incomplete') ?? '');
  t.is(retried.code, 0, retried.stderr);
  await poll('the retried pin is held', DONE_MS, async () => (await client.get(requests.get('incomplete') ?? '')).status === 'pinned');
  t.true((await kubo.pins()).has(incomplete));
  t.is(await kubo.wholeDag(incomplete), 9);
});
