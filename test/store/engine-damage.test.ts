import { createHash } from 'node:crypto';
import { cp, mkdir, open, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testProp } from '@fast-check/ava';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { Level } from 'level';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createTestDir, createTestStore, testStoreOptions } from '../fixtures/create-store.ts';

const RECORDS = 60;

const TEMPLATE = join(tmpdir(), `fbpd-store-template-${process.pid}`);

/** A store that was used and closed: a table, and a log of as many commits again. */
test.before(async () => {
  for (const half of [0, 1]) {
    const store = await openLevelStore(testStoreOptions(TEMPLATE));
    for (let index = half; index < RECORDS; index += 2) {
      const key = `p/${String(index).padStart(3, '0')}`;
      await store.commit({ expect: { [key]: null }, ops: [{ put: key, value: { index, text: 'some text '.repeat(20) } }] });
    }
    await store.close();
  }
});

test.after.always(() => rm(TEMPLATE, { recursive: true, force: true }));

/** A copy of the used store, which goes with the test. */
async function createUsedStore(t: ExecutionContext): Promise<string> {
  const dir = await createTestDir(t);
  await cp(TEMPLATE, dir, { recursive: true });
  return dir;
}

async function levelFile(dir: string, pattern: RegExp): Promise<string> {
  const name = (await readdir(join(dir, 'store'))).find((name) => pattern.test(name));
  if (name === undefined) throw new Error(`no ${pattern} in ${dir}`);
  return join(dir, 'store', name);
}

async function flipByte(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await file.write(byte, 0, 1, offset);
  await file.close();
}

/** Every file of the store but those that LevelDB keeps for itself. */
async function contents(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /^LO(G|CK)/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    found[path] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return found;
}

async function assertRefused(t: ExecutionContext, dir: string, message: RegExp): Promise<void> {
  const before = await contents(dir);
  for (const attempt of ['first', 'second']) {
    const error = await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { message }, attempt);
    t.true(isFbpdError(error, 'STORE_DAMAGED'), String(error));
    t.true(error?.message.includes(dir));
  }
  t.deepEqual(await contents(dir), before, 'a refused store is left as it was');
}

/** True when the damage is noticed at start or by a full check; false when everything is as it was. */
async function isNoticed(t: ExecutionContext, dir: string): Promise<boolean> {
  const store = await openLevelStore(testStoreOptions(dir)).catch((error: unknown) => {
    if (!isFbpdError(error, 'STORE_DAMAGED')) throw error;
    return undefined;
  });
  if (store === undefined) return true;
  try {
    if ((await verifyStore(store)).problems.length > 0) return true;
    for (let index = 0; index < RECORDS; index += 1) {
      const record: { value: { index: number } } | undefined = await store.get(`p/${String(index).padStart(3, '0')}`);
      t.is(record?.value.index, index, 'a record is lost and nobody says so');
    }
    t.deepEqual(store.counts(), { p: RECORDS, c: 0 });
    return false;
  } finally {
    await store.close();
  }
}

test('a store that is not there is refused unless it may be made, and nothing is made', async (t) => {
  const dir = await createTestDir(t);
  await t.throwsAsync(openLevelStore(testStoreOptions(dir, { create: false })), { code: 'STORE_DAMAGED', message: /there is no store/ });
  t.deepEqual(await readdir(dir), []);
});

test('LevelDB’s directory gone: refused by name, not begun anew', async (t) => {
  const dir = await createUsedStore(t);
  await rename(join(dir, 'store'), join(dir, 'elsewhere'));
  await assertRefused(t, dir, /has vanished/);
  t.false((await readdir(dir)).includes('store'));
});

test('CURRENT gone: refused, though LevelDB would open it empty', async (t) => {
  const dir = await createUsedStore(t);
  await rm(join(dir, 'store', 'CURRENT'));
  await assertRefused(t, dir, /CURRENT of the store has vanished/);
});

test('the sentinel gone: refused', async (t) => {
  const dir = await createUsedStore(t);
  await rm(join(dir, 'store.json'));
  await assertRefused(t, dir, /store\.json is gone/);
});

test('the sentinel unreadable: refused', async (t) => {
  const dir = await createUsedStore(t);
  await writeFile(join(dir, 'store.json'), '{"id":"5');
  await assertRefused(t, dir, /cannot be understood/);
});

