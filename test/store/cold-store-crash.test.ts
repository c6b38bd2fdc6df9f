import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import type { ColdChange, ColdStore } from '../../daemon/domain/cold-store-port.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import type { AppendFile } from '../../daemon/store/cold/append-file.ts';
import { openColdStore } from '../../daemon/store/cold-store.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createDeal, createPiece } from '../fixtures/create-cold-records.ts';
import { memoryFile, PIN_AND_COLD_TYPES } from '../fixtures/create-cold-store.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { createTestDir, testStoreOptions } from '../fixtures/create-store.ts';
import { createRandom, type Random, testSeed } from '../fixtures/random.ts';
import { Dead, MortalStore } from './mortal-store.ts';

const NUMBERS = 12;
const WORKERS = 4;
const log = createLog('silent');
const clock = new StepClock();

/** What the next process finds, and what this one was told. */
class World {
  readonly store = new MemoryStore({ countedTypes: PIN_AND_COLD_TYPES });
  readonly file = memoryFile();
  readonly random: Random;
  /** Deals by number, as they were answered last. */
  readonly answered = new Map<number, string>();
  /** Deals of which a write was not answered. */
  readonly open = new Set<number>();

  constructor(seed: number) {
    this.random = createRandom(seed);
  }
}

test('a process that dies at any write leaves records, lists, totals and spend log in accord', async (t) => {
  const seed = testSeed();
  t.log(`FBPD_TEST_SEED=${seed}`);
  for (let round = 0; round < 40; round++) {
    const world = new World(seed + round);
    for (let life = 0; life < 6; life++) await liveAndDie(t, world);
  }
});

async function liveAndDie(t: ExecutionContext, world: World): Promise<void> {
  const { random, store } = world;
  const inFile = random.next() < 0.3;
  const mortal = new MortalStore(store, { commits: inFile ? 1_000_000 : 1 + random.below(30), when: random.pick(['before', 'after']) });
  const file = inFile ? mortalFile(world.file, 1 + random.below(10), random.next()) : world.file;
  const cold = await openColdStore({ store: mortal, clock, log, spendLogFile: file });
  await checkSurvivors(t, world, cold);
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(world, cold, worker)));
}

async function checkSurvivors(t: ExecutionContext, world: World, cold: ColdStore): Promise<void> {
  t.is(cold.breaker(), undefined);
  const { problems } = await verifyStore(world.store, { spendLog: { file: world.file, isLive: false } });
  t.deepEqual(
    problems.filter((problem) => !problem.includes('journal')),
    [],
  );
  for (let number = 0; number < NUMBERS; number++) {
    const deal = await cold.deal(createDeal(number).id);
    if (!world.open.has(number)) t.is(deal?.value.said, world.answered.get(number), 'what was answered is there, and nothing else');
    else if (deal?.value.said !== undefined) world.answered.set(number, deal.value.said);
    else world.answered.delete(number);
  }
  world.open.clear();
}

/** Makes and changes deals of its own numbers until the process is dead. */
async function work(world: World, cold: ColdStore, worker: number): Promise<void> {
  const random = world.random.fork(`worker ${worker}`);
  for (let step = 0; step < 1_000; step++) {
    const number = worker + WORKERS * random.below(NUMBERS / WORKERS);
    const said = `${worker} ${step} ${random.next()}`;
    try {
      const change = await changeOf(cold, number, said, random);
      world.open.add(number);
      await cold.write(change);
      world.open.delete(number);
      if (change.deals?.[0]?.after === undefined) world.answered.delete(number);
      else world.answered.set(number, said);
    } catch (error) {
      if (error instanceof Dead || isFbpdError(error, 'UNAVAILABLE')) return;
      throw error;
    }
  }
}

