import test from 'ava';

import { parseSource, readSources, type Source } from './source.ts';

/** Where the world comes in: time, environment, chance and the end of the process each have their places. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  'Date.now': ['daemon/clock.ts'],
  'new Date()': [],
  'process.env': ['daemon/config.ts'],
  'Math.random': [],
  'process.exit': ['daemon/cli/fbpd.ts', 'daemon/cli/run-daemon.ts'],
  console: [],
};

const LONG_FILE_LINES = 300;
const TOO_LONG_FILE_LINES = 400;

function strays({ file, uses }: Source): string[] {
  return uses.filter(({ name }) => !HOMES[name]?.includes(file)).map(({ name, line }) => `${file}:${line} uses ${name}`);
}

test('time, environment and chance come in where they should', async (t) => {
  t.deepEqual((await readSources()).flatMap(strays), []);
});

test('it would be seen that they come in elsewhere', (t) => {
  const text = 'Date.now(); new Date(); new Date(5); process.env.HOME; Math.random(); process.exit(1); console.log(1); // Date.now()';
  t.deepEqual(
    strays(parseSource('daemon/hot/x.ts', text)).map((line) => line.replace('daemon/hot/x.ts:1 uses ', '')),
    ['Date.now', 'new Date()', 'process.env', 'Math.random', 'process.exit', 'console'],
  );
});

test('no file has grown beyond what one idea needs', async (t) => {
  const sources = await readSources();
  for (const { file, lines } of sources.filter(({ lines }) => lines > LONG_FILE_LINES))
    t.log(`${file} has ${lines} lines: does it hold one idea?`);
  t.deepEqual(
    sources.filter(({ lines }) => lines > TOO_LONG_FILE_LINES).map(({ file, lines }) => `${file}: ${lines} lines`),
    [],
  );
});

test('every reconciler is made once and listed once', async (t) => {
  const sources = await readSources();
  const list = sources.find(({ file }) => file === 'daemon/reconcilers/index.ts');
  const classes = sources
    .filter(({ file }) => file.startsWith('daemon/reconcilers/'))
    .flatMap(({ text }) => [...text.matchAll(/export class (\w+Reconciler)\b/g)].map(([, name]) => name));
  t.true(classes.length >= 5);
  const count = (pattern: RegExp) => (list?.text.match(pattern) ?? []).length;
  for (const name of classes) t.is(count(new RegExp(`new ${name}\\(`, 'g')), 1, `${name} in daemon/reconcilers/index.ts`);
  t.is(count(/\{ reconciler: \w+, cron: /g), classes.length);
});
