import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';

import { openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createTestDir, testStoreOptions } from '../fixtures/create-store.ts';

const ROUNDS = 12;
const LOAD = new URL('engine-children/load.ts', import.meta.url).pathname;

/** Runs the load until some time after its first sign of life and kills it; resolves with what it said. */
async function runAndKill(dir: string, waitFor: 'start' | 'open' | 'commits', thenMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [LOAD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = '';
  const wanted = waitFor === 'open' ? 'open\n' : ' ';
  const heard = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes(wanted)) resolve();
    });
  });
  const ended = once(child.stdout, 'end');
  try {
    if (waitFor !== 'start') await Promise.race([heard, exited.then(() => Promise.reject(new Error('the load ended by itself')))]);
    await sleep(thenMs);
  } finally {
    child.kill('SIGKILL');
    await Promise.all([exited, ended]);
  }
  return said.split('\n').slice(0, -1);
}

/** The newest acknowledged number of each caller. */
function acknowledged(lines: readonly string[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const line of lines) {
    const [caller, number] = line.split(' ');
    if (caller !== undefined && number !== undefined) newest.set(caller, Number(number));
  }
  return newest;
}

/** Asserts it, and resolves with the newest number of each caller that is there: it has to stay. */
async function assertWhole(t: ExecutionContext, dir: string, promised: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const store = await openLevelStore(testStoreOptions(dir));
  try {
    t.deepEqual((await verifyStore(store)).problems, []);
    const tips = new Map<string, number>();
    let records = 0;
    for await (const [key, { value }] of store.range<{ number: number }>({ gte: 'tip/', lt: 'tip0' })) {
      tips.set(key.slice('tip/'.length), value.number);
      records += value.number;
    }
    for (const [caller, number] of promised) {
      const tip = tips.get(caller) ?? 0;
      t.true(tip >= number, `caller ${caller} was told ${number}, the store has ${tip}`);
      t.true(tip <= number + 1, 'only the last one can be there without having been acknowledged');
    }
    for (const type of ['x', 'y', 'z', 'p']) {
      let count = 0;
      for await (const key of store.keys({ gte: `${type}/`, lt: `${type}0` })) {
        const [, caller = '', number] = key.split('/');
        t.true(Number(number) <= (tips.get(caller) ?? 0), `${key} is half of a commit`);
        count += 1;
      }
      t.is(count, records, `records of type ${type}`);
    }
    t.is(store.counts().p, records);
    return tips;
  } finally {
    await store.close();
  }
}

test('kill -9 under load, over and over: every acknowledged commit is there, and none by halves', async (t) => {
  t.timeout(180_000);
  const dir = await createTestDir(t);
  await (await openLevelStore(testStoreOptions(dir))).close();
  let there = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round += 1) {
    const waitFor = round % 4 === 3 ? 'open' : 'commits';
    const lines = await runAndKill(dir, waitFor, Math.random() * 300);
    there = await assertWhole(t, dir, new Map([...there, ...acknowledged(lines)]));
  }
  t.log(`${[...there.values()].reduce((sum, number) => sum + number, 0)} commits`);
});

test('kill -9 while the store is being made or opened: the next start completes it', async (t) => {
  t.timeout(180_000);
  for (let round = 0; round < ROUNDS; round += 1) {
    const dir = await createTestDir(t);
    const promised = acknowledged(await runAndKill(dir, 'start', 80 + Math.random() * 250));
    await assertWhole(t, dir, promised);
  }
});
