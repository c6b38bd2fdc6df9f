import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import type { ColdStore } from '../../daemon/domain/cold-store-port.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Commit, Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { appendFileAt } from '../../daemon/store/cold/append-file.ts';
import { encodeSpendLine, parseSpendLines } from '../../daemon/store/cold/spend-lines.ts';
import { openColdStore } from '../../daemon/store/cold-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createDeal, createPiece } from '../fixtures/create-cold-records.ts';
import { memoryFile, PIN_AND_COLD_TYPES } from '../fixtures/create-cold-store.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { createTestDir } from '../fixtures/create-store.ts';

const clock = new StepClock();
const log = createLog('silent');

interface World {
  store: MemoryStore;
  file: ReturnType<typeof memoryFile>;
  open(store?: Store): Promise<ColdStore>;
}

function createWorld(): World {
  const store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  const file = memoryFile();
  return { store, file, open: (used = store) => openColdStore({ store: used, clock, log, spendLogFile: file }) };
}

async function make(cold: ColdStore, ...numbers: number[]): Promise<void> {
  for (const number of numbers) {
    const pieces = [{ before: undefined, after: createPiece(number) }];
    await cold.write({ pieces, deals: [{ before: undefined, after: createDeal(number) }] });
  }
}

async function change(cold: ColdStore, number: number, fields: Partial<Deal>): Promise<void> {
  const before = await cold.deal(createDeal(number).id);
  if (before !== undefined) await cold.write({ deals: [{ before, after: { ...before.value, ...fields } }] });
}

function linesOf({ bytes }: { bytes: Buffer | undefined }): string[] {
  return parseSpendLines(bytes ?? Buffer.alloc(0)).map(({ line }) => (line === undefined ? 'damaged' : line.t));
}

async function problemsOf({ store, file }: World): Promise<readonly string[]> {
  const { problems } = await verifyStore(store, { spendLog: { file, isLive: false } });
  return problems.filter((problem) => !problem.includes('journal'));
}

test('a deal is in the log, synced, before its commit; so is that its bytes leave for the first time', async (t) => {
  const { store, file, open } = createWorld();
  const seen: string[][] = [];
  const cold = await open({
    ...bound(store),
    commit(commit: Commit) {
      seen.push(linesOf(file));
      return store.commit(commit);
    },
  });
  await make(cold, 1);
  await change(cold, 1, { state: 'proposed', sends: 1, outcome: 'unknown' });
  await change(cold, 1, { sends: 2 });
  t.deepEqual(seen, [['intent'], ['intent', 'sent'], ['intent', 'sent']]);
  t.is((await open()).breaker(), undefined);
});

test('an intent whose commit never came is forgotten, and said to be void when the next one comes', async (t) => {
  const world = createWorld();
  const { store, file, open } = world;
  await make(await open(), 1);
  const dying = await open({ ...bound(store), commit: () => Promise.reject(new Error('the process dies here')) });
  await t.throwsAsync(make(dying, 2));
  const cold = await open();
  t.is(cold.breaker(), undefined);
  t.is(await cold.deal(createDeal(2).id), undefined);
  await make(cold, 3);
  t.deepEqual(linesOf(file), ['intent', 'intent', 'void', 'intent']);
  t.deepEqual(await problemsOf(world), []);
  t.is((await open()).breaker(), undefined);
});

test('a line torn by the crash is cut off, wherever it was torn', async (t) => {
  for (const share of [0.001, 0.3, 0.999]) {
    const world = createWorld();
    const { file, open } = world;
    await make(await open(), 1, 2);
    const before = file.bytes ?? Buffer.alloc(0);
    const line = encodeSpendLine({ t: 'sent', c: 3, id: 'x', proposal: 'y' });
    file.bytes = Buffer.concat([before, Buffer.from(line.slice(0, Math.ceil(line.length * share) - 1) || '{')]);
    const cold = await open();
    t.is(cold.breaker(), undefined);
    t.deepEqual(file.bytes, before);
    await make(cold, 3);
    t.is((await open()).breaker(), undefined);
    t.deepEqual(await problemsOf(world), []);
  }
});

