import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';

import { findKubosOf } from '../../daemon/hot/kubo-leftover.ts';
import { kuboFiles } from '../../daemon/hot/kubo-repo.ts';
import { createClient } from '../fixtures/create-client.ts';
import { type Clone, createClone, editConfig, listFiles, type RunningStart } from '../fixtures/create-clone.ts';
import { createDaemon } from '../fixtures/create-daemon.ts';
import { createKubo, kuboBinary } from '../fixtures/create-kubo.ts';
import { freePort } from '../fixtures/free-port.ts';
import { poll } from '../fixtures/poll.ts';

const DEFAULT_PORT = 5080;
const TOKEN = /\bfbp_[1-9A-HJ-NP-Za-km-z]+\b/g;

/** Takes the port unless somebody else has it, which is as good. */
async function occupy(t: ExecutionContext, port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => undefined);
  t.teardown(() => server.close());
}

/** A clone whose config was made by a start that found its port taken, and was then changed to ports that are free. */
async function createStartableClone(t: ExecutionContext): Promise<Clone> {
  const clone = await createClone(t);
  await occupy(t, DEFAULT_PORT);
  const refused = await clone.shell('npm start');
  t.is(refused.code, 5);
  const [line = '', ...others] = refused.stderr.split('\n').filter((one) => one !== '' && !one.startsWith('npm error'));
  t.regex(line, /^fbpd: api\.listen: cannot listen on 127\.0\.0\.1:5080 .*; stop what has it, or choose another$/);
  t.deepEqual(others, []);
  t.deepEqual(await readdir(join(clone.dir, '.fbpd')), ['fbpd.toml'], 'nothing is half made');
  await editConfig(join(clone.dir, '.fbpd', 'fbpd.toml'), {
    'api.listen': '127.0.0.1:0',
    'gateway.listen': '127.0.0.1:0',
    'hot.swarm_port': 0,
    'hot.swarm_listen': ['127.0.0.1'],
    'hot.public_network': false,
  });
  return clone;
}

/** What it wrote into the terminal, without npm's two lines about the script. */
function said(start: RunningStart): string {
  return start.stdout().replaceAll(/^> .*\n/gm, '');
}

function field(start: RunningStart, name: string): string {
  return new RegExp(`^${name}: +(.*)$`, 'm').exec(start.stdout())?.[1] ?? '';
}

/** The lines to paste. */
function commandsIn(start: RunningStart, program: string): string[] {
  return [...said(start).matchAll(new RegExp(`${program} .*$`, 'gm'))].map(([line]) => line.trim());
}

function tokensIn(text: string): number {
  return text.match(TOKEN)?.length ?? 0;
}

async function assertEnded(t: ExecutionContext, stateDir: string): Promise<void> {
  t.deepEqual(await findKubosOf(kuboFiles(stateDir).repo), [], 'no kubo is left');
  t.false(existsSync(join(stateDir, 'endpoints.json')), 'it was taken down in order');
}

test('as a new user: start, paste the lines, stop, start again', async (t) => {
  t.timeout(300_000);
  const clone = await createStartableClone(t);
  const filesBefore = await clone.files();

  const first = clone.start();
  await first.until(/How it goes: .*\n/);
  t.is(first.stderr(), '', 'no warnings');
  t.notRegex(first.stdout(), /warn|deprecat|experimental/i);
  const endpoint = field(first, 'endpoint');
  t.regex(endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
  t.is(field(first, 'state'), join(clone.dir, '.fbpd'));
  t.is(field(first, 'config'), join(clone.dir, '.fbpd', 'fbpd.toml'));
  t.is(field(first, 'cache'), join(clone.home, '.cache', 'fbpd'));
  const tokens = new Set(first.stdout().match(TOKEN));
  t.is(tokens.size, 1);
  const [token = ''] = tokens;

  const kubo = await createKubo(t);
  const bin = join(clone.home, '..', 'bin');
  await mkdir(bin);
  await symlink(kuboBinary(), join(bin, 'ipfs'));
  const shell = { PATH: `${bin}:${clone.environment.PATH}`, IPFS_PATH: kubo.repo, HOME: kubo.repo };
  const lines = commandsIn(first, 'ipfs pin remote');
  t.is(lines.length, 3, lines.join('\n'));
  t.is(lines[0], `ipfs pin remote service add fbpd ${endpoint} ${token}`);
  let output = '';
  for (const line of lines) {
    const { code, stdout, stderr } = await clone.shell(line, shell);
    t.is(code, 0, `${line}\n${stderr}`);
    output = stdout;
  }
  t.regex(output, /^\S+\s+pinned\s+hello$/m, 'the last line lists what the one before has pinned');

  const [curl = ''] = commandsIn(first, 'curl');
  const readBack = await clone.shell(curl, shell);
  t.is(readBack.stdout, 'hello from fbpd\n', readBack.stderr);

  const [another = '', status = '', explain = ''] = commandsIn(first, 'npx fbpd');
  await poll('it is cold', 120_000, async () => (await clone.shell(explain)).stdout.includes('3 of 3 copies active'));
  t.regex((await clone.shell('npx fbpd wallet')).stdout, /added +1 FIL/, 'its escrow was filled for that');
  const made = await clone.shell(another);
  t.is(made.code, 0, made.stderr);
  t.is(tokensIn(made.stdout), 1, another);
  t.not(made.stdout.trim(), token);
  t.regex((await clone.shell(status)).stdout, /1 pinned/);

  await first.interrupt();
  t.is(first.stderr(), '');
  await assertEnded(t, field(first, 'state'));

  const second = clone.start();
  await second.until(/How it goes: .*\n/);
  t.is(second.stderr(), '');
  t.is(tokensIn(second.stdout()), 0, 'a token is shown once');
  t.true(second.stdout().includes(another), 'but how to make one is said again');
  const client = createClient(() => field(second, 'endpoint'), token);
  t.is((await client.list('status=pinned')).count, 1);
  await second.interrupt();
  await assertEnded(t, field(first, 'state'));

  t.deepEqual(await clone.files(), filesBefore, 'nothing but .fbpd was written in the clone');
  t.deepEqual(
    (await readdir(clone.home)).filter((name) => name !== '.npm' && name !== '.cache'),
    [],
  );
  t.deepEqual(existsSync(join(clone.home, '.cache')) ? await readdir(join(clone.home, '.cache')) : [], []);
  t.deepEqual(await listFiles(clone.tmp), []);
});

test('a Ctrl-C that npm passes on once more is still one, and ends it in order', async (t) => {
  const daemon = await createDaemon(t);
  process.kill(daemon.pid(), 'SIGINT');
  await setTimeout(5);
  process.kill(daemon.pid(), 'SIGINT');
  t.deepEqual(await daemon.exited(), { code: 0, signal: null });
  await assertEnded(t, daemon.stateDir);
});

test('behind public addresses the daemon listens where it was told to, and names the public ones', async (t) => {
  const [api, gateway] = [await freePort(), await freePort()];
  const daemon = await createDaemon(t, {
    config: {
      api: { listen: `127.0.0.1:${api}`, public_url: 'https://pins.example.org' },
      gateway: { listen: `127.0.0.1:${gateway}`, public_url: 'https://read.example.org' },
    },
  });
  t.is(daemon.apiUrl(), 'https://pins.example.org');
  t.is(daemon.gatewayUrl(), 'https://read.example.org');
  t.is((await fetch(`http://127.0.0.1:${api}/readyz`)).status, 200);
  t.is((await fetch(`http://127.0.0.1:${gateway}/healthz`)).status, 200);
});
