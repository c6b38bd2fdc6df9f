import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { createDaemon } from '../fixtures/create-daemon.ts';
import { createTestDir } from '../fixtures/create-store.ts';
import { poll } from '../fixtures/poll.ts';
import { ROOT } from '../tools/steps.ts';

const BOOTSTRAP = join(ROOT, 'daemon', 'cli', 'bootstrap.mjs');

test('the store is checked with the daemon running, stopped, and damaged meanwhile', async (t) => {
  const daemon = await createDaemon(t);
  await daemon.createToken('alice');
  const running = await daemon.cli('check');
  t.is(running.code, 0, running.stderr);
  t.regex(running.stderr, /^\d+ records, all intact\n$/);
  t.is(await daemon.stop(), 0);
  const stopped = await daemon.cli('check', '--json');
  t.is(stopped.code, 0, stopped.stderr);
  t.deepEqual(JSON.parse(stopped.stdout).problems, []);

  const store = join(daemon.stateDir, 'store');
  const log = (await readdir(store)).find((name) => name.endsWith('.log')) ?? '';
  const bytes = await readFile(join(store, log));
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await writeFile(join(store, log), bytes);
  const damaged = await daemon.cli('check');
  t.is(damaged.code, 6, damaged.stdout + damaged.stderr);
  t.regex(damaged.stderr, /^fbpd: .*\n$/, 'one line');
});

test('the status of a real daemon is complete', async (t) => {
  const daemon = await createDaemon(t);
  const { code, stdout } = await daemon.cli('status');
  t.is(code, 0);
  for (const name of ['endpoint', 'pins', 'hot tier', 'peer id', 'disk', 'state', 'cache', 'config', 'reconcilers']) {
    t.regex(stdout, new RegExp(`^${name}: +\\S`, 'm'));
  }
  t.true(stdout.includes(daemon.apiUrl()));
  t.regex((await daemon.cli('reconcile', 'audit')).stdout, /^audit: \d+ due, \d+ done, 0 failed\n$/);
  const unknown = await daemon.cli('reconcile', 'nothing');
  t.is(unknown.code, 1);
  t.regex(unknown.stderr, /there are hold, pin, release, audit, gc/);
});

/** A program in a directory of its own, to be found before the real one. */
async function createProgram(t: ExecutionContext, name: string, script: string): Promise<string> {
  const bin = join(await createTestDir(t), 'bin');
  await mkdir(bin);
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
  return bin;
}

/** A config in a directory of its own, everything on loopback and on any port. */
async function createConfig(t: ExecutionContext): Promise<string> {
  const file = join(await createTestDir(t), 'fbpd.toml');
  const hot = 'swarm_port = 0\nswarm_listen = ["127.0.0.1"]\npublic_network = false';
  await writeFile(
    file,
    `[state]\ndir = "state"\ncache_dir = "cache"\n[api]\nlisten = "127.0.0.1:0"\nadmin_socket = "s"\n[gateway]\nlisten = "127.0.0.1:0"\n[hot]\n${hot}\n`,
  );
  return file;
}

test('systemd is told when the daemon is ready, and not before', async (t) => {
  const config = await createConfig(t);
  const told = `${config}.told`;
  const bin = await createProgram(
    t,
    'systemd-notify',
    `echo "$@" $NOTIFY_SOCKET > ${told}; ls ${join(config, '..', 'state', 'endpoints.json')} >> ${told}`,
  );
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, NOTIFY_SOCKET: '/run/x' };
  const child = spawn(process.execPath, [BOOTSTRAP, 'serve', '--config', config], { env, stdio: 'ignore' });
  t.teardown(() => child.kill('SIGTERM'));
  await poll('systemd is told', 60_000, async () => (await readFile(told, 'utf8').catch(() => '')).split('\n').length > 2);
  t.regex(await readFile(told, 'utf8'), /^--ready \/run\/x\n.*endpoints\.json\n$/);
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.is(code, 0);
});

test('a daemon that is told to stop while it still looks for kubo does not wait for that', async (t) => {
  const config = await createConfig(t);
  // A kubo whose version takes longer to be said than anybody waits.
  const bin = await createProgram(t, 'ipfs', `touch ${config}.asked; exec sleep 19`);
  const child = spawn(process.execPath, [BOOTSTRAP, 'serve', '--config', config], {
    env: { ...process.env, KUBO_BINARY: join(bin, 'ipfs') },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    words += chunk;
  });
  await poll('kubo is asked', 30_000, () =>
    readFile(`${config}.asked`).then(
      () => true,
      () => false,
    ),
  );
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.is(code, 1);
  t.is(words, 'fbpd: stopped before it was ready\n');
});