test('a commit that is refused leaves a void line and no other trace, and the deal can be made the next time', async (t) => {
  const world = createWorld();
  const { store, file, open } = world;
  let isFull = true;
  const cold = await open({
    ...bound(store),
    commit: (commit) => (isFull ? Promise.reject(new FbpdError('STORAGE_FULL', 'no room')) : store.commit(commit)),
  });
  await t.throwsAsync(make(cold, 1), { code: 'STORAGE_FULL' });
  t.deepEqual(cold.totals().deals, {});
  isFull = false;
  await make(cold, 1);
  t.deepEqual(linesOf(file), ['intent', 'void', 'intent']);
  t.is((await open()).breaker(), undefined);
  t.deepEqual(await problemsOf(world), []);
});

test('without room for the line no deal is made, and a torn one does no harm', async (t) => {
  const world = createWorld();
  const { store, file, open } = world;
  await make(await open(), 1);
  let isFull = true;
  const full = {
    ...file,
    sizeBytes: () => file.sizeBytes(),
    read: (at: number, size: number) => file.read(at, size),
    truncate: (size: number) => file.truncate(size),
    async append(bytes: Buffer) {
      await file.append(isFull ? bytes.subarray(0, 10) : bytes);
      if (isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    },
  };
  const cold = await openColdStore({ store, clock, log, spendLogFile: full });
  await t.throwsAsync(make(cold, 2), { code: 'STORAGE_FULL' });
  t.is(await cold.deal(createDeal(2).id), undefined);
  isFull = false;
  await make(cold, 2);
  t.deepEqual(linesOf(file), ['intent', 'intent']);
  t.is((await open()).breaker(), undefined);
});

/** What can have happened to store or log so that they do not belong together. */
const MISFITS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'the log is missing': async ({ file }) => {
    file.bytes = undefined;
  },
  'the log is empty': async ({ file }) => {
    file.bytes = Buffer.alloc(0);
  },
  'the log is an older one': async ({ file }) => {
    file.bytes = file.bytes?.subarray(0, (file.bytes.indexOf('\n') ?? 0) + 1);
  },
  'a line in the middle is damaged': async ({ file }) => {
    file.bytes = Buffer.from(file.bytes ?? '');
    file.bytes[40] = (file.bytes[40] ?? 0) ^ 1;
  },
  'a line in the middle is gone': async ({ file }) => {
    file.bytes = file.bytes?.subarray(file.bytes.indexOf('\n') + 1);
  },
};

for (const [what, happen] of Object.entries(MISFITS)) {
  test(`when ${what} it comes up with the breaker tripped, readable, and fbpd check says so`, async (t) => {
    const world = createWorld();
    await make(await world.open(), 1, 2, 3);
    await happen(world);
    const cold = await world.open();
    t.like(cold.breaker()?.value, { by: 'fbpd', code: 'spend_log' });
    t.deepEqual((await cold.deal(createDeal(2).id))?.value, createDeal(2));
    t.true((await problemsOf(world)).some((problem) => problem.startsWith('spend log: ')));
    await t.throwsAsync(make(cold, 4), { code: 'CONFLICT' });
    await change(cold, 1, { state: 'proposed', sends: 1 });
    t.like((await world.open()).breaker()?.value, { code: 'spend_log' }, 'it stays tripped');
  });

  test(`when ${what} and the operator goes on all the same, spending goes on, and the next start agrees`, async (t) => {
    const world = createWorld();
    await make(await world.open(), 1, 2, 3);
    await happen(world);
    const cold = await world.open();
    await change(cold, 1, { state: 'proposed', sends: 1 });
    await cold.write({ breaker: { before: cold.breaker(), after: undefined } });
    clock.tick();
    await cold.write({ deals: [{ before: undefined, after: createDeal(4, { pieceId: createPiece(1).id, createdMs: clock.nowMs() }) }] });
    t.is(cold.breaker(), undefined);
    const again = await world.open();
    t.is(again.breaker(), undefined);
    await change(again, 4, { state: 'proposed', sends: 1 });
    t.is((await world.open()).breaker(), undefined);
  });
}

