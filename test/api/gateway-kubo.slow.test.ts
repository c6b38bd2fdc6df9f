import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { encode } from '@ipld/dag-pb';
import test, { type ExecutionContext } from 'ava';
import type { CID } from 'multiformats/cid';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import { kuboFiles } from '../../daemon/hot/kubo-repo.ts';
import { createManagedKubo } from '../../daemon/hot/managed.ts';
import { createTestGateway, type GatewayReply, type ReadOptions, read, type TestGateway } from '../fixtures/create-gateway.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';
import { poll } from '../fixtures/poll.ts';
import { createRandom, testSeed } from '../fixtures/random.ts';
import { cidOf, DAG_PB, RAW } from '../hot/blocks.ts';
import { managedOptions } from '../hot/create-managed.ts';

interface Both extends TestGateway {
  socketPath: string;
  /** The directory that holds all that is pinned, and what is in it, by path. */
  root: string;
  cids: Map<string, string>;
  intake: ReturnType<typeof createManagedKubo>['intake'];
  /** The same request to us, and to kubo's own gateway. */
  ask(target: string, options?: ReadOptions): Promise<{ ours: GatewayReply; theirs: GatewayReply }>;
}

const BIG = randomBytes(3_000_000);
/** The content is in the CID. */
const IDENTITY = 'bafkqablimvwgy3y';
const FILES: Record<string, Buffer> = {
  'hello.txt': Buffer.from('hello world\n'),
  'big.bin': BIG,
  'page/index.html': Buffer.from('<!doctype html><title>x</title>'),
  'sub dir/ä%b?c#d(1).txt': Buffer.from('odd'),
  'sub dir/empty': Buffer.alloc(0),
};

/** A real kubo, with the gateway of ours before it. */
async function createBoth(t: ExecutionContext): Promise<Both> {
  const dir = await createTempDir(t);
  const tier = createManagedKubo(managedOptions(dir));
  await tier.start();
  t.teardown(() => tier.stop());
  const { socket, gatewaySocket } = kuboFiles(dir);
  const cids = await addTree(socket, FILES);
  const root = cids.get('') ?? '';
  const made = await createTestGateway(t, { target: () => tier.gateway(), firstByteTimeoutMs: 60_000, stallTimeoutMs: 60_000 });
  const contentKey = contentKeyOf(parseCid(root));
  for (const cid of [...cids.values(), IDENTITY]) {
    const key = contentKeyOf(parseCid(cid));
    await made.pins.add(made.alice.account.id, { cid, contentKey: key, origins: [] });
    await made.pins.beginFetch(key, 'ours');
    await made.pins.endFetch(key, { kind: 'pinned', sizeBytes: 1, blocks: 1 });
  }
  t.is(contentKey, root);
  return {
    ...made,
    root,
    cids,
    socketPath: gatewaySocket,
    intake: tier.intake,
    async ask(target, options = {}) {
      let ours: GatewayReply;
      let theirs: GatewayReply;
      let beganSecond: number;
      // kubo writes the hour into what it tars, to the nearest second.
      do {
        beganSecond = Math.round(Date.now() / 1000);
        ours = await read(made.url, target, { ...options, headers: { ...options.headers, ...made.alice.headers } });
        theirs = await readRaw(gatewaySocket, target, options);
      } while (target.endsWith('?format=tar') && Math.round(Date.now() / 1000) !== beganSecond);
      return { ours, theirs };
    },
  };
}

/** Kubo's own errors are text. */
async function readRaw(socketPath: string, target: string, { method = 'GET', headers = {} }: ReadOptions): Promise<GatewayReply> {
  const call = request({ socketPath, path: target, method, headers: { host: '127.0.0.1', ...headers }, agent: false }).end();
  const [response] = await once(call, 'response');
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  const body = Buffer.concat(parts);
  return { status: response.statusCode, headers: response.headers, body, text: body.toString(), reason: undefined, details: undefined };
}

async function addTree(socketPath: string, files: Record<string, Buffer>): Promise<Map<string, string>> {
  const form = new FormData();
  for (const [path, bytes] of Object.entries(files)) form.append('file', new Blob([Uint8Array.from(bytes)]), encodeURIComponent(path));
  const body = new Response(form);
  const path = '/api/v0/add?cid-version=1&wrap-with-directory=true&pin=true';
  const call = request({ socketPath, path, method: 'POST', headers: { 'content-type': body.headers.get('content-type') ?? '' } });
  call.end(Buffer.from(await body.arrayBuffer()));
  const [response] = await once(call, 'response');
  let text = '';
  for await (const part of response) text += part;
  const added = text
    .trim()
    .split('\n')
    .map((line): { Name: string; Hash: string } => JSON.parse(line));
  return new Map(added.map(({ Name, Hash }) => [Name, Hash]));
}