test('the sentinel of another store: refused with both names', async (t) => {
  const [dir, other] = [await createUsedStore(t), await createTestDir(t)];
  await (await createTestStore(t, { dir: other })).close();
  await cp(join(other, 'store.json'), join(dir, 'store.json'));
  const { id } = JSON.parse(await readFile(join(other, 'store.json'), 'utf8'));
  const error = await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { message: new RegExp(`${id}.*but the LevelDB beside it`) });
  t.true(isFbpdError(error, 'STORE_DAMAGED'));
  await cp(join(TEMPLATE, 'store.json'), join(dir, 'store.json'));
  t.false(await isNoticed(t, dir));
});

test('a newer and an older schema: refused with what to run', async (t) => {
  const dir = await createUsedStore(t);
  const open = (schema: number) => openLevelStore(testStoreOptions(dir, { schema }));
  await t.throwsAsync(open(0), { code: 'STORE_DAMAGED', message: /A newer fbpd made it/ });
  await t.throwsAsync(open(2), { code: 'STORE_DAMAGED', message: /too old/ });
  await (await open(1)).close();
});

test('a log that the manifest counts on is missing: refused', async (t) => {
  const dir = await createUsedStore(t);
  await rm(await levelFile(dir, /\.log$/));
  await assertRefused(t, dir, /\.log is missing/);
});

test('the manifest missing or cut short: refused', async (t) => {
  const dir = await createUsedStore(t);
  const manifest = await levelFile(dir, /^MANIFEST/);
  const { length } = await readFile(manifest);
  await truncate(manifest, length >> 1);
  await assertRefused(t, dir, /MANIFEST.*(cut short|damaged)|\.log is missing/);
  await truncate(manifest, 0);
  await assertRefused(t, dir, /MANIFEST.*cut short/);
  await rm(manifest);
  await assertRefused(t, dir, /MANIFEST.*is missing/);
});

test('a table missing: refused', async (t) => {
  const dir = await createUsedStore(t);
  await rm(await levelFile(dir, /\.ldb$/));
  await assertRefused(t, dir, /missing files/);
});

test('a flipped byte in the middle of the log: refused before LevelDB drops what it cannot read', async (t) => {
  const dir = await createUsedStore(t);
  const log = await levelFile(dir, /\.log$/);
  await flipByte(log, (await readFile(log)).length >> 1);
  await assertRefused(t, dir, /cannot be read from byte \d+ on, but commits that came later can/);
});

test('the end of the log lost after a clean end: refused, though it looks like a torn write', async (t) => {
  const dir = await createUsedStore(t);
  const log = await levelFile(dir, /\.log$/);
  await truncate(log, (await readFile(log)).length - 1);
  await assertRefused(t, dir, /the log ends with commit 59, but commit 60 was on disk/);
});

test('an older state of the whole LevelDB directory: refused, as commits that were on disk are missing', async (t) => {
  const dir = await createUsedStore(t);
  await cp(join(dir, 'store'), join(dir, 'backup'), { recursive: true });
  const store = await createTestStore(t, { dir });
  await store.commit({ ops: [{ put: 'x', value: {} }] });
  await store.close();
  await rm(join(dir, 'store'), { recursive: true });
  await rename(join(dir, 'backup'), join(dir, 'store'));
  await assertRefused(t, dir, /ends with commit 60, but commit 61 was on disk/);
});

test('a group missing from the journal: refused, whatever has lost it', async (t) => {
  const dir = await createUsedStore(t);
  const db = new Level(join(dir, 'store'));
  await db.del('~journal/0014', { sync: true });
  await db.close();
  const error = await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { message: /group 20 of the journal is lost/ });
  t.true(isFbpdError(error, 'STORE_DAMAGED'));
});

test('a damaged record fails the reads and the commits that need it, and no others', async (t) => {
  const dir = await createUsedStore(t);
  const db = new Level<string, Buffer>(join(dir, 'store'), { valueEncoding: 'buffer' });
  const record = (await db.get('p/004')) ?? Buffer.alloc(0);
  record.writeUInt8(record.readUInt8(30) ^ 1, 30);
  await db.put('p/004', record, { sync: true });
  await db.close();

  const store = await createTestStore(t, { dir });
  const damaged = { code: 'STORE_DAMAGED', message: /"p\/004"/ };
  await t.throwsAsync(store.get('p/004'), damaged);
  await t.throwsAsync(store.getMany(['p/003', 'p/004']), damaged);
  await t.throwsAsync(async () => {
    for await (const _ of store.range({}));
  }, damaged);
  const overwrite = (key: string, version: number) => store.commit({ expect: { [key]: version }, ops: [{ put: key, value: {} }] });
  const version = (await store.get('p/003'))?.version ?? 0;
  const [one, other] = await Promise.allSettled([overwrite('p/004', 3), overwrite('p/003', version)]);
  t.true(one.status === 'rejected' && isFbpdError(one.reason, 'STORE_DAMAGED'));
  t.is(other.status, 'fulfilled');
  const { problems } = await verifyStore(store);
  t.deepEqual(problems, ['the record "p/004" does not match its checksum']);
});

