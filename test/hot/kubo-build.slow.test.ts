import { access, chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { buildKubo } from '../../daemon/hot/kubo-build.ts';
import type { ObtainKuboOptions } from '../../daemon/hot/kubo-download.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';

/** A Go toolchain that builds in no time, and notes each build and where its caches were. */
const GO = `#!/bin/sh
case "$1" in
  version) echo go version go1.26 ;;
  mod) mkdir -p "$GOPATH/mod" "$GOCACHE"; echo "{\\"Dir\\": \\"$GOPATH/mod\\"}" ;;
  build)
    echo "$GOPATH $GOCACHE $GOFLAGS $GOPROXY" >> "$NOTES"
    echo "go: downloading example.org/a v1" >&2
    sleep 0.3
    if [ -n "$BROKEN" ]; then echo "a.go:1: it does not compile" >&2; exit 1; fi
    echo program > "$5"; chmod 755 "$5" ;;
esac
`;

async function setUp(
  t: ExecutionContext,
  over: Record<string, string> = {},
): Promise<{ options: ObtainKuboOptions; said: string[]; notes: () => Promise<string[]> }> {
  const root = await createTempDir(t);
  const bin = join(root, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'go'), GO);
  await chmod(join(bin, 'go'), 0o755);
  const dir = join(root, 'cache', 'kubo', 'v0.43.0');
  const notes = join(root, 'notes');
  const said: string[] = [];
  const options = {
    version: '0.43.0',
    dir,
    target: join(dir, 'ipfs'),
    environment: { PATH: `${bin}:/usr/bin:/bin`, NOTES: notes, GOPROXY: 'the-proxy', ...over },
    onProgress: (text: string) => void said.push(text),
  };
  const builds = async () => (await readFile(notes, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  return { options, said, notes: builds };
}

test('builds the program in our cache and leaves nothing but it', async (t) => {
  const { options, said, notes } = await setUp(t);
  t.is(await buildKubo(options), options.target);
  t.is((await stat(options.target)).mode & 0o111, 0o111);
  t.deepEqual(await readdir(options.dir), ['ipfs']);
  const [build = ''] = await notes();
  t.regex(build, new RegExp(`^${options.dir}/build/go ${options.dir}/build/cache .*-modcacherw.* the-proxy$`));
  t.regex(said[0] ?? '', /building kubo 0\.43\.0 with Go .*: 0 modules fetched, 0 s/);
});

test('two that start at once build one program', async (t) => {
  const { options, said, notes } = await setUp(t);
  await Promise.all([buildKubo(options), buildKubo(options)]);
  t.is((await notes()).length, 1);
  t.true(said.some((text) => text.includes('is building kubo; waiting for it')));
});

test('the lock of a process that is gone, or that never wrote its name, is taken over', async (t) => {
  for (const content of ['999999999', '']) {
    const { options } = await setUp(t);
    await mkdir(options.dir, { recursive: true });
    await writeFile(join(options.dir, 'build.lock'), content);
    t.is(await buildKubo(options), options.target);
  }
});

test('a build that fails is quoted, and leaves neither program nor caches', async (t) => {
  const { options } = await setUp(t, { BROKEN: '1' });
  await t.throwsAsync(buildKubo(options), { message: /`go build -C` failed: .*a\.go:1: it does not compile/ });
  t.deepEqual(await readdir(options.dir), []);
  await t.throwsAsync(access(options.target));
});

test('without Go there is nothing to build with, and nothing is made', async (t) => {
  const { options } = await setUp(t, { PATH: '/nowhere' });
  await t.throwsAsync(buildKubo(options), { message: 'there is no Go toolchain' });
  await t.throwsAsync(access(options.dir));
});