async function changeOf(cold: ColdStore, number: number, said: string, random: Random): Promise<ColdChange> {
  const before = await cold.deal(createDeal(number).id);
  if (before === undefined) {
    const piece = await cold.piece(createPiece(number).id);
    return {
      ...(piece === undefined ? { pieces: [{ before: undefined, after: createPiece(number) }] } : {}),
      deals: [{ before, after: createDeal(number, { said, dueEpoch: random.below(1_000) }) }],
    };
  }
  if (random.next() < 0.1) return { deals: [{ before, after: undefined }] };
  const state = random.pick(['proposed', 'accepted', 'active', 'lost'] as const);
  const sends = before.value.sends + random.below(2);
  return { deals: [{ before, after: { ...before.value, said, state, sends, dueEpoch: random.below(1_000) } }] };
}

/** Whoever appends for the n-th time dies of it, and leaves part of the bytes. */
function mortalFile(file: AppendFile, appends: number, share: number): AppendFile {
  let left = appends;
  const alive = <T>(answer: Promise<T>): Promise<T> => (left > 0 ? answer : Promise.reject(new Dead()));
  return {
    sizeBytes: () => file.sizeBytes(),
    read: (at, size) => file.read(at, size),
    truncate: (size) => alive(file.truncate(size)),
    async append(bytes) {
      if (left <= 0) throw new Dead();
      left -= 1;
      await file.append(left > 0 ? bytes : bytes.subarray(0, Math.floor(bytes.length * share)));
      if (left <= 0) throw new Dead();
    },
  };
}

test('after a power cut in the last write, torn in the store and in the spend log, the two still agree', async (t) => {
  const dir = await createTestDir(t);
  const options = { countedTypes: PIN_AND_COLD_TYPES, clock: { nowMs: () => clock.nowMs() } };
  const store = await openLevelStore(testStoreOptions(dir, options));
  t.teardown(() => store.close());
  // The mark of the newest commit is written with the first one, and then not before the clock goes on.
  await store.commit({ ops: [{ put: 'first', value: {} }] });
  const cold = await openOn(store, dir);
  for (let number = 0; number < 8; number++) {
    const before = await sizesOf(dir);
    await cold.write({
      pieces: [{ before: undefined, after: createPiece(number) }],
      deals: [{ before: undefined, after: createDeal(number) }],
    });
    const after = await sizesOf(dir);
    const share = number / 7;
    const crashed = await createTestDir(t);
    await cp(dir, crashed, { recursive: true });
    // The line is synced before the commit begins: while one of them is torn the other is whole, or is not there.
    const cutsLine = number % 2 === 0;
    await cut(await newestLog(crashed), cutsLine ? before.store : Math.round(before.store + share * (after.store - before.store)));
    await cut(join(crashed, 'spend.log'), cutsLine ? Math.round(before.spend + share * (after.spend - before.spend)) : after.spend);
    const found = await openLevelStore(testStoreOptions(crashed, { ...options, create: false }));
    const again = await openOn(found, crashed);
    t.is(again.breaker(), undefined, `${number}`);
    const isWhole = !cutsLine && share === 1;
    t.is(await again.deal(createDeal(number).id).then((deal) => deal !== undefined), isWhole);
    t.is(again.totals().deals.intended ?? 0, isWhole ? number + 1 : number);
    const { problems } = await verifyStore(found, { spendLog: { file: join(crashed, 'spend.log'), isLive: false } });
    t.deepEqual(problems, []);
    await found.close();
  }
});

function openOn(store: Store, dir: string): Promise<ColdStore> {
  return openColdStore({ store, clock, log, spendLogFile: join(dir, 'spend.log') });
}

async function newestLog(dir: string): Promise<string> {
  const logs = (await readdir(join(dir, 'store'))).filter((name) => name.endsWith('.log'));
  return join(dir, 'store', logs.sort().at(-1) ?? '');
}

async function sizesOf(dir: string): Promise<{ store: number; spend: number }> {
  const size = async (path: string): Promise<number> => (await stat(path).catch(() => ({ size: 0 }))).size;
  return { store: await size(await newestLog(dir)), spend: await size(join(dir, 'spend.log')) };
}

async function cut(path: string, sizeBytes: number): Promise<void> {
  await writeFile(path, (await readFile(path)).subarray(0, sizeBytes));
}
