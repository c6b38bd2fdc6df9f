import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { EXIT } from '../../daemon/cli/exit.ts';
import { createCid } from '../fixtures/create-cid.ts';
import { createClient } from '../fixtures/create-client.ts';
import { createStoppedDaemon, type TestDaemon, type TestDaemonOptions } from '../fixtures/create-daemon.ts';
import { createTempDir, kuboBinary } from '../fixtures/create-kubo.ts';
import { managedKubo } from '../fixtures/managed-kubo.ts';

type Config = NonNullable<TestDaemonOptions['config']>;

const QUIET = { level: 'silent' };

/** One clear line, and the documented exit code. */
async function refuses(t: ExecutionContext, daemon: TestDaemon, code: number, line: RegExp): Promise<void> {
  const ended = await daemon.cli('serve');
  t.is(ended.code, code, ended.stderr);
  t.is(ended.stdout, '');
  t.regex(ended.stderr, /^fbpd: [^\n]+\n$/);
  t.regex(ended.stderr, line);
}

/** What lies there: names, sizes, content, permissions. */
async function lookAt(dir: string, skip = /^$/): Promise<string[]> {
  const names = (await readdir(dir, { recursive: true })).filter((name) => !skip.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { mode, size } = await stat(join(dir, name));
      const isFile = (mode & 0o170_000) === 0o100_000;
      const content = isFile
        ? createHash('sha256')
            .update(await readFile(join(dir, name)))
            .digest('hex')
        : '';
      return `${name} ${mode.toString(8)} ${isFile ? size : ''} ${content}`;
    }),
  );
}

const REFUSED: readonly [what: string, code: number, line: RegExp, config: Config][] = [
  ['an unknown key', EXIT.badConfig, /limits\.dag_bites.*dag_bytes/, { limits: { dag_bites: '1GiB' } }],
  ['an unknown section', EXIT.badConfig, /limit\b/, { limit: { dag_bytes: '1GiB' } }],
  ['a bad size', EXIT.badConfig, /limits\.dag_bytes.*31 gigs/, { limits: { dag_bytes: '31 gigs' } }],
  [
    'a contradiction',
    EXIT.badConfig,
    /limits\.stall_timeout .*limits\.pin_timeout/,
    { limits: { stall_timeout: '2d', pin_timeout: '1d' } },
  ],
  ['no such kubo', EXIT.environment, /hot\.binary.*\/nowhere\/ipfs/, { hot: { binary: '/nowhere/ipfs' } }],
];

for (const [what, code, line, config] of REFUSED) {
  test(`${what}: refused in one line, and nothing is made`, async (t) => {
    const daemon = await createStoppedDaemon(t, { config: { log: QUIET, ...config } });
    const before = await lookAt(daemon.dir);
    await refuses(t, daemon, code, line);
    t.deepEqual(await lookAt(daemon.dir), before);
  });
}

test('an occupied port: refused in one line, and nothing is made', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const daemon = await createStoppedDaemon(t, { config: { log: QUIET, api: { listen: `127.0.0.1:${port}` } } });
  const before = await lookAt(daemon.dir);
  await refuses(t, daemon, EXIT.environment, new RegExp(`api\\.listen: cannot listen on 127\\.0\\.0\\.1:${port}.*EADDRINUSE`));
  t.deepEqual(await lookAt(daemon.dir), before);
});