/** A UnixFS file of these leaves, which nobody has yet: its blocks in the order in which a reader needs them. */
async function fileOf(leaves: readonly Uint8Array[]): Promise<{ root: CID; blocks: { cid: CID; bytes: Uint8Array }[] }> {
  const kept = await Promise.all(leaves.map(async (bytes) => ({ cid: await cidOf(bytes, RAW), bytes })));
  const sizes = leaves.flatMap(({ length }) => [0x20, ...varint(length)]);
  const total = leaves.reduce((sum, { length }) => sum + length, 0);
  const bytes = encode({
    Data: Uint8Array.from([0x08, 0x02, 0x18, ...varint(total), ...sizes]),
    Links: kept.map(({ cid, bytes: { length } }) => ({ Hash: cid, Name: '', Tsize: length })),
  });
  const root = await cidOf(bytes, DAG_PB);
  return { root, blocks: [{ cid: root, bytes }, ...kept] };
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))];
}

const SAME_HEADERS = [
  'accept-ranges',
  'content-disposition',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'etag',
  'last-modified',
  'x-ipfs-path',
  'x-ipfs-roots',
];

function isSame(t: ExecutionContext, { ours, theirs }: { ours: GatewayReply; theirs: GatewayReply }, status: number, about: string): void {
  t.is(ours.status, status, about);
  t.is(theirs.status, status, about);
  t.true(ours.body.equals(theirs.body), `${about}: the bodies differ`);
  for (const name of SAME_HEADERS) t.is(ours.headers[name], theirs.headers[name], `${about}: ${name}`);
  const theirCaching = String(theirs.headers['cache-control'] ?? 'no-cache');
  t.is(ours.headers['cache-control'], theirCaching === 'no-cache' ? 'private, no-cache' : theirCaching.replace('public', 'private'));
}

test('files, directories, ranges and formats are to the byte what kubo gives', async (t) => {
  const { ask, root, cids } = await createBoth(t);
  const big = cids.get('big.bin') ?? '';
  const hello = cids.get('hello.txt') ?? '';
  const targets: [target: string, status: number, headers?: Record<string, string>][] = [
    [`/ipfs/${hello}`, 200],
    [`/ipfs/${root}/hello.txt`, 200],
    [`/ipfs/${root}/hello.txt/`, 200],
    [`/ipfs/${big}`, 200],
    [`/ipfs/${root}/`, 200],
    [`/ipfs/${root}/sub%20dir/`, 200],
    [`/ipfs/${root}/page/`, 200],
    [`/ipfs/${root}/sub%20dir/${encodeURIComponent('ä%b?c#d(1).txt')}`, 200],
    [`/ipfs/${root}/sub%20dir/empty`, 200],
    [`/ipfs/${IDENTITY}`, 200],
    [`/ipfs/${big}`, 206, { range: 'bytes=10-19' }],
    [`/ipfs/${big}`, 206, { range: 'bytes=2999990-' }],
    [`/ipfs/${big}`, 206, { range: 'bytes=-5' }],
    [`/ipfs/${big}`, 206, { range: 'bytes=0-1,262143-262145' }],
    [`/ipfs/${big}`, 200, { range: 'bytes=0-1', 'if-range': '"other"' }],
    [`/ipfs/${big}`, 206, { range: 'bytes=0-1', 'if-range': `"${big}"` }],
    [`/ipfs/${hello}?format=raw`, 200],
    [`/ipfs/${hello}`, 200, { accept: 'application/vnd.ipld.raw' }],
    [`/ipfs/${root}?format=car`, 200],
    [`/ipfs/${root}`, 200, { accept: 'application/vnd.ipld.car; version=1; order=dfs; dups=n' }],
    [`/ipfs/${root}/page/index.html?format=car&dag-scope=entity`, 200],
    [`/ipfs/${big}?format=car&dag-scope=entity&entity-bytes=0:10`, 200],
    [`/ipfs/${root}?format=tar`, 200],
    [`/ipfs/${hello}?format=json`, 200],
    [`/ipfs/${hello}?format=x`, 200],
    [`/ipfs/${hello}?download=true&filename=a%22b%20c.txt`, 200],
    [`/ipfs/${hello}`, 200, { accept: ';;;,,//garbage;q=x' }],
    [`/ipfs/${hello}`, 304, { 'if-none-match': `"${hello}"` }],
    [`/ipfs/${hello}`, 304, { 'if-none-match': `W/"${hello}", "x"` }],
    [`/ipfs/${root}?format=car`, 200, { 'if-none-match': '"x"' }],
    [`/ipfs/${hello.toUpperCase()}`, 200],
  ];
  for (const [target, status, headers = {}] of targets) {
    for (const method of ['GET', 'HEAD']) {
      isSame(t, await ask(target, { method, headers }), status, `${method} ${target} ${JSON.stringify(headers)}`);
    }
  }
});

