import { randomBytes } from 'node:crypto';

import test from 'ava';

import { carOf } from '../fixtures/create-car.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { openSocket, parseReply, readAll } from '../fixtures/raw-http.ts';
import { cidOf, RAW } from '../hot/blocks.ts';

const DONE_MS = 60_000;
const CONTENT_BYTES = 3_500_000;
const BLOCK_BYTES = 500_000;

test('pins beyond hot.capacity wait and say so, and go on as soon as a removed pin gives room', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t, { config: { hot: { capacity: '6MiB' }, limits: { dag_bytes: '5MiB' } } });
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  const kubo = managedKubo(daemon.stateDir);
  const add = async () => client.add({ cid: await peer.addBytes(randomBytes(CONTENT_BYTES)), origins: peer.swarmAddresses });
  const statusOf = async (requestId: string) => (await client.get(requestId)).status;

  const [first, second] = [await add(), await add()];
  await poll('it is full', DONE_MS, async () => {
    const { held } = (await daemon.admin('GET', '/admin/status')).body as { held?: { code: string } };
    return held?.code === 'hot_full';
  });
  const third = await add();
  await poll(
    'two of the pins wait, or one where both came in before it was noticed',
    DONE_MS,
    async () => (await client.list('status=pinning')).count === 0,
  );
  const waiting = await client.get(third.requestid);
  t.is(waiting.status, 'queued');
  t.regex(waiting.info?.status_details ?? '', /waiting: the hot tier is at hot\.capacity/);
  t.false((await kubo.pins()).has(third.pin.cid));

  for (const { requestid } of [first, second]) t.is((await client.call('DELETE', `/pins/${requestid}`)).status, 202);
  await poll('the waiting pin is held', DONE_MS, async () => (await statusOf(third.requestid)) === 'pinned');
  for (const { pin } of [first, second]) t.false(await kubo.hasBlock(pin.cid));
});

test('uploads are ended when the hot tier is full, what they left is deleted, and pins go on', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t, { config: { hot: { capacity: '6MiB' }, limits: { dag_bytes: '6MiB' } } });
  const token = await daemon.createToken('ada');
  const client = createClient(daemon.apiUrl, token);
  await daemon.admin('POST', '/admin/reconcile/gc');
  const begin = async (bytes: number): Promise<{ reply: Promise<string> }> => {
    const socket = openSocket(daemon.apiUrl());
    const reply = readAll(socket);
    socket.write(
      `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: 6000000\r\n\r\n`,
    );
    const blocks = await Promise.all(
      Array.from({ length: Math.ceil(bytes / BLOCK_BYTES) }, async () => {
        const block = randomBytes(BLOCK_BYTES);
        return { cid: await cidOf(block, RAW), bytes: block };
      }),
    );
    socket.write(carOf([await cidOf(Buffer.alloc(0), RAW)], blocks));
    return { reply };
  };
  for (const { reply } of [await begin(0), await begin(4_000_000), await begin(4_000_000)]) {
    const { status, body } = parseReply(await reply);
    t.is(status, 507, body);
    t.regex(body, /STORAGE_FULL/);
  }
  const { requestid } = await client.add({ cid: await peer.addBytes(randomBytes(CONTENT_BYTES)), origins: peer.swarmAddresses });
  await poll('what the uploads left is gone, and the pin is held', DONE_MS, async () => (await client.get(requestid)).status === 'pinned');
});