test('fbpd check says in whole sentences what the log knows and the store does not', async (t) => {
  const { file, open } = createWorld();
  await make(await open(), 1, 2, 3);
  const older = createWorld();
  await make(await older.open(), 1);
  older.file.bytes = file.bytes;
  const problems = await problemsOf(older);
  t.regex(
    problems.join('\n'),
    /^spend log: 2 of its lines are unknown to the store, among them .*: the store is older than what was spent$/m,
  );
  t.true(
    problems.every((problem) => problem.length > 'spend log: x'.length),
    problems.join('\n'),
  );
});

test('a store put back from a backup is older than what was spent: the breaker is tripped', async (t) => {
  const { file, open } = createWorld();
  await make(await open(), 1, 2, 3);
  const backup = createWorld();
  await make(await backup.open(), 1);
  backup.file.bytes = file.bytes;
  t.like((await backup.open()).breaker()?.value, { code: 'spend_log' });
});

test('a store that lost the commit of a deal whose bytes were sent is noticed', async (t) => {
  const { file, open } = createWorld();
  const cold = await open();
  await make(cold, 1, 2);
  await change(cold, 2, { sends: 1 });
  const older = createWorld();
  await make(await older.open(), 1);
  older.file.bytes = file.bytes;
  t.like((await older.open()).breaker()?.value, { code: 'spend_log' });
});

test('an empty store beside a log with deals does not buy them all again', async (t) => {
  const { file, open } = createWorld();
  await make(await open(), 1, 2);
  const empty = createWorld();
  empty.file.bytes = file.bytes;
  t.like((await empty.open()).breaker()?.value, { code: 'spend_log' });
});

test('on a disk too full to write the breaker it is tripped all the same', async (t) => {
  const { store, file, open } = createWorld();
  await make(await open(), 1);
  file.bytes = undefined;
  const cold = await open({ ...bound(store), commit: () => Promise.reject(new FbpdError('STORAGE_FULL', 'no room')) });
  t.like(cold.breaker()?.value, { code: 'spend_log' });
  await t.throwsAsync(make(cold, 2), { code: 'CONFLICT' });
});

test('a log that cannot be read is a reason not to start that says what to do', async (t) => {
  const { store } = createWorld();
  const dir = await createTestDir(t);
  await t.throwsAsync(openColdStore({ store, clock, log, spendLogFile: dir }), { code: 'BAD_ENVIRONMENT', message: /spend log/ });
});

test('the operator’s own freeze is not mistaken for a misfit', async (t) => {
  const { open } = createWorld();
  const cold = await open();
  await make(cold, 1);
  const breaker = { by: 'operator', code: 'frozen', text: 'I want to look', atMs: 1 } as const;
  await cold.write({ breaker: { before: undefined, after: breaker } });
  const again = await open();
  t.deepEqual(again.breaker()?.value, breaker);
  await t.throwsAsync(make(again, 2), { code: 'CONFLICT' });
  await again.write({ breaker: { before: again.breaker(), after: undefined } });
  await make(again, 2);
  t.is((await open()).breaker(), undefined);
});

test('a file on disk appends, is read in parts, is cut off, and is missing at first', async (t) => {
  const path = join(await createTestDir(t), 'spend.log');
  const file = appendFileAt(path);
  t.is(await file.sizeBytes(), undefined);
  await file.append(Buffer.from('one\n'));
  await file.append(Buffer.from('two\n'));
  t.is(await file.sizeBytes(), 8);
  t.is((await file.read(4, 100)).toString(), 'two\n');
  t.is((await file.read(8, 100)).length, 0);
  await file.truncate(4);
  t.is(await readFile(path, 'utf8'), 'one\n');
  const mode = await open(path, 'r').then(async (handle) => {
    const { mode } = await handle.stat();
    await handle.close();
    return mode & 0o777;
  });
  t.is(mode, 0o600);
  await rm(path);
  await writeFile(path, '');
  t.is(await file.sizeBytes(), 0);
});

function bound(store: MemoryStore): Store {
  return {
    get: (key) => store.get(key),
    getMany: (keys) => store.getMany(keys),
    range: (range) => store.range(range),
    keys: (range) => store.keys(range),
    commit: (commit) => store.commit(commit),
    counts: () => store.counts(),
  };
}
