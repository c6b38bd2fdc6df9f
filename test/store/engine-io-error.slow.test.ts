import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';

import { type LevelStore, openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createTestDir, createTestStore, testStoreOptions } from '../fixtures/create-store.ts';

const run = promisify(execFile);
const CHILD = new URL('engine-children/io-error.ts', import.meta.url).pathname;

interface Seen {
  acknowledged: string[];
  refused?: { key: string; code: string };
  later: string;
  read: string;
  fatal: string[];
}

/** Runs a command in which system calls fail as told. */
function withFaults(injection: string, command: readonly string[]) {
  return run('strace', ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${injection}`, '--', ...command], { maxBuffer: 1 << 24 });
}

/** What the child saw, and the store it left behind; undefined where faults cannot be made. */
async function runWithFaults(t: ExecutionContext, injection: string): Promise<{ seen: Seen; store: LevelStore } | undefined> {
  t.timeout(120_000);
  const impossible = await withFaults('fdatasync:error=EIO:when=60000', ['true']).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (impossible !== undefined) {
    t.log(`skipped: no system call can be made to fail here: ${impossible}`);
    t.pass();
    return undefined;
  }
  const dir = await createTestDir(t);
  await (await openLevelStore(testStoreOptions(dir))).close();
  const { stdout } = await withFaults(injection, [process.execPath, CHILD, dir]);
  return { seen: JSON.parse(stdout), store: await createTestStore(t, { dir, create: false }) };
}

async function assertHonest(t: ExecutionContext, { acknowledged, refused }: Seen, store: LevelStore): Promise<void> {
  t.true(acknowledged.length > 0);
  t.deepEqual((await verifyStore(store)).problems, []);
  for (const key of acknowledged) t.truthy(await store.get(key));
  t.is(await store.get(refused?.key ?? ''), undefined, 'what was refused is not there');
}

for (const [name, injection] of [
  ['one failed fdatasync', 'fdatasync:error=EIO:when=25'],
  ['every fdatasync failing from some time on', 'fdatasync:error=EIO:when=25+'],
] as const) {
  test(`${name}: the commit is refused with STORE_IO, the store ends once, and what was acknowledged is there`, async (t) => {
    const run = await runWithFaults(t, injection);
    if (run === undefined) return;
    const { seen, store } = run;
    t.is(seen.refused?.code, 'STORE_IO');
    t.is(seen.later, 'STORE_IO');
    t.is(seen.read, 'STORE_IO');
    t.is(seen.fatal.length, 1);
    t.regex(seen.fatal[0] ?? '', /^STORE_IO .*Input\/output error.*see to the disk/);
    await assertHonest(t, seen, store);
    t.is(store.counts().p, seen.acknowledged.length);
  });
}

test('a disk that turns out full only when it is synced: refused with STORAGE_FULL, and the store goes on', async (t) => {
  const run = await runWithFaults(t, 'fdatasync:error=ENOSPC:when=25');
  if (run === undefined) return;
  const { seen, store } = run;
  t.is(seen.refused?.code, 'STORAGE_FULL');
  t.is(seen.later, 'acknowledged');
  t.is(seen.read, 'read');
  t.deepEqual(seen.fatal, []);
  await assertHonest(t, seen, store);
  t.is(store.counts().p, seen.acknowledged.length + 1);
});
