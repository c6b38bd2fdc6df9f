import test from 'ava';

import { type Import, parseSource, readSources, type Source } from './source.ts';

/** Everything may import these. */
const SHARED = ['domain', 'clock', 'log', 'metrics'] as const;

/** What each room imports beside its own files. `main` is the composition root: it imports everything, and nobody imports it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  clock: ['domain'],
  log: ['domain'],
  metrics: ['domain'],
  plan: ['domain'],
  config: [...SHARED],
  store: [...SHARED],
  hot: [...SHARED],
  accounts: [...SHARED],
  reconcilers: [...SHARED, 'plan'],
  uploads: [...SHARED, 'cold'],
  retrieval: [...SHARED, 'cold', 'plan'],
  // What cold copies prove, and who checks that: `fbpd receipts verify` runs it with no daemon.
  receipts: [...SHARED, 'cold'],
  api: [...SHARED, 'spec'],
  cold: [...SHARED],
  cli: [...SHARED, 'config', 'spec'],
};

/** The commands that become the daemon, or work on its store without it, load it when they run. */
const REACH_MAIN = [
  'daemon/cli/run-daemon.ts',
  'daemon/cli/serve.ts',
  'daemon/cli/start.ts',
  'daemon/cli/check.ts',
  'daemon/cli/doctor-checks.ts',
];

/** Receipts are checked where they are, by whoever has one: the command loads what checks them when it runs. */
const REACHES_RECEIPTS = 'daemon/cli/receipts.ts';

/** The command that runs the development network loads it when it runs: the network itself is a part of the tests. */
const REACHES_DEVNET = 'daemon/cli/devnet.ts';

/** `daemon/store/verify.ts` → `store`, `daemon/clock.ts` → `clock`, `api/pins.ts` → `api`; a package has no room. */
function roomOf(file: string): string | undefined {
  const [top, second = ''] = file.split('/');
  if (top === 'daemon') return second.replace(/\.ts$/, '');
  return top === 'api' || top === 'spec' || top === 'test' ? top : undefined;
}

function isAllowed(source: Source, { target, kind }: Import): boolean {
  const from = roomOf(source.file) ?? '';
  const to = roomOf(target);
  if (to === undefined || to === from) return true;
  if (from === 'main') return to !== 'cli' && to !== 'test';
  if (to === 'main') return REACH_MAIN.includes(source.file) && kind !== 'value';
  if (to === 'receipts' && from === 'cli') return source.file === REACHES_RECEIPTS && kind !== 'value';
  if (to === 'test') return source.file === REACHES_DEVNET && target === 'test/devnet/devnet.ts' && kind !== 'value';
  return MAY_IMPORT[from]?.includes(to) ?? false;
}

function forbiddenIn(source: Source): string[] {
  return source.imports.filter((one) => !isAllowed(source, one)).map(({ target, kind }) => `${source.file} imports ${target} (${kind})`);
}

test('rooms import only what is below them', async (t) => {
  const sources = await readSources();
  t.true(sources.length > 50, 'the sources were not found');
  t.deepEqual(sources.flatMap(forbiddenIn), []);
});

test('every file is in a room whose imports are known', async (t) => {
  const rooms = new Set((await readSources()).map(({ file }) => roomOf(file)));
  rooms.delete('main');
  t.deepEqual(
    [...rooms].filter((room) => room === undefined || !(room in MAY_IMPORT)),
    [],
  );
});

for (const [file, text] of [
  ['daemon/store/x.ts', "import { findKubo } from '../hot/kubo-binary.ts';"],
  ['daemon/plan/x.ts', "import type { Log } from '../log.ts';"],
  ['daemon/hot/x.ts', "import { runDaemon } from '../main.ts';"],
  ['daemon/hot/x.ts', "await import('../main.ts');"],
  ['daemon/cli/check.ts', "import { checkStore } from '../main.ts';"],
  ['daemon/cli/receipts.ts', "import { checkReceipt } from '../receipts/check.ts';"],
  ['daemon/cli/pins.ts', "await import('../receipts/check.ts');"],
  ['daemon/receipts/x.ts', "import { createRetrieval } from '../retrieval.ts';"],
  ['daemon/cli/pins.ts', "import type { PinStore } from '../store/pin-store.ts';"],
  ['daemon/reconcilers/x.ts', "export { errors } from '../../api/errors.ts';"],
  ['api/x.ts', "import type { Pass } from '../daemon/reconcilers/scheduler.ts';"],
  ['daemon/domain/x.ts', "import { parseConfig } from '../config.ts';"],
  ['daemon/x.ts', "import type { Clock } from './domain/ports.ts';"],
  ['daemon/cli/devnet.ts', "import { createDevnet } from '../../test/devnet/devnet.ts';"],
  ['daemon/cli/start.ts', "await import('../../test/devnet/devnet.ts');"],
] as const) {
  test(`it would be seen that ${file} says ${text}`, (t) => {
    t.is(forbiddenIn(parseSource(file, text)).length, 1);
  });
}

test('values, types and dynamic imports are told apart', (t) => {
  const source = parseSource(
    'api/x.ts',
    "import a from 'a'; import type b from 'b'; import { type c } from 'c'; import { type d, e } from 'd'; import 'f'; export * from './g.ts'; export type { h } from './h.ts'; await import('i');",
  );
  t.deepEqual(source.imports, [
    { target: 'a', kind: 'value' },
    { target: 'b', kind: 'type' },
    { target: 'c', kind: 'type' },
    { target: 'd', kind: 'value' },
    { target: 'f', kind: 'value' },
    { target: 'api/g.ts', kind: 'value' },
    { target: 'api/h.ts', kind: 'type' },
    { target: 'i', kind: 'dynamic' },
  ]);
});
