import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import test, { type ExecutionContext } from 'ava';

import { createDaemon, type TestDaemon } from '../fixtures/create-daemon.ts';
import { createTempDir, kuboBinary } from '../fixtures/create-kubo.ts';
import { runProgram } from '../fixtures/run-fbpd.ts';
import { ROOT } from '../tools/steps.ts';

const SAME_AS_OURS = ['--cid-version=1', '--raw-leaves', '--chunker=size-1048576', '--max-file-links=1024', '--pin=false'];

interface PinBody {
  requestId: string;
  cid: string;
  status: string;
  name?: string;
}

/** A daemon with one account, and a directory to work in. */
async function createBox(
  t: ExecutionContext,
  limits: Record<string, unknown> = {},
): Promise<{ daemon: TestDaemon; dir: string; add(...args: string[]): Promise<PinBody> }> {
  const daemon = await createDaemon(t, { config: { limits } });
  await daemon.admin('POST', '/admin/accounts', { name: 'ada' });
  const dir = await createTempDir(t);
  return {
    daemon,
    dir,
    async add(...args) {
      const { code, stdout, stderr } = await daemon.cli('pins', 'add', ...args, '--wait', '--json');
      t.is(code, 0, stderr);
      t.is(stderr, '');
      return JSON.parse(stdout);
    },
  };
}

/** What `ipfs add` makes of it. */
async function cidBy(repoDir: string, ...args: string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: repoDir, IPFS_PATH: join(repoDir, 'repo'), IPFS_TELEMETRY: 'off' };
  await promisify(execFile)(kuboBinary(), ['init', '--empty-repo', '--profile=test'], { env }).catch(() => undefined);
  const { stdout } = await promisify(execFile)(kuboBinary(), ['add', '--quieter', ...SAME_AS_OURS, ...args], { env });
  return stdout.trim();
}

async function treeOf(dir: string, below = ''): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await readdir(join(dir, below))).sort()) {
    const path = join(below, name);
    const found = await lstat(join(dir, path));
    if (found.isDirectory()) Object.assign(tree, { [path]: 'directory' }, await treeOf(dir, path));
    else
      tree[path] = found.isSymbolicLink() ? `→ ${await readlink(join(dir, path))}` : (await readFile(join(dir, path))).toString('base64');
  }
  return tree;
}

test('a file comes back as the same bytes, under the CID that ipfs gives it', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  for (const [name, bytes] of [
    ['empty', Buffer.alloc(0)],
    ['small & odd "name"+%41.txt', Buffer.from('hello')],
    ['large', randomBytes(5_000_000)],
  ] as const) {
    const file = join(dir, name);
    await writeFile(file, bytes);
    const pin = await add(file, '--name', name);
    t.like(pin, { status: 'pinned', name, cid: await cidBy(await createTempDir(t), file) });
    const target = `${file}.back`;
    const got = await daemon.cli('get', pin.cid, '-o', target);
    t.is(got.code, 0, got.stderr);
    t.is(got.stdout, `${target}\n`);
    t.is(Buffer.compare(await readFile(target), bytes), 0);
  }
  t.deepEqual(
    (await readdir(dir)).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('a directory comes back as it was, hidden files, empty directories and links within it included', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  const tree = join(dir, 'tree');
  await mkdir(join(tree, 'a', 'deeper'), { recursive: true });
  await mkdir(join(tree, 'empty'));
  await writeFile(join(tree, '.hidden'), 'hidden');
  await writeFile(join(tree, 'ünï ☃'), 'snow');
  await writeFile(join(tree, 'a', 'one'), randomBytes(1_500_000));
  await writeFile(join(tree, 'a', 'deeper', 'none'), '');
  await symlink('../a/one', join(tree, 'a', 'to one'));
  await symlink('a', join(tree, 'to a'));
  const pin = await add(tree);
  t.is(pin.cid, await cidBy(await createTempDir(t), '--recursive', '--hidden', tree));
  const back = join(dir, 'back');
  t.is((await daemon.cli('get', pin.cid, '-o', back)).code, 0);
  t.deepEqual(await treeOf(back), await treeOf(tree));

  const below = await daemon.cli('get', `/ipfs/${pin.cid}/a/deeper`, '-o', dir, '--json');
  t.is(below.code, 0, below.stderr);
  t.deepEqual(JSON.parse(below.stdout), { cid: pin.cid, path: 'a/deeper', target: join(dir, 'deeper') });
  t.deepEqual(await readdir(join(dir, 'deeper')), ['none']);
  const one = await daemon.cli('get', `${pin.cid}/ünï ☃`, '-o', '-');
  t.is(one.stdout, 'snow');
  const whole = await daemon.cli('get', pin.cid, '-o', '-');
  t.like(whole, { code: 2, stdout: '' });
  t.regex(whole.stderr, /^fbpd: this is a directory, and only one file can be written there/);
  for (const output of ['-', join(dir, 'link')]) {
    const link = await daemon.cli('get', `${pin.cid}/to a`, '-o', output, '--skip-links');
    t.like(link, { code: 7, stdout: '' });
    t.is(link.stderr, 'fbpd: this is a link to a and no file; name what it leads to by its own path\n');
  }
});

test('links that lead out are sent as links, and not made when they are fetched', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  await writeFile(join(dir, 'secret'), 'not for others');
  const tree = join(dir, 'tree');
  await mkdir(tree);
  await writeFile(join(tree, 'file'), 'file');
  await symlink('../secret', join(tree, 'out'));
  const pin = await add(tree);
  const refused = await daemon.cli('get', pin.cid, '-o', join(dir, 'back'));
  t.is(refused.code, 7);
  t.regex(refused.stderr, /out is a link to \.\.\/secret/);
  t.deepEqual((await readdir(dir)).sort(), ['secret', 'tree']);
  const left = await daemon.cli('get', pin.cid, '-o', join(dir, 'back'), '--skip-links');
  t.is(left.code, 0, left.stderr);
  t.regex(left.stderr, /left out, as it leads elsewhere: out/);
  t.deepEqual(await readdir(join(dir, 'back')), ['file']);
});