test('a directory listing that is known already is a 304', async (t) => {
  const { ask, root } = await createBoth(t);
  const { ours } = await ask(`/ipfs/${root}/`);
  t.regex(ours.text, /hello\.txt/);
  isSame(t, await ask(`/ipfs/${root}/`, { headers: { 'if-none-match': String(ours.headers.etag) } }), 304, 'listing');
});

test('a directory without its slash is a redirect to it, with the whole query', async (t) => {
  const { ask, root } = await createBoth(t);
  for (const path of [root, `${root}/page`, `${root}/sub%20dir`]) {
    const { ours, theirs } = await ask(`/ipfs/${path}?filename=x`);
    t.is(ours.status, 301);
    t.is(ours.headers.location, theirs.headers.location);
    t.is(ours.headers.location, `/ipfs/${path}/?filename=x`);
  }
});

test('what kubo refuses is refused with its status and its words', async (t) => {
  const { ask, root, cids } = await createBoth(t);
  const big = cids.get('big.bin');
  for (const [target, status, reason, headers] of [
    [`/ipfs/${root}/nope`, 404, 'NOT_FOUND'],
    [`/ipfs/${root}/hello.txt/x`, 404, 'NOT_FOUND'],
    [`/ipfs/${root}?format=dag-json`, 406, 'NOT_ACCEPTABLE'],
    [`/ipfs/${root}?format=ipns-record`, 400, 'BAD_REQUEST'],
    [`/ipfs/${big}?format=car&dag-scope=x`, 400, 'BAD_REQUEST'],
    [`/ipfs/${big}`, 400, 'BAD_REQUEST', { range: 'lines=1-2' }],
    [`/ipfs/${big}`, 416, 'RANGE_NOT_SATISFIABLE', { range: 'bytes=3000000-' }],
  ] as const) {
    const { ours, theirs } = await ask(target, { headers: { ...headers } });
    t.is(ours.status, status, target);
    t.is(theirs.status, status, target);
    t.is(ours.reason, reason);
    t.is(ours.details, theirs.text.trim());
    t.is(ours.headers['content-range'], theirs.headers['content-range']);
  }
});

test('no spelling of a path reaches anything but what is below the CID', async (t) => {
  const { url, alice, root } = await createBoth(t);
  const get = (path: string) => read(url, `/ipfs/${root}/${path}`, { headers: alice.headers });
  for (const path of ['..', '.', '../../api/v0/id', '%2e%2e/x', 'page/%2e%2e', '..%2fx', 'page%2findex.html', '%00', 'a%0ab', '%ff']) {
    t.is((await get(path)).status, 400, path);
  }
  t.is((await get('/hello.txt')).text, 'hello world\n', 'a doubled slash is one');
  t.is((await get('%252e%252e')).status, 404);
  t.is((await get('a'.repeat(4_000))).status, 404);
});

test('a block that is missing in the middle is waited for, and the reply is whole', async (t) => {
  const { url, alice, pins, intake, retrieval, cold } = await createBoth(t);
  const leaves = [randomBytes(200_000), randomBytes(200_000)];
  const { root, blocks } = await fileOf(leaves);
  const key = root.toString();
  await pins.add(alice.account.id, { cid: key, contentKey: key, origins: [] });
  cold.add(key);
  const signal = new AbortController().signal;
  const reading = read(url, `/ipfs/${key}`, { headers: alice.headers });
  await poll('it is fetched', 5_000, () => retrieval.readings.length === 1);
  for (const { cid, bytes } of blocks) {
    await poll('kubo waits for it', 10_000, async () => (await intake.wanted(signal)).some((wanted) => wanted.equals(cid)));
    await intake.put(cid, bytes, signal);
  }
  const { status, body } = await reading;
  t.is(status, 200);
  t.true(body.equals(Buffer.concat(leaves)));
});

test('blocks that come at the very moment at which kubo begins to wait for them are read all the same', async (t) => {
  const { url, alice, pins, intake, cold } = await createBoth(t);
  const signal = new AbortController().signal;
  const order = createRandom(testSeed());
  const rounds = async (): Promise<void> => {
    for (let round = 0; round < 150; round++) {
      const leaves = [randomBytes(1_000), randomBytes(1_000), randomBytes(1_000)];
      const { root, blocks } = await fileOf(leaves);
      const key = root.toString();
      await pins.add(alice.account.id, { cid: key, contentKey: key, origins: [] });
      cold.add(key);
      const readings = [1, 2, 3].map(() => read(url, `/ipfs/${key}`, { headers: alice.headers }));
      for (const { cid, bytes } of blocks) {
        await delay(order.below(6));
        await intake.put(cid, bytes, signal);
      }
      for (const { status, body } of await Promise.all(readings)) {
        if (status !== 200 || !body.equals(Buffer.concat(leaves))) t.fail(`${status}: ${body}`);
      }
    }
  };
  await Promise.all([rounds(), rounds(), rounds(), rounds()]);
  t.pass();
});
