import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

import { createTestDir } from '../fixtures/create-store.ts';
import { type CliResult, runProgram } from '../fixtures/run-fbpd.ts';
import { ROOT } from '../tools/steps.ts';

/** What stands in for the daemon's command: says what it was given, or waits to be told to stop. */
const FBPD = `
type Words = readonly string[];
export async function run(args: Words): Promise<void> {
  if (args[0] === 'wait') {
    let heard = 0;
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { heard += 1; setTimeout(() => { console.log(signal, heard); process.exit(9); }, 300); });
    setInterval(() => {}, 1000);
    console.log('waiting');
    return;
  }
  if (args[0] === 'die') process.kill(process.pid, 'SIGKILL');
  console.log(JSON.stringify({ args, cwd: process.cwd(), major: Number(process.versions.node.split('.')[0]) }));
  process.exitCode = 3;
}
`;

interface Clone {
  root: string;
  run(args: readonly string[], options?: { node?: string; cwd?: string }): Promise<CliResult>;
  environment: NodeJS.ProcessEnv;
  /** The calls of npm so far. */
  npmCalls(): Promise<string[]>;
  lock(packages: object): Promise<void>;
}

/** As `git clone` leaves it, with an `npm` of ours before the real one: it notes its calls and installs what the lockfile says. */
async function createClone(t: ExecutionContext, npm = ''): Promise<Clone> {
  const root = await realpath(await createTestDir(t));
  const bin = join(root, 'bin');
  const calls = join(root, 'calls');
  for (const dir of ['daemon/cli', 'test/tools', 'bin']) await mkdir(join(root, dir), { recursive: true });
  await copyFile(join(ROOT, 'daemon/cli/bootstrap.mjs'), join(root, 'daemon/cli/bootstrap.mjs'));
  await writeFile(join(root, 'daemon/cli/fbpd.ts'), FBPD);
  await writeFile(join(root, 'test/tools/task.ts'), FBPD.replace('{ args,', "{ task: 'yes', args,"));
  await writeFile(join(root, 'package.json'), '{"type": "module"}');
  const install = `rm -rf node_modules; mkdir -p node_modules/.bin; ln -s ${process.execPath} node_modules/.bin/node; cp package-lock.json node_modules/.package-lock.json`;
  await writeFile(join(bin, 'npm'), `#!/bin/sh\necho "$@" >> ${calls}\n${npm === '' ? `sleep 0.3; ${install}` : npm}\n`);
  await chmod(join(bin, 'npm'), 0o755);
  const environment = { PATH: `${bin}${delimiter}/usr/bin${delimiter}/bin`, HOME: root };
  const lock = (packages: object) => writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }));
  await lock({ 'node_modules/a': { version: '1.0.0' } });
  return {
    root,
    environment,
    lock,
    run: (args, { node = process.execPath, cwd = '/' } = {}) =>
      runProgram(node, [join(root, 'daemon/cli/bootstrap.mjs'), ...args], { cwd, env: environment }),
    npmCalls: async () => (existsSync(calls) ? (await readFile(calls, 'utf8')).trim().split('\n') : []),
  };
}

/** A Node on this machine that is too old to run us; undefined where there is none. */
async function oldNode(): Promise<string | undefined> {
  const places = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'node'));
  for (const node of places.filter((place) => existsSync(place))) {
    const { stdout } = await promisify(execFile)(node, ['--version']);
    const [, major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
    if (major < 22 || (major === 22 && minor < 20)) return node;
  }
  return undefined;
}

function reply({ stdout }: CliResult): { args: string[]; cwd: string; major: number; task?: string } {
  return JSON.parse(stdout);
}

test('a fresh clone installs once, says so in one line, and goes on from any directory', async (t) => {
  const clone = await createClone(t);
  const first = await clone.run(['pins', '--x', 'a b'], { cwd: '/tmp' });
  t.is(first.code, 3);
  t.deepEqual(reply(first).args, ['pins', '--x', 'a b']);
  t.is(reply(first).cwd, await realpath('/tmp'));
  t.regex(first.stderr, /^fbpd: installing packages into .*node_modules \(about a minute\) …\n$/);
  const calls = await clone.npmCalls();
  t.is(calls.length, 1);
  t.regex(calls[0] ?? '', /^ci --ignore-scripts /);
  const second = await clone.run(['x']);
  t.is(second.stderr, '', 'nothing to say when nothing is missing');
  t.is((await clone.npmCalls()).length, 1);
  t.true(existsSync(join(clone.root, 'node_modules/.bin/fbpd')), 'npx fbpd finds it');
});

test('a lock that was left behind holds nobody up', async (t) => {
  const clone = await createClone(t, 'exit 1');
  const path = join(tmpdir(), `fbpd-install-${createHash('sha256').update(clone.root).digest('hex').slice(0, 16)}`);
  t.teardown(() => rm(path, { force: true }));
  for (const left of ['', '999999999']) {
    await writeFile(path, left);
    const { code, stderr } = await clone.run(['x']);
    t.is(code, 5, stderr);
    t.false(existsSync(path), 'a failed installation leaves none');
  }
  t.is((await clone.npmCalls()).length, 2);
});

test('a changed lockfile installs again', async (t) => {
  const clone = await createClone(t);
  await clone.run(['x']);
  await clone.lock({ 'node_modules/a': { version: '2.0.0' } });
  await clone.run(['x']);
  await clone.run(['x']);
  t.is((await clone.npmCalls()).length, 2);
});

