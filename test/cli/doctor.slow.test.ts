import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { createTestAdmin } from '../fixtures/create-admin.ts';
import { createTestDir } from '../fixtures/create-store.ts';
import { runFbpd } from '../fixtures/run-fbpd.ts';

interface Finding {
  about: string;
  state: 'ok' | 'warn' | 'fail';
  text: string;
}

type Examined = { code: number; find: (about: string) => Finding[]; dir: string };

/** The gateway's usual port may be somebody's, unless the config is about that. */
const freePort = (config: string): string => (config.includes('gateway.listen') ? '' : 'gateway.listen = "127.0.0.1:0"\n');

/** Runs the doctor over a config of these lines, with a program that says it is kubo 0.43.0 unless told otherwise. */
async function examine(t: ExecutionContext, config: string, kubo = 'echo 0.43.0', socket = 's'): Promise<Examined> {
  const dir = await createTestDir(t);
  const file = join(dir, 'fbpd.toml');
  const binary = join(dir, 'ipfs');
  await writeFile(binary, `#!/bin/sh\n${kubo}\n`);
  await chmod(binary, 0o755);
  await writeFile(file, `state.dir = "state"\nstate.min_free = "1B"\napi.admin_socket = "${socket}"\n${freePort(config)}${config}\n`);
  const { code, stdout } = await runFbpd(['doctor', '--json', '--config', file], {
    env: { ...process.env, KUBO_BINARY: binary, HOME: dir },
  });
  const findings = JSON.parse(stdout) as Finding[];
  return { code, dir, find: (about) => findings.filter((finding) => finding.about === about) };
}

test('where nothing is missing, all is ok and the code is 0', async (t) => {
  const { code, find, dir } = await examine(t, 'api.listen = "127.0.0.1:0"\nhot.swarm_port = 0');
  t.is(code, 0);
  t.like(find('state.dir')[0], { state: 'ok', text: `${join(dir, 'state')}: will be made` });
  t.like(find('kubo')[0], { state: 'ok', text: `0.43.0 at ${join(dir, 'ipfs')}, from $KUBO_BINARY` });
  t.like(find('api.admin_socket')[0], { state: 'ok', text: `${join(dir, 's')}: no daemon runs` });
  t.like(find('exposure')[0], { state: 'ok' });
  t.like(find('gateway')[0], { state: 'ok', text: 'contents are read with a token or a link' });
});

test('a port that is taken is named, and the code is 5', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const { code, find } = await examine(
    t,
    `api.listen = "127.0.0.1:${port}"\ngateway.listen = "127.0.0.1:0"\nhot.swarm_listen = ["127.0.0.1"]\nhot.swarm_port = ${port}`,
  );
  t.is(code, 5);
  for (const key of ['api.listen', 'hot.swarm_port']) {
    t.like(find(key)[0], { state: 'fail', text: `127.0.0.1:${port} is taken by another program; stop it, or choose another port` });
  }
});

test('too little room and tokens in the clear are warnings', async (t) => {
  const { code, find } = await examine(t, 'api.listen = "0.0.0.0:0"\nhot.swarm_port = 0');
  t.is(code, 0);
  t.like(find('exposure')[0], { state: 'warn' });
  t.regex(find('exposure')[0]?.text ?? '', /tokens can be read on the way; put a proxy with TLS before it/);
  const behindProxy = await examine(t, 'api.listen = "0.0.0.0:0"\napi.public_url = "https://pins.example.org"\nhot.swarm_port = 0');
  t.like(behindProxy.find('exposure')[0], { state: 'ok' });
});

for (const [what, config, text] of [
  ['is open to all', 'gateway.public = true', /everybody who reaches it can read all that is pinned here/],
  ['sends tokens in the clear', 'gateway.listen = "0.0.0.0:0"', /tokens and links can be read on the way/],
  [
    'is of the origin of the API',
    'api.public_url = "https://x.example/pins"\ngateway.public_url = "https://x.example"',
    /give the gateway a host of its own/,
  ],
  [
    'has no tier to read from',
    'hot.mode = "external"\nhot.rpc = "http://127.0.0.1:9"',
    /hot\.gateway is not set, so nothing can be read here/,
  ],
] as const) {
  test(`a gateway that ${what} is a warning`, async (t) => {
    const swarm = config.includes('external') ? '' : 'hot.swarm_port = 0';
    const { find } = await examine(t, `${config}\napi.listen = "127.0.0.1:0"\n${swarm}`);
    t.is(find('gateway')[0]?.state, 'warn');
    t.regex(find('gateway')[0]?.text ?? '', text);
  });
}

