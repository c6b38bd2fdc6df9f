import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import test from 'ava';

import { createTestGateway, read, type TestGateway } from '../fixtures/create-gateway.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Bytes that tell of every place in them where, and of what, they are. */
function createBytes(number: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 8 <= length; at += 8) {
    bytes.writeUInt32LE(number, at);
    bytes.writeUInt32LE(at, at + 4);
  }
  return bytes;
}

/** Reads with rests of random length between the pieces, as long as there is anything. */
async function readSlowly({ url, alice }: TestGateway, path: string, rest: () => number, agent: Agent): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  const call = request({ host: hostname, port, path, headers: alice.headers, agent });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) {
    pieces.push(piece as Buffer);
    const ms = rest();
    if (ms > 0) await sleep(ms);
  }
  const bytes = Buffer.concat(pieces);
  if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${bytes.subarray(0, KIB)}`);
  return bytes;
}

test('long replies beside each other, more than there are buffers for, to readers of any pace: all get their own bytes', async (t) => {
  t.timeout(120_000);
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  const random = createRandom(seed);
  const gateway = await createTestGateway(t);
  const lengths = Array.from({ length: 6 }, (_, i) => (i === 0 ? 200 * KIB : 256 * KIB + random.below(4 * MIB)));
  const keys = await Promise.all(lengths.map((_, number) => gateway.pin(gateway.alice, number)));
  const bodies = lengths.map((length, number) => createBytes(number, length));
  gateway.tier.answer = async (req, res) => {
    const body = bodies[keys.findIndex((key) => req.url?.includes(key))] ?? Buffer.alloc(0);
    res.writeHead(200, { 'Content-Length': body.length });
    for (let at = 0; at < body.length; ) {
      const piece = body.subarray(at, at + 1 + random.below(300 * KIB));
      at += piece.length;
      if (!res.write(piece)) await once(res, 'drain');
      if (random.below(8) === 0) await sleep(random.below(5));
    }
    res.end();
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 90 });
  t.teardown(() => agent.destroy());
  const readers = Array.from({ length: 180 }, async (_, i) => {
    const which = i % keys.length;
    const rest = i % 3 === 0 ? () => (random.below(20) === 0 ? random.below(40) : 0) : () => 0;
    const bytes = await readSlowly(gateway, `/ipfs/${keys[which]}`, rest, agent);
    return bytes.equals(bodies[which] ?? Buffer.alloc(0));
  });
  t.deepEqual(
    (await Promise.all(readers)).filter((isRight) => !isRight),
    [],
  );
  const wantedBytes = Array.from({ length: 180 }, (_, i) => lengths[i % lengths.length] ?? 0).reduce((sum, length) => sum + length, 0);
  await poll('all is counted', 10_000, () => gateway.served.reduce((sum, { responses }) => sum + responses, 0) === 180);
  t.is(
    gateway.served.reduce((sum, { bytes }) => sum + bytes, 0),
    wantedBytes,
  );
  await poll('no connection is left that does nothing', 10_000, () => gateway.tier.sockets.size <= 64);
});

test('what the kernel cannot take from a buffer at once is still right when it does', async (t) => {
  const gateway = await createTestGateway(t);
  const key = await gateway.pin(gateway.alice, 1);
  // More than kernels hold for one connection.
  const body = createBytes(1, 48 * MIB);
  gateway.tier.answer = (_req, res) => void res.writeHead(200, { 'Content-Length': body.length }).end(body);
  const agent = new Agent();
  const all = await Promise.all(
    Array.from({ length: 3 }, () => {
      let pieces = 0;
      return readSlowly(gateway, `/ipfs/${key}`, () => (pieces++ % 100 === 0 ? 100 : 0), agent);
    }),
  );
  t.true(all.every((bytes) => bytes.equals(body)));
});

test('a long reply that breaks off, or goes on for too long, is no whole one', async (t) => {
  const gateway = await createTestGateway(t);
  const { url, alice, tier } = gateway;
  const key = await gateway.pin(alice, 1);
  const body = createBytes(1, 3 * MIB);
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': body.length });
    res.write(body.subarray(0, MIB), () => void setImmediate(() => res.destroy()));
  };
  await t.throwsAsync(read(url, `/ipfs/${key}`, { headers: alice.headers }), { message: /aborted|ECONNRESET|socket hang up/ });
  tier.answer = (_req, res) => {
    res.writeHead(200, { 'Content-Length': body.length }).flushHeaders();
    setImmediate(() => res.socket?.write(Buffer.concat([body, Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')])));
  };
  const long = await read(url, `/ipfs/${key}`, { headers: alice.headers }).catch(() => undefined);
  t.true(long === undefined || long.body.equals(body), 'never a byte more than there is');
  tier.answer = (_req, res) => void res.writeHead(200, { 'Content-Length': 2 }).end('ok');
  t.is((await read(url, `/ipfs/${key}`, { headers: alice.headers })).text, 'ok', 'and nothing of it is left for the next');
  await poll('all is counted', 10_000, () => gateway.served.length === 3);
});