test('what npm itself has installed is recognised', async (t) => {
  const clone = await createClone(t);
  await clone.run(['x']);
  await rm(join(clone.root, 'node_modules/.fbpd-installed'));
  t.is((await clone.run(['x'])).stderr, '');
  t.is((await clone.npmCalls()).length, 1);
});

test('development packages are only missed by development tasks', async (t) => {
  const clone = await createClone(t);
  await clone.run(['x']);
  await clone.lock({
    'node_modules/a': { version: '1.0.0' },
    'node_modules/d': { version: '1.0.0', dev: true },
    'node_modules/o': { version: '1.0.0', optional: true },
  });
  await clone.run(['serve']);
  t.is((await clone.npmCalls()).length, 1);
  const task = await clone.run(['task', 'check', '-v']);
  t.is((await clone.npmCalls()).length, 2);
  t.deepEqual(reply(task).args, ['check', '-v']);
  t.is(reply(task).task, 'yes');
});

test('two starts at once install once', async (t) => {
  const clone = await createClone(t);
  const results = await Promise.all([clone.run(['a']), clone.run(['b']), clone.run(['c'])]);
  t.deepEqual(
    results.map(({ code }) => code),
    [3, 3, 3],
  );
  t.is((await clone.npmCalls()).length, 1);
});

test('an install that fails ends with 5, and is tried again', async (t) => {
  const clone = await createClone(t, 'echo "no network" >&2; exit 7');
  const { code, stderr } = await clone.run(['x']);
  t.is(code, 5);
  t.regex(stderr, /no network\nfbpd: `npm ci` failed in .*; what it said stands above\n$/);
  await clone.run(['x']);
  t.is((await clone.npmCalls()).length, 2);
});

test('without npm it says so', async (t) => {
  const clone = await createClone(t);
  const { code, stderr } = await runProgram(process.execPath, [join(clone.root, 'daemon/cli/bootstrap.mjs')], {
    env: { PATH: '/nowhere' },
  });
  t.is(code, 5);
  t.regex(stderr, /npm could not be started .*; install npm and start again/);
});

test('an older Node goes on in the one that was installed: same words, same directory, same end', async (t) => {
  const node = await oldNode();
  if (node === undefined) return t.pass('no older Node here');
  const clone = await createClone(t);
  const result = await clone.run(['a', 'b c'], { node, cwd: '/tmp' });
  t.is(result.code, 3);
  t.deepEqual(reply(result).args, ['a', 'b c']);
  t.true(reply(result).major >= 22);
  t.is((await clone.run(['x'], { node })).stderr, '', 'no warnings');
});

test('an older Node without a newer one says what it needs', async (t) => {
  const node = await oldNode();
  if (node === undefined) return t.pass('no older Node here');
  const clone = await createClone(t);
  await clone.run(['x']);
  await rm(join(clone.root, 'node_modules/.bin/node'));
  const { code, stderr } = await clone.run(['x'], { node });
  t.is(code, 5);
  t.regex(stderr, /^fbpd: needs Node 22\.20 or later; this is [\d.]+, and none came with the packages for \w+-\w+\n$/);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`through an older Node, ${signal} arrives once, and its own end becomes ours`, async (t) => {
    const node = await oldNode();
    if (node === undefined) return t.pass('no older Node here');
    const clone = await createClone(t);
    await clone.run(['x']);
    const child = spawn(node, [join(clone.root, 'daemon/cli/bootstrap.mjs'), 'wait'], {
      env: clone.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = linesOf(child);
    t.is((await lines.next()).value, 'waiting');
    child.kill(signal);
    t.is((await lines.next()).value, `${signal} 1`);
    const [code] = await once(child, 'exit');
    t.is(code, 9);
  });
}

test('through an older Node, Ctrl-C at a terminal arrives once', async (t) => {
  const node = await oldNode();
  if (node === undefined || !existsSync('/usr/bin/script')) return t.pass('no older Node, or no script(1), here');
  const clone = await createClone(t);
  await clone.run(['x']);
  const command = `exec ${node} ${join(clone.root, 'daemon/cli/bootstrap.mjs')} wait`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: clone.environment, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = linesOf(child);
  t.is((await lines.next()).value, 'waiting');
  child.stdin.write('\x03');
  t.regex(String((await lines.next()).value), /SIGINT 1$/);
  const [code] = await once(child, 'exit');
  t.is(code, 9);
});

test('through an older Node, a death by signal is ours too', async (t) => {
  const node = await oldNode();
  if (node === undefined) return t.pass('no older Node here');
  const clone = await createClone(t);
  await clone.run(['x']);
  const child = spawn(node, [join(clone.root, 'daemon/cli/bootstrap.mjs'), 'die'], { env: clone.environment, stdio: 'ignore' });
  const [, signal] = await once(child, 'exit');
  t.is(signal, 'SIGKILL');
});

test('it works through a symbolic link, as npx makes one', async (t) => {
  const clone = await createClone(t);
  const link = join(clone.root, 'fbpd');
  await symlink(join(clone.root, 'daemon/cli/bootstrap.mjs'), link);
  t.deepEqual(reply(await runProgram(process.execPath, [link, 'x'], { env: clone.environment })).args, ['x']);
});

async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of stdout?.setEncoding('utf8') ?? []) {
    text += chunk;
    const lines = text.split(/\r?\n/);
    text = lines.pop() ?? '';
    yield* lines;
  }
}
