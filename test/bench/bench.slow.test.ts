import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import test from 'ava';

import { createTempDir } from '../fixtures/create-kubo.ts';
import type { Figure } from './figures.ts';

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

function runBench(tmp: string, ...args: string[]): Promise<Run> {
  const file = fileURLToPath(new URL('bench.ts', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env: { ...process.env, TMPDIR: tmp } }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, stdout, stderr });
    });
  });
}

for (const [name, least] of [
  ['post', 4],
  ['list', 30],
  ['commp', 3],
  ['reconcile', 4],
  ['proposed', 1],
  ['gateway', 3],
  ['cold-read', 4],
  ['receipts', 4],
] as const) {
  test.serial(`the bench ${name} still runs, gives figures as JSON, and leaves nothing behind`, async (t) => {
    t.timeout(180_000);
    const tmp = await createTempDir(t);
    const { code, stdout, stderr } = await runBench(tmp, '--quick', '--only', name);
    t.is(code, 0, stderr);
    const { figures } = JSON.parse(stdout).results[name] as { figures: Figure[] };
    t.true(figures.length >= least);
    for (const figure of figures) {
      t.true(figure.value > 0, JSON.stringify(figure));
      t.true(stderr.includes(figure.name), 'people see it too');
    }
    t.deepEqual(await readdir(tmp), []);
  });
}

test.serial('the bench cache still runs and draws what it measured', async (t) => {
  const tmp = await createTempDir(t);
  const { code, stdout, stderr } = await runBench(tmp, '--quick', '--only', 'cache', '--plots', join(tmp, 'plots'));
  t.is(code, 0, stderr);
  const { figures } = JSON.parse(stdout).results.cache as { figures: Figure[] };
  t.true(figures.length >= 22);
  t.deepEqual(await readdir(tmp), ['plots']);
  t.true(stderr.includes(join(tmp, 'plots', 'cache.svg')));
  t.true((await readFile(join(tmp, 'plots', 'cache.svg'), 'utf8')).startsWith('<svg'));
});

test.serial('a bench that does not exist is wrong use', async (t) => {
  const { code, stderr } = await runBench(await createTempDir(t), '--only', 'nonsense');
  t.is(code, 2);
  t.regex(stderr, /there is no bench "nonsense"/);
});