test('what is there is not written over unless that is asked for, and never a directory', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  const file = join(dir, 'file');
  await writeFile(file, 'as it was');
  const { cid } = await add(file);
  await writeFile(file, 'as it is');
  const refused = await daemon.cli('get', cid, '-o', file);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /--force/);
  t.is(await readFile(file, 'utf8'), 'as it is');
  t.is((await daemon.cli('get', cid, '-o', file, '--force')).code, 0);
  t.is(await readFile(file, 'utf8'), 'as it was');
  await mkdir(join(dir, cid));
  t.is((await daemon.cli('get', cid, '-o', dir, '--force')).code, 1);
  t.is((await daemon.cli('get', cid, '-o', join(dir, 'nowhere', 'x'))).code, 1);
});

test('a pipe, a device and a link stay what they are: what is fetched is written into them', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  const file = join(dir, 'file');
  await writeFile(file, 'what is fetched');
  const { cid } = await add(file);
  const tree = join(dir, 'tree');
  await mkdir(tree);
  await writeFile(join(tree, 'file'), 'file');
  const { cid: treeCid } = await add(tree);
  const pipe = join(dir, 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  const refused = await daemon.cli('get', cid, '-o', pipe);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /pipe is there and is no file; --force writes into it/);
  const [got, read] = await Promise.all([daemon.cli('get', cid, '-o', pipe, '--force'), readFile(pipe, 'utf8')]);
  t.is(got.code, 0, got.stderr);
  t.is(read, 'what is fetched');
  t.true((await lstat(pipe)).isFIFO());
  t.is((await daemon.cli('get', cid, '-o', '/dev/null', '--force')).code, 0);
  t.true((await lstat('/dev/null')).isCharacterDevice());
  const directory = await daemon.cli('get', treeCid, '-o', '/dev/null', '--force');
  t.is(directory.code, 2);
  t.regex(directory.stderr, /this is a directory/);
  if (process.platform === 'linux') {
    const full = await daemon.cli('get', cid, '-o', '/dev/full', '--force');
    t.is(full.code, 5);
    t.regex(full.stderr, /^fbpd: \/dev\/full cannot be written: ENOSPC/);
    const toStdout = `${process.execPath} ${join(ROOT, 'daemon/cli/bootstrap.mjs')} get ${cid} -o - --config ${daemon.configFile} >/dev/full`;
    const fullStdout = await runProgram('/bin/sh', ['-c', toStdout], {});
    t.is(fullStdout.code, 5);
    t.regex(fullStdout.stderr, /^fbpd: standard output cannot be written: ENOSPC.*\n$/);
  }

  await writeFile(file, 'as it is');
  const link = join(dir, 'link');
  await symlink('file', link);
  t.is((await daemon.cli('get', cid, '-o', link)).code, 1);
  t.is((await daemon.cli('get', cid, '-o', link, '--force')).code, 0);
  t.is(await readlink(link), 'file');
  t.is(await readFile(file, 'utf8'), 'what is fetched');
  await symlink('nowhere', join(dir, 'dangling'));
  const dangling = await daemon.cli('get', cid, '-o', join(dir, 'dangling'), '--force');
  t.is(dangling.code, 1);
  t.regex(dangling.stderr, /dangling is a link that leads nowhere/);
});

