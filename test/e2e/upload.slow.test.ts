import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';
import type { CID } from 'multiformats/cid';
import { carOf, sectionOf } from '../fixtures/create-car.ts';
import { createClient, type PinStatusBody } from '../fixtures/create-client.ts';
import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createKubo } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { openSocket, parseReply, readAll } from '../fixtures/raw-http.ts';
import { cidOf, DAG_PB, dagPbNode, RAW } from '../hot/blocks.ts';

const DONE_MS = 60_000;
const CHUNK_BYTES = 256 * 1024;
const RSS_GROWTH_BYTES_MAX = 100 * 1024 * 1024;
const NO_BYTES = Buffer.alloc(0);

interface UploadReply {
  status: number;
  body: { cid: string; blocks: number; bytes: number; pin: PinStatusBody };
}

/** Sends what comes, and resolves with the reply, whenever that is. */
function upload(daemon: TestDaemon, token: string, parts: AsyncIterable<Uint8Array>): Promise<UploadReply> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.ipld.car' };
    const call = request(`${daemon.apiUrl()}/v1/uploads`, { method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    call.on('error', reject);
    // A reply that comes before all is sent ends the sending, and is the outcome.
    pipeline(parts, call).catch((error: Error) => call.destroy(error));
  });
}

/** Leaves of chance first, then the node above them: its CID is known only at the end, so the header comes with it. */
async function* leavesFirst(count: number, onLeaf: (i: number) => void | Promise<void> = () => undefined): AsyncGenerator<Uint8Array> {
  const pool = randomBytes(CHUNK_BYTES);
  const leaf = (i: number): Uint8Array => {
    const bytes = Buffer.from(pool);
    bytes.writeUInt32LE(i);
    return bytes;
  };
  const cids: CID[] = [];
  for (let i = 0; i < count; i++) cids.push(await cidOf(leaf(i), RAW));
  const node = dagPbNode(cids.map((cid) => ({ cid })));
  const root = await cidOf(node, DAG_PB);
  yield carOf([root], []);
  for (const [i, cid] of cids.entries()) {
    await onLeaf(i);
    yield sectionOf({ cid, bytes: leaf(i) });
  }
  yield sectionOf({ cid: root, bytes: node });
}

function headOf(token: string, length: number): string {
  return `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/vnd.ipld.car\r\nContent-Length: ${length}\r\n\r\n`;
}

function rssBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

test('what a kubo exports is uploaded, pinned, and comes out of ours as the same bytes', async (t) => {
  const peer = await createKubo(t);
  const daemon = await createDaemon(t);
  const token = await daemon.createToken('ada');
  const client = createClient(daemon.apiUrl, token);
  const bytes = randomBytes(3_000_000);
  const cid = await peer.addBytes(bytes);
  const car = await peer.rpc.bytes('dag/export', { arg: cid }, { deadlineMs: DONE_MS, replyBytesMax: 10_000_000 });
  const { status, body } = await upload(
    daemon,
    token,
    (async function* () {
      yield car;
    })(),
  );
  t.is(status, 202, JSON.stringify(body));
  t.is(body.cid, cid);
  await poll('it is pinned', DONE_MS, async () => (await client.get(body.pin.requestid)).status === 'pinned');
  const ours = managedKubo(daemon.stateDir);
  const back = await ours.rpc.bytes('cat', { arg: cid, offline: true }, { deadlineMs: DONE_MS, replyBytesMax: 10_000_000 });
  t.is(Buffer.compare(back, bytes), 0);
  t.true((await ours.pins()).has(cid));
});

test('a daemon that is killed in the middle of an upload takes it when it is sent again', async (t) => {
  const daemon = await createDaemon(t);
  const token = await daemon.createToken('ada');
  const client = createClient(daemon.apiUrl, token);
  const broken = upload(
    daemon,
    token,
    leavesFirst(40, async (i) => {
      if (i === 20) await daemon.kill('SIGKILL');
    }),
  );
  await t.throwsAsync(broken);
  await daemon.start();
  t.is((await client.list('status=queued,pinning,pinned,failed')).count, 0);
  const { status, body } = await upload(daemon, token, leavesFirst(40));
  t.is(status, 202, JSON.stringify(body));
  await poll('it is pinned', DONE_MS, async () => (await client.get(body.pin.requestid)).status === 'pinned');
  t.is(await managedKubo(daemon.stateDir).wholeDag(body.cid), 41);
});