testProp(
  'one flipped byte anywhere in LevelDB’s files is noticed, or does no harm',
  [fc.constantFrom(/\.log$/, /\.ldb$/, /^MANIFEST/, /^CURRENT/), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })],
  async (t, pattern, place) => {
    const dir = await createUsedStore(t);
    const path = await levelFile(dir, pattern);
    await flipByte(path, Math.floor(place * (await readFile(path)).length));
    const noticed = await isNoticed(t, dir);
    if (pattern.source.includes('log')) t.true(noticed);
    t.pass();
  },
  { numRuns: 25 },
);

testProp(
  'any of LevelDB’s files cut at any place is noticed, or does no harm',
  [fc.constantFrom(/\.log$/, /\.ldb$/, /^MANIFEST/, /^CURRENT/), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })],
  async (t, pattern, place) => {
    const dir = await createUsedStore(t);
    const path = await levelFile(dir, pattern);
    await truncate(path, Math.floor(place * (await readFile(path)).length));
    await isNoticed(t, dir);
    t.pass();
  },
  { numRuns: 25 },
);

test('a creation that was cut short at any step is completed, with the name it began with', async (t) => {
  const whole = await createTestDir(t);
  await (await createTestStore(t, { dir: whole })).close();
  const ready = JSON.parse(await readFile(join(whole, 'store.json'), 'utf8'));
  const creating = JSON.stringify({ ...ready, state: 'creating' });

  const begun = await createTestDir(t);
  await writeFile(join(begun, 'store.json'), creating);
  const withDirectory = await createTestDir(t);
  await writeFile(join(withDirectory, 'store.json'), creating);
  await mkdir(join(withDirectory, 'store'));
  const headless = await createTestDir(t);
  await cp(whole, headless, { recursive: true });
  await writeFile(join(headless, 'store.json'), creating);
  await rm(join(headless, 'store', 'CURRENT'));
  const nameless = await createTestDir(t);
  await writeFile(join(nameless, 'store.json'), creating);
  const db = new Level(join(nameless, 'store'));
  await db.open();
  await db.close();
  const named = await createTestDir(t);
  await cp(whole, named, { recursive: true });
  await writeFile(join(named, 'store.json'), creating);

  for (const dir of [begun, withDirectory, headless, nameless, named]) {
    for (const create of [false, true]) {
      const store = await openLevelStore(testStoreOptions(dir, { create }));
      t.is(store.id, ready.id);
      await store.commit({ ops: [{ put: `x/${create}`, value: {} }] });
      await store.close();
    }
    t.is(JSON.parse(await readFile(join(dir, 'store.json'), 'utf8')).state, 'ready');
  }
});

test('a creation that finds somebody else’s records in its place is refused, and they stay', async (t) => {
  const dir = await createUsedStore(t);
  const sentinel = JSON.parse(await readFile(join(dir, 'store.json'), 'utf8'));
  await writeFile(join(dir, 'store.json'), JSON.stringify({ ...sentinel, id: crypto.randomUUID(), state: 'creating' }));
  await t.throwsAsync(openLevelStore(testStoreOptions(dir)), { code: 'STORE_DAMAGED', message: /but the LevelDB beside it is/ });
  await writeFile(join(dir, 'store.json'), JSON.stringify(sentinel));
  t.false(await isNoticed(t, dir));

  const nameless = await createTestDir(t);
  await writeFile(join(nameless, 'store.json'), JSON.stringify({ ...sentinel, state: 'creating' }));
  const db = new Level(join(nameless, 'store'));
  await db.put('a', 'b');
  await db.close();
  await t.throwsAsync(openLevelStore(testStoreOptions(nameless)), { code: 'STORE_DAMAGED', message: /without a name but with records/ });
});

test('without its mark a store opens, and has one again', async (t) => {
  const dir = await createUsedStore(t);
  await rm(join(dir, 'store.mark'));
  t.false(await isNoticed(t, dir));
  t.regex(await readFile(join(dir, 'store.mark'), 'utf8'), /^fbpd-mark .* 0000000000000060 /);
});