test('what cannot be sent is named before anything is', async (t) => {
  const { daemon, dir } = await createBox(t);
  const tree = join(dir, 'tree');
  await mkdir(tree);
  await promisify(execFile)('mkfifo', [join(tree, 'pipe')]);
  const pipe = await daemon.cli('pins', 'add', tree);
  t.is(pipe.code, 1);
  t.regex(pipe.stderr, /tree\/pipe is a pipe/);
  const none = await daemon.cli('pins', 'add', join(dir, 'no-such'));
  t.is(none.code, 2);
  t.regex(none.stderr, /neither a file or directory here nor a CID/);
  const odd = join(dir, 'odd');
  await mkdir(odd);
  await writeFile(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xff, 0xfe])]), '');
  t.regex((await daemon.cli('pins', 'add', odd)).stderr, /not UTF-8/);
  if (process.getuid?.() !== 0) {
    const file = join(dir, 'locked');
    await writeFile(file, '');
    await chmod(file, 0);
    t.regex((await daemon.cli('pins', 'add', file)).stderr, /locked: no permission/);
  }
  t.is((await daemon.cli('pins', 'add', dir, '--meta', 'a=b')).code, 2);
  t.is((await daemon.cli('pins', 'add', tree, '--account', 'nobody')).code, 1);
});

test('a file that grows while it is sent is no pin', async (t) => {
  const { daemon, dir } = await createBox(t);
  const file = join(dir, 'growing');
  await writeFile(file, randomBytes(20_000_000));
  let grows = true;
  const growing = (async () => {
    while (grows) await writeFile(file, 'more', { flag: 'a' });
  })();
  const { code, stderr } = await daemon.cli('pins', 'add', file);
  grows = false;
  await growing;
  t.is(code, 1);
  t.regex(stderr, /growing changed while it was sent/);
  const { body } = await daemon.admin('GET', '/admin/pins');
  t.like(body, { count: 0 });
});

test('more than one pin may have is refused before it is sent', async (t) => {
  const { daemon, dir } = await createBox(t, { dag_bytes: '1MiB', dag_blocks: 100 });
  const file = join(dir, 'large');
  const handle = await open(file, 'w');
  // Sparse, and more than could be sent before the test is over.
  await handle.truncate(2 ** 42);
  await handle.close();
  const { code, stderr } = await daemon.cli('pins', 'add', file);
  t.is(code, 1);
  t.is(stderr, 'fbpd: the files have more than 1048576 bytes, the most one pin may have (limits.dag_bytes)\n');
});

test('what is not pinned, not there or not reachable cannot be fetched, and the exit code says which', async (t) => {
  const { daemon, dir, add } = await createBox(t);
  await writeFile(join(dir, 'file'), 'file');
  const { cid, requestId } = await add(join(dir, 'file'));
  const code = async (...args: string[]) => (await daemon.cli('get', ...args)).code;
  t.is(await code('no-cid'), 2);
  t.is(await code('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy', '-o', join(dir, 'x')), 1);
  t.is(await code(`${cid}/below`, '-o', join(dir, 'x')), 1);
  t.is(await code(`${cid}/../x`, '-o', join(dir, 'x')), 2);
  await daemon.admin('DELETE', `/admin/pins/${requestId}`);
  t.is(await code(cid, '-o', join(dir, 'x')), 1);
  await daemon.stop();
  t.is(await code(cid, '-o', join(dir, 'x')), 4);
  t.is((await daemon.cli('pins', 'add', join(dir, 'file'), '--account', 'ada')).code, 4);
  t.deepEqual(await readdir(dir), ['file']);
});
