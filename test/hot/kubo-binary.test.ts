import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import { type FindKuboOptions, findKubo, isAtLeast, TESTED_VERSION } from '../../daemon/hot/kubo-binary.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';

/** A program that answers `version --number`. */
async function program(path: string, says: string, exitCode = 0): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho ${says}\nexit ${exitCode}\n`);
  await chmod(path, 0o755);
  return path;
}

async function setUp(t: ExecutionContext): Promise<{ dir: string; options: FindKuboOptions }> {
  const dir = await createTempDir(t);
  const options = {
    configured: undefined,
    kuboBinary: undefined,
    cacheDir: join(dir, 'cache'),
    environment: { PATH: [join(dir, 'first'), join(dir, 'second')].join(':') },
    onProgress: () => undefined,
    obtain: false,
  };
  return { dir, options };
}

test('the config is asked first, then the environment, the cache, and PATH', async (t) => {
  const { dir, options } = await setUp(t);
  const onPath = await program(join(dir, 'second', 'ipfs'), '0.43.2');
  t.like(await findKubo(options), { path: onPath, version: '0.43.2', how: 'PATH' });
  const cached = await program(join(dir, 'cache', 'kubo', `v${TESTED_VERSION}`, 'ipfs'), '0.43.0');
  t.like(await findKubo(options), { path: cached, version: '0.43.0' });
  const named = await program(join(dir, 'named'), '0.44.0');
  t.like(await findKubo({ ...options, kuboBinary: named }), { path: named, version: '0.44.0' });
  const configured = await program(join(dir, 'configured'), '0.43.1');
  t.like(await findKubo({ ...options, kuboBinary: named, configured }), { path: configured, version: '0.43.1' });
});

test('an old ipfs on PATH is passed over for a newer one behind it', async (t) => {
  const { dir, options } = await setUp(t);
  await program(join(dir, 'first', 'ipfs'), '0.42.0');
  const newer = await program(join(dir, 'second', 'ipfs'), '0.43.0');
  t.is((await findKubo(options)).path, newer);
});

test('a program that was named is used or refused, and never replaced', async (t) => {
  const { dir, options } = await setUp(t);
  await program(join(dir, 'second', 'ipfs'), '0.43.0');
  const old = await program(join(dir, 'old'), '0.39.0');
  const broken = await program(join(dir, 'broken'), 'oops', 1);
  const other = await program(join(dir, 'other'), 'GNU');
  const refused = async (over: Partial<FindKuboOptions>) => {
    const error = await t.throwsAsync(findKubo({ ...options, ...over }), { instanceOf: FbpdError });
    t.is(error?.code, 'BAD_ENVIRONMENT');
    return error?.message ?? '';
  };
  t.regex(await refused({ configured: old }), /hot\.binary .*old: is kubo 0\.39\.0; 0\.43\.0 or later is needed/);
  t.regex(await refused({ kuboBinary: broken }), /\$KUBO_BINARY .*broken: does not run/);
  t.regex(await refused({ kuboBinary: other }), /does not say a version of kubo/);
  t.regex(await refused({ configured: join(dir, 'absent') }), /there is no such program/);
});

test('when there is none, all that was tried is told, and what to do', async (t) => {
  const { dir, options } = await setUp(t);
  await program(join(dir, 'first', 'ipfs'), '0.42.0');
  const error = await t.throwsAsync(findKubo(options), { instanceOf: FbpdError });
  t.regex(
    error?.message ?? '',
    /install kubo 0\.43\.0 or later.*cache .*ipfs: there is no such program.*PATH: .*first\/ipfs: is kubo 0\.42\.0/s,
  );
});

test('versions are numbers, not text', (t) => {
  t.true(isAtLeast('0.43.0', '0.43.0'));
  t.true(isAtLeast('0.100.0', '0.43.0'));
  t.true(isAtLeast('1.0.0', '0.43.9'));
  t.false(isAtLeast('0.9.9', '0.43.0'));
  t.false(isAtLeast('0.43.0', '0.43.1'));
});