test('a state directory that cannot be: refused in one line, and nothing is made', async (t) => {
  const daemon = await createStoppedDaemon(t, { config: { log: QUIET } });
  await writeFile(daemon.stateDir, 'a file is in its place');
  const before = await lookAt(daemon.dir);
  await refuses(t, daemon, EXIT.environment, /state\.dir: \S+ cannot be used \(EEXIST/);
  t.deepEqual(await lookAt(daemon.dir), before);
});

test('a state directory of somebody else: refused in one line, and nothing is made', async (t) => {
  const readable = join(await createTempDir(t), 'ipfs');
  await copyFile(kuboBinary(), readable);
  await chmod(dirname(readable), 0o755);
  const daemon = await createStoppedDaemon(t, { config: { log: QUIET, hot: { binary: readable } } });
  await mkdir(daemon.stateDir, { mode: 0o000 });
  await chmod(daemon.dir, 0o755);
  const before = await lookAt(daemon.dir, /^state/);
  // Root may read everything, so somebody else must try.
  // It may not write what coverage is measured with, either.
  const nobody = ['env', '-u', 'NODE_V8_COVERAGE', 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const wrapper = process.getuid?.() === 0 ? nobody : [];
  await t.throwsAsync(daemon.start({ wrapper }));
  t.deepEqual(await daemon.exited(), { code: EXIT.environment, signal: null }, daemon.log());
  t.regex(daemon.log(), /^fbpd: state\.dir: \S+ cannot be used \(EACCES[^\n]*\n$/);
  t.deepEqual(await lookAt(daemon.dir, /^state/), before);
  await chmod(daemon.stateDir, 0o755);
  t.deepEqual(await readdir(daemon.stateDir), []);
});

test.serial("a kubo that won't start: its own words in one line; with a better one the next start succeeds", async (t) => {
  const daemon = await createStoppedDaemon(t, { config: { log: QUIET, hot: { binary: 'ipfs' } } });
  const binary = join(daemon.dir, 'ipfs');
  const program = (last: string) => `#!/bin/sh\ncase "$*" in *" daemon "*) ${last};; esac\nexec '${kuboBinary()}' "$@"\n`;
  await writeFile(binary, program('echo "Error: the moon is full" >&2; exit 1'), { mode: 0o755 });
  await refuses(t, daemon, EXIT.environment, /kubo did not start: .*exit code 1.*the moon is full/);
  t.deepEqual(await managedKubo(daemon.stateDir).processes(), []);
  await writeFile(binary, program(':'));
  await t.notThrowsAsync(daemon.start());
});

test.serial('a second daemon on the same state: refused in one line, and the first goes on', async (t) => {
  const daemon = await createStoppedDaemon(t, { config: { log: QUIET } });
  await daemon.start();
  const kubo = managedKubo(daemon.stateDir);
  const [pid, processes] = [daemon.pid(), await kubo.processes()];
  await refuses(t, daemon, EXIT.environment, /another (process|daemon)/);
  t.deepEqual(await kubo.processes(), processes);
  t.is(daemon.pid(), pid);
  const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
  await t.notThrowsAsync(client.add({ cid: createCid('still accepted').toString() }));
});

const DAMAGES: readonly [what: string, line: RegExp, damage: (stateDir: string) => Promise<void>][] = [
  ['with a byte flipped in its log', /store: .*\.log cannot be read from byte \d+ on.*[Rr]estore/, flipByte],
  ['that has vanished', /store has vanished/, (dir) => rm(join(dir, 'store'), { recursive: true })],
  ['without its CURRENT', /CURRENT of the store has vanished/, (dir) => rm(join(dir, 'store', 'CURRENT'))],
  ['whose sentinel is gone', /store\.json is gone/, (dir) => rm(join(dir, 'store.json'))],
];

for (const [what, line, damage] of DAMAGES) {
  test.serial(`a store ${what}: refused in one line, with nothing changed and no kubo left running`, async (t) => {
    const daemon = await createStoppedDaemon(t, { config: { log: QUIET } });
    await daemon.start();
    const client = createClient(daemon.apiUrl, await daemon.createToken('ada'));
    for (let index = 0; index < 20; index += 1) await client.add({ cid: createCid(`${what} ${index}`).toString() });
    await daemon.stop();
    await damage(daemon.stateDir);
    // LevelDB's lock and its own talk are no data; kubo's repo is another matter.
    const aside = /^(kubo\b|store\/(LOCK|LOG|LOG\.old)$)/;
    const before = await lookAt(daemon.stateDir, aside);
    await refuses(t, daemon, EXIT.storeDamaged, line);
    t.deepEqual(await lookAt(daemon.stateDir, aside), before);
    t.deepEqual(await managedKubo(daemon.stateDir).processes(), []);
    t.is((await daemon.cli('check')).code, EXIT.storeDamaged);
  });
}

async function flipByte(stateDir: string): Promise<void> {
  const dir = join(stateDir, 'store');
  const [log = ''] = (await readdir(dir)).filter((name) => name.endsWith('.log'));
  const bytes = await readFile(join(dir, log));
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0x40;
  await writeFile(join(dir, log), bytes);
}
