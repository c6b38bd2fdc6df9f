import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Level } from 'level';

import { systemClock } from '../../daemon/clock.ts';
import { createLog } from '../../daemon/log.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { verifyStoreFiles } from '../../daemon/store/verify-files.ts';
import { createTestDir, createTestStore } from '../fixtures/create-store.ts';

function verifyFiles(dir: string) {
  return verifyStoreFiles({ dir, schema: 1, clock: systemClock, log: createLog('silent') });
}

async function createClosedStore(t: ExecutionContext, commits: number): Promise<string> {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  await fill(store, commits);
  await store.close();
  return dir;
}

async function fill(store: Awaited<ReturnType<typeof createTestStore>>, commits: number): Promise<void> {
  await Promise.all(
    Array.from({ length: commits }, (_, index) =>
      store.commit({ expect: { [`p/${index}`]: null }, ops: [{ put: `p/${index}`, value: { index } }] }),
    ),
  );
}

/** Writes to LevelDB behind the store's back. */
async function tamper(dir: string, change: (db: Level<string, Buffer>) => Promise<void>): Promise<void> {
  const db = new Level<string, Buffer>(join(dir, 'store'), { valueEncoding: 'buffer' });
  await change(db);
  await db.close();
}

test('a good store has no problems, at work and at rest', async (t) => {
  const dir = await createTestDir(t);
  const store = await createTestStore(t, { dir });
  await fill(store, 5000);
  const seen: number[] = [];
  const live = await verifyStore(store, { onProgress: (records) => seen.push(records) });
  t.deepEqual(live.problems, []);
  t.true(live.records > 5000);
  t.is(seen.at(-1), live.records);
  t.true(seen.length > 2);
  await store.close();
  t.deepEqual(await verifyFiles(dir), live);
});

test('verifying a store at work sees one moment of it', async (t) => {
  const store = await createTestStore(t);
  await fill(store, 3000);
  const written: Promise<unknown>[] = [];
  const { problems } = await verifyStore(store, {
    onProgress: (records) => {
      const key = `p/during-${records}`;
      written.push(store.commit({ expect: { [key]: null, 'p/0': 1 }, ops: [{ put: key, value: {} }] }));
    },
  });
  t.deepEqual(problems, []);
  await Promise.all(written);
});

test('a flipped byte, a record that was slipped in and one that was taken out are each found', async (t) => {
  const dir = await createClosedStore(t, 20);
  await tamper(dir, async (db) => {
    const record = Buffer.from((await db.get('p/7')) ?? '');
    record.writeUInt8(record.readUInt8(12) ^ 4, 12);
    await db.batch([
      { type: 'put', key: 'p/7', value: record },
      { type: 'put', key: 'p/copy', value: (await db.get('p/8')) ?? Buffer.alloc(0) },
      { type: 'put', key: 'short', value: Buffer.from('x') },
      { type: 'del', key: 'p/1' },
      { type: 'del', key: 'p/2' },
    ]);
  });
  const expected = [
    'the record "p/7" does not match its checksum',
    'the record "p/copy" does not match its checksum',
    'the record "short" does not match its checksum',
    'there are 19 records of type p, and the commits add up to 20',
  ];
  t.deepEqual((await verifyFiles(dir)).problems, expected);
  t.deepEqual((await verifyStore(await createTestStore(t, { dir }))).problems, expected);
});

test('a store at rest that a start would refuse is verified all the same, and not changed', async (t) => {
  const dir = await createClosedStore(t, 50);
  const store = await createTestStore(t, { dir });
  for (let index = 0; index < 9; index += 1) await store.commit({ ops: [{ put: `o/${index}`, value: {} }] });
  await store.close();
  const name = (await readdir(join(dir, 'store'))).find((name) => name.endsWith('.log')) ?? '';
  const path = join(dir, 'store', name);
  const log = await readFile(path);
  log.writeUInt8(log.readUInt8(300) ^ 1, 300);
  await writeFile(path, log);
  const before = await createTestDir(t);
  await cp(dir, before, { recursive: true });

  const { records, problems } = await verifyFiles(dir);
  t.regex(problems[0] ?? '', /cannot be read from byte/);
  t.true(problems.every((problem) => !problem.includes('check.tmp')));
  t.true(records > 50);
  t.deepEqual(await readdir(dir), await readdir(before));
  for (const file of (await readdir(join(dir, 'store'))).filter((name) => !/^LO/.test(name))) {
    t.deepEqual(await readFile(join(dir, 'store', file)), await readFile(join(before, 'store', file)), file);
  }
});

test('a store that has vanished, or never was, is a problem and not an error', async (t) => {
  const dir = await createClosedStore(t, 3);
  await rm(join(dir, 'store'), { recursive: true });
  t.regex((await verifyFiles(dir)).problems.join(), /has vanished/);
  t.regex((await verifyFiles(await createTestDir(t))).problems.join(), /there is no store/);
});

test('a store that a daemon has open is refused as locked', async (t) => {
  const dir = await createTestDir(t);
  await createTestStore(t, { dir });
  await t.throwsAsync(verifyFiles(dir), { code: 'STORE_LOCKED' });
});