test('a disk with less than it should have is a warning that says what follows', async (t) => {
  const dir = await createTestDir(t);
  const file = join(dir, 'fbpd.toml');
  await writeFile(file, 'state.dir = "state"\nstate.min_free = "8000TiB"\napi.admin_socket = "s"\n');
  const { stdout } = await runFbpd(['doctor', '--config', file], { env: { ...process.env, KUBO_BINARY: '/bin/true' } });
  t.regex(stdout, /^warn +disk +.* free, state\.min_free is 7\.8 PiB: pins wait until there is room/m);
});

test('a state directory that cannot be made is a failure that says what to do', async (t) => {
  const { code, find, dir } = await examine(t, 'api.listen = "127.0.0.1:0"\nhot.swarm_port = 0\nstate.cache_dir = "ipfs/cache"');
  t.is(code, 5);
  t.like(find('state.cache_dir')[0], { state: 'fail' });
  t.regex(find('state.cache_dir')[0]?.text ?? '', /ipfs is not a directory; choose another path/);
  t.true(find('state.cache_dir')[0]?.text.startsWith(join(dir, 'ipfs/cache')));
});

for (const [what, kubo, text] of [
  ['does not run', 'exit 3', /does not run/],
  ['is too old', 'echo 0.30.0', /is kubo 0\.30\.0; 0\.43\.0 or later is needed/],
] as const) {
  test(`a kubo that was named and ${what} is a failure`, async (t) => {
    const { code, find } = await examine(t, 'api.listen = "127.0.0.1:0"\nhot.swarm_port = 0', kubo);
    t.is(code, 5);
    t.is(find('kubo')[0]?.state, 'fail');
    t.regex(find('kubo')[0]?.text ?? '', text);
  });
}

test('a running daemon is said, and its own ports are not held against it', async (t) => {
  const { socket } = await createTestAdmin(t);
  const { code, find } = await examine(t, '', 'echo 0.43.0', socket);
  t.is(code, 0);
  t.like(find('api.admin_socket')[0], { text: `${socket}: the daemon runs as process ${process.pid} at http://127.0.0.1:5080` });
  t.deepEqual(find('api.listen'), []);
});

interface FakeKubo {
  version: string;
  /** Undefined refuses to say. */
  config?: object;
  token?: string;
}

/** As much of somebody else's kubo as the doctor looks at. */
async function createFakeKubo(t: ExecutionContext, { version, config, token }: FakeKubo): Promise<string> {
  const server = createServer((req, res) => {
    const reply = req.url?.startsWith('/api/v0/version') ? { Version: version } : config;
    const denied = token !== undefined && req.headers.authorization !== `Bearer ${token}`;
    res.writeHead(denied || reply === undefined ? 403 : 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify(denied ? {} : reply));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `hot.mode = "external"\nhot.rpc = "http://127.0.0.1:${(server.address() as AddressInfo).port}"\napi.listen = "127.0.0.1:0"`;
}

const flatfs = (sync: boolean) => ({ Datastore: { Spec: { mounts: [{ child: { type: 'flatfs', sync } }] } } });

test('an external kubo that answers is examined for what a pin is worth there', async (t) => {
  const { code, find } = await examine(t, await createFakeKubo(t, { version: '0.43.1', config: flatfs(true) }));
  t.is(code, 0);
  t.like(find('hot.rpc')[0], { state: 'ok' });
  t.like(find('hot.rpc datastore')[0], { state: 'ok', text: 'blocks are synced when written' });
  t.regex(find('hot.rpc garbage')[0]?.text ?? '', /left to its owner/);
});

test('an external kubo that is old, does not sync, or will not say is warned of', async (t) => {
  const old = await examine(t, await createFakeKubo(t, { version: '0.30.0', config: flatfs(false) }));
  t.is(old.code, 0);
  t.is(old.find('hot.rpc')[0]?.state, 'warn');
  t.regex(old.find('hot.rpc datastore')[0]?.text ?? '', /after a power cut, pins that say pinned may have lost blocks/);
  const shy = await examine(t, await createFakeKubo(t, { version: '0.43.0' }));
  t.regex(shy.find('hot.rpc datastore')[0]?.text ?? '', /may not be read with our authorization/);
});

test('an external kubo that is away, or refuses our secret, is a failure', async (t) => {
  const away = await examine(t, 'hot.mode = "external"\nhot.rpc = "http://127.0.0.1:9"\napi.listen = "127.0.0.1:0"');
  t.is(away.code, 5);
  t.regex(away.find('hot.rpc')[0]?.text ?? '', /^http:\/\/127\.0\.0\.1:9 does not answer .*; pins wait until it does$/);
  const denied = await examine(t, await createFakeKubo(t, { version: '0.43.0', token: 'other' }));
  t.is(denied.code, 5);
  t.is(denied.find('hot.rpc')[0]?.state, 'fail');
});
