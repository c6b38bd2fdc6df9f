import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testProp } from '@fast-check/ava';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';

import { openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createTestDir, createTestStore, testStoreOptions } from '../fixtures/create-store.ts';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;
/** A clock that stands keeps the mark where it was after the first commit. */
const clock = { nowMs: () => 1_700_000_000_000 };

async function newestLog(dir: string): Promise<string> {
  const logs = (await readdir(join(dir, 'store'))).filter((name) => name.endsWith('.log'));
  return join(dir, 'store', logs.sort().at(-1) ?? '');
}

/** The files as they are now, while the store goes on: what another machine would find after a crash. */
async function crashCopy(t: ExecutionContext, dir: string): Promise<string> {
  const copy = await createTestDir(t);
  await cp(dir, copy, { recursive: true });
  return copy;
}

/** How many of the commits 1, 2, 3 … are there; asserts that it is the first of them and nothing else. */
async function prefixIn(t: ExecutionContext, dir: string): Promise<number> {
  const store = await openLevelStore(testStoreOptions(dir, { clock, create: false }));
  try {
    t.deepEqual((await verifyStore(store)).problems, []);
    const keys: string[] = [];
    for await (const key of store.keys({ gte: 'p/', lt: 'p0' })) keys.push(key);
    t.deepEqual(
      keys,
      keys.map((_, index) => keyOf(index + 1)),
    );
    t.is(store.sequence, keys.length);
    t.deepEqual(store.counts(), { p: keys.length, c: 0 });
    const next = keyOf(keys.length + 1);
    t.is(await store.commit({ expect: { [next]: null }, ops: [{ put: next, value: {} }] }), keys.length + 1);
    return keys.length;
  } finally {
    await store.close();
  }
}

function keyOf(sequence: number): string {
  return `p/${String(sequence).padStart(4, '0')}`;
}

const write = fc.record({
  sync: fc.boolean(),
  sizeBytes: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 300, max: 40_000 })),
});
/** For each sector behind the last sync, in turn: did it reach the disk, and if not, what is there. */
const fates = fc.array(fc.constantFrom('written', 'zero', 'garbage'), { minLength: 1, maxLength: 40 });

testProp(
  'after a power cut the store is as after some commit that is no older than the last synced one',
  [fc.array(write, { minLength: 1, maxLength: 25 }), fates, fc.double({ min: 0, max: 1, noNaN: true })],
  async (t, writes, fates, kept) => {
    const dir = await createTestDir(t);
    const store = await createTestStore(t, { dir, clock });
    let synced = { commits: 0, logBytes: 0 };
    for (const [index, { sync, sizeBytes }] of writes.entries()) {
      const key = keyOf(index + 1);
      await store.commit({ expect: { [key]: null }, ops: [{ put: key, value: new Uint8Array(sizeBytes).fill(index) }], sync });
      if (sync) synced = { commits: index + 1, logBytes: (await stat(await newestLog(dir))).size };
    }
    const crashed = await crashCopy(t, dir);
    await store.close();

    const path = await newestLog(crashed);
    const log = await readFile(path);
    const firstSector = Math.ceil(synced.logBytes / SECTOR_BYTES);
    for (let sector = firstSector; sector * SECTOR_BYTES < log.length; sector += 1) {
      const fate = fates[(sector - firstSector) % fates.length];
      if (fate !== 'written')
        log.fill(fate === 'zero' ? 0 : 0xa7, sector * SECTOR_BYTES, Math.min((sector + 1) * SECTOR_BYTES, log.length));
    }
    await writeFile(path, log.subarray(0, synced.logBytes + Math.round(kept * (log.length - synced.logBytes))));
    const found = await prefixIn(t, crashed);
    t.true(found >= synced.commits, `${synced.commits} commits were synced, ${found} are there`);
    t.true(found <= writes.length);
  },
  { numRuns: 15 },
);

test('a write torn at the end of the log is left out, and the store goes on', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir, clock });
  const sizes: number[] = [];
  for (let sequence = 1; sequence <= 5; sequence += 1) {
    await store.commit({ expect: { [keyOf(sequence)]: null }, ops: [{ put: keyOf(sequence), value: { text: 'x'.repeat(20_000) } }] });
    sizes.push((await stat(await newestLog(dir))).size);
  }
  const [fourth = 0, fifth = 0] = sizes.slice(3);
  for (const size of [fourth, fourth + 1, fourth + 6, fourth + 7, fourth + 8, fifth - 15_000, fifth - 1]) {
    const crashed = await crashCopy(t, dir);
    const path = await newestLog(crashed);
    await writeFile(path, (await readFile(path)).subarray(0, size));
    t.is(await prefixIn(t, crashed), 4);
    t.is(await prefixIn(t, crashed), 5, 'the commit made after the crash');
  }
});

test('a synced commit behind unsynced ones keeps them from then on: a gap before it is damage', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir, clock });
  const sizes: number[] = [0];
  for (let sequence = 1; sequence <= 4; sequence += 1) {
    const sync = sequence === 1 || sequence === 4;
    await store.commit({ expect: { [keyOf(sequence)]: null }, ops: [{ put: keyOf(sequence), value: {} }], sync });
    sizes.push((await stat(await newestLog(dir))).size);
  }
  const crashed = await crashCopy(t, dir);
  const path = await newestLog(crashed);
  const log = await readFile(path);
  log.fill(0, sizes[2], sizes[3]);
  await writeFile(path, log);
  await t.throwsAsync(openLevelStore(testStoreOptions(crashed, { clock })), {
    code: 'STORE_DAMAGED',
    message: /but commits that came later can/,
  });
});
