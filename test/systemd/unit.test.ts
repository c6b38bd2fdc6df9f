import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { parseConfig } from '../../daemon/config.ts';
import { createTestDir } from '../fixtures/create-store.ts';
import { runProgram } from '../fixtures/run-fbpd.ts';
import { ROOT } from '../tools/steps.ts';

const SYSTEMD = join(ROOT, 'systemd');
const UNIT = join(SYSTEMD, 'fbpd.service');
const NEEDED_UNITS = ['sysinit.target', 'basic.target', 'shutdown.target', 'network-online.target', 'multi-user.target'];

/** Node's own `PATH` has our tools first; systemd's live here. */
const here = (program: string) => ['/usr/bin', '/bin'].map((dir) => join(dir, program)).find((path) => existsSync(path));
const testWith = (program: string) => (here(program) === undefined ? test.skip : test);

/** An installed system as far as systemd looks at it. */
async function createRoot(t: ExecutionContext, unit: string): Promise<string> {
  const root = await createTestDir(t);
  const put = async (path: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
  for (const name of NEEDED_UNITS) await put(`usr/lib/systemd/system/${name}`, `[Unit]\nDescription=${name}\n`);
  await put('usr/lib/systemd/system/fbpd.service', unit);
  await put('usr/lib/fbpd/node_modules/.bin/node', '', 0o755);
  await put('usr/lib/fbpd/daemon/cli/bootstrap.mjs', '', 0o755);
  await put('etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  await put('etc/group', 'root:x:0:\n');
  return root;
}

async function verify(t: ExecutionContext, unit: string): Promise<{ code: number; stderr: string }> {
  const root = await createRoot(t, unit);
  return runProgram(here('systemd-analyze') ?? '', ['verify', `--root=${root}`, 'fbpd.service'], { env: {} });
}

testWith('systemd-analyze')('systemd accepts the unit without a word', async (t) => {
  t.like(await verify(t, await readFile(UNIT, 'utf8')), { code: 0, stderr: '' });
});

testWith('systemd-analyze')('it would say if it did not', async (t) => {
  const unit = await readFile(UNIT, 'utf8');
  t.regex((await verify(t, unit.replace('Restart=on-failure', 'Restart=sometimes'))).stderr, /Failed to parse service restart specifier/);
  t.regex((await verify(t, unit.replace('[Install]', 'Colour=red\n[Install]'))).stderr, /Unknown key 'Colour'/);
});

testWith('systemd-analyze')('the service is shut in: at most 2.0 of 10 by systemd’s own measure', async (t) => {
  const { code, stdout } = await runProgram(
    here('systemd-analyze') ?? '',
    ['security', '--offline=true', '--threshold=20', '--no-pager', UNIT],
    { env: {} },
  );
  t.log(stdout.trim().split('\n').at(-1)?.trim());
  t.is(code, 0);
});

testWith('systemd-sysusers')('the user and the group of the service are made', async (t) => {
  const root = await createRoot(t, '');
  const { code, stderr } = await runProgram(here('systemd-sysusers') ?? '', [`--root=${root}`, join(SYSTEMD, 'fbpd.sysusers')], {
    env: {},
  });
  t.is(code, 0, stderr);
  const unit = await readFile(UNIT, 'utf8');
  for (const [key, file] of [
    ['User', 'etc/passwd'],
    ['Group', 'etc/group'],
  ] as const) {
    const name = new RegExp(`^${key}=(.+)$`, 'm').exec(unit)?.[1] ?? '?';
    t.regex(await readFile(join(root, file), 'utf8'), new RegExp(`^${name}:`, 'm'));
  }
});

testWith('systemd-tmpfiles')('the directory of the config is made', async (t) => {
  const root = await createRoot(t, '');
  const rules = join(root, 'fbpd.conf');
  await copyFile(join(SYSTEMD, 'fbpd.tmpfiles'), rules);
  const { code, stderr } = await runProgram(here('systemd-tmpfiles') ?? '', [`--root=${root}`, '--create', rules], { env: {} });
  if (process.getuid?.() !== 0) {
    t.pass('only root may make what belongs to root');
    return;
  }
  t.is(code, 0, stderr);
  t.is((await stat(join(root, 'etc/fbpd'))).mode & 0o777, 0o755);
});

test('what systemd makes for the service is what the config has by default', async (t) => {
  const unit = await readFile(UNIT, 'utf8');
  const config = parseConfig(await readFile(join(SYSTEMD, 'fbpd.toml'), 'utf8'), {
    file: '/etc/fbpd/fbpd.toml',
    variables: { CACHE_DIRECTORY: '/var/cache/fbpd' },
  });
  const named = (key: string) => new RegExp(`^${key}=(.+)$`, 'm').exec(unit)?.[1];
  t.is(config.state.dir, `/var/lib/${named('StateDirectory')}`);
  t.is(config.state.cacheDir, `/var/cache/${named('CacheDirectory')}`);
  t.is(dirname(config.api.adminSocket), `/run/${named('RuntimeDirectory')}`);
  t.true(named('ExecStart')?.endsWith(`serve --config ${config.file}`));
});
