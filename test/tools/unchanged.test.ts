import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { createTempDir } from '../fixtures/create-kubo.ts';
import { fingerprints, passedOf, readPassed, writePassed } from './unchanged.ts';

const FILES = {
  'daemon/plan/a.ts': "import { b } from './b.ts';",
  'daemon/plan/b.ts': 'export const b = 1;',
  'daemon/plan/alone.ts': 'export const alone = 1;',
  'daemon/worker.ts': "new Worker(new URL('./plan/b.ts', import.meta.url));",
  'test/plan/a.test.ts': "import { a } from '../../daemon/plan/a.ts';",
  'test/plan/alone.test.ts': "import { alone } from '../../daemon/plan/alone.ts';",
  'test/worker.test.ts': "import '../daemon/worker.ts';",
  'test/command.test.ts': "import { run } from './fixtures/run.ts';",
  'test/fixtures/run.ts': "import { spawn } from 'node:child_process';",
  'test/architecture/layers.test.ts': '',
  'spec/api.yaml': 'openapi: 3.1.0',
};
const TESTS = Object.keys(FILES).filter((path) => path.endsWith('.test.ts'));

/** The tests that hang on what was changed. */
function touchedBy(change: Readonly<Record<string, string>>, extra = 'v24'): string[] {
  const before = fingerprints(new Map(Object.entries(FILES)), TESTS, 'v24');
  const after = fingerprints(new Map(Object.entries({ ...FILES, ...change })), TESTS, extra);
  return TESTS.filter((one) => before.get(one) !== after.get(one)).map((one) => one.replace(/^test\/|\.test\.ts$/g, ''));
}

test('a test hangs on what it imports, however far away, on workers, and on all that is no source', (t) => {
  t.deepEqual(touchedBy({}), []);
  t.deepEqual(touchedBy({ 'daemon/plan/b.ts': 'export const b = 2;' }), ['plan/a', 'worker', 'command', 'architecture/layers']);
  t.deepEqual(touchedBy({ 'test/plan/alone.test.ts': 'other' }), ['plan/alone', 'command', 'architecture/layers']);
  t.deepEqual(touchedBy({ 'daemon/new.ts': '' }), ['command', 'architecture/layers'], 'what starts processes, and what reads the source');
  const all = ['plan/a', 'plan/alone', 'worker', 'command', 'architecture/layers'];
  t.deepEqual(touchedBy({ 'spec/api.yaml': 'openapi: 3.2.0' }), all);
  t.deepEqual(touchedBy({}, 'v26'), all);
});

test('what failed has not passed, nor has anything when it is not known what failed', (t) => {
  const tests = ['test/plan/a.test.ts', 'test/plan/alone.test.ts'];
  t.deepEqual(passedOf(tests, []), tests);
  t.deepEqual(passedOf(tests, ['✘ plan › a › it works\n  ---']), ['test/plan/alone.test.ts']);
  t.deepEqual(passedOf(tests, ['✘ tests: ava ended with 1']), []);
  t.deepEqual(passedOf(['test/plan/a.test.ts'], ['✘ it works']), []);
});

test('what passed is remembered; what cannot be read is nothing', async (t) => {
  const file = join(await createTempDir(t), 'deep', 'passed.json');
  t.deepEqual(await readPassed(file), new Map());
  const passed = new Map([['test/plan/a.test.ts', 'abc']]);
  await writePassed(file, passed);
  t.deepEqual(await readPassed(file), passed);
  await writeFile(file, '{"test/pl');
  t.deepEqual(await readPassed(file), new Map());
});