test('a collection waits for an upload and for its pin, and takes what a broken one left', async (t) => {
  const daemon = await createDaemon(t);
  const token = await daemon.createToken('ada');
  const client = createClient(daemon.apiUrl, token);
  const ours = managedKubo(daemon.stateDir);
  const broken = await upload(
    daemon,
    token,
    (async function* () {
      const stray = { cid: await cidOf(Buffer.from('stray'), RAW), bytes: Buffer.from('stray') };
      yield carOf([await cidOf(NO_BYTES, RAW)], [stray]);
    })(),
  );
  t.is(broken.status, 400);
  const stray = (await cidOf(Buffer.from('stray'), RAW)).toString();
  t.true(await ours.hasBlock(stray));

  let collecting: Promise<{ body: unknown }> | undefined;
  const { status, body } = await upload(
    daemon,
    token,
    leavesFirst(40, async (i) => {
      if (i !== 20) return;
      collecting = daemon.admin('POST', '/admin/reconcile/gc');
      await sleep(1_000);
    }),
  );
  t.is(status, 202, JSON.stringify(body));
  t.like((await collecting)?.body, { done: 1, skipped: {} });
  t.is((await client.get(body.pin.requestid)).status, 'pinned', 'the collection came after the pin');
  t.is(await ours.wholeDag(body.cid), 41);
  t.false(await ours.hasBlock(stray));
});

test('an upload that stands still keeps no collection waiting, and what it left goes with the next', async (t) => {
  const daemon = await createDaemon(t);
  const token = await daemon.createToken('ada');
  const ours = managedKubo(daemon.stateDir);
  const stray = { cid: await cidOf(Buffer.from('stray'), RAW), bytes: Buffer.from('stray') };
  await daemon.admin('POST', '/admin/reconcile/gc');
  const socket = openSocket(daemon.apiUrl());
  const reply = readAll(socket);
  socket.write(headOf(token, 5_000_000));
  socket.write(carOf([await cidOf(NO_BYTES, RAW)], [stray]));
  await poll('its first block is here', DONE_MS, () => ours.hasBlock(stray.cid.toString()));
  t.is(
    (
      await upload(
        daemon,
        token,
        (async function* () {
          yield Buffer.from('this is no CAR');
        })(),
      )
    ).status,
    400,
  );

  t.like((await daemon.admin('POST', '/admin/reconcile/gc')).body, { done: 1, skipped: {} });
  const { status, body } = parseReply(await reply);
  t.is(status, 408);
  t.regex(body, /nothing came for some seconds while unpinned blocks are to be deleted/);
  t.false(await ours.hasBlock(stray.cid.toString()));
});

test('a gibibyte goes through in bounded memory', async (t) => {
  const daemon = await createDaemon(t);
  const token = await daemon.createToken('ada');
  const blocks = 4_096;
  // A small one first, so that what is compiled and kept for later is there.
  t.is((await upload(daemon, token, leavesFirst(100))).status, 202);
  const before = rssBytes(daemon.pid());
  let most = 0;
  const begunMs = performance.now();
  const { status, body } = await upload(
    daemon,
    token,
    leavesFirst(blocks, (i) => {
      if (i % 16 === 0) most = Math.max(most, rssBytes(daemon.pid()));
    }),
  );
  const seconds = (performance.now() - begunMs) / 1_000;
  t.is(status, 202, JSON.stringify(body));
  t.is(body.blocks, blocks + 1);
  t.log(
    `RSS ${Math.round(before / 2 ** 20)} MiB, at most ${Math.round((most - before) / 2 ** 20)} MiB more; ${Math.round(1_024 / seconds)} MiB/s`,
  );
  t.true(most - before < RSS_GROWTH_BYTES_MAX, `${most - before}`);
});
