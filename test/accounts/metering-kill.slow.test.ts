import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';

import { openLevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createTestMetering, totalOf } from '../fixtures/create-metering.ts';
import { createTestDir, testStoreOptions } from '../fixtures/create-store.ts';

const ROUNDS = 8;
const LOAD = new URL('metering-child/load.ts', import.meta.url).pathname;

/** Runs the load, kills it some time after its first note was on disk, and resolves with what it said. */
async function runAndKill(dir: string, thenMs: number): Promise<{ handedIn: number; acknowledged: number }> {
  const child = spawn(process.execPath, [LOAD, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = { handedIn: 0, acknowledged: 0 };
  const first = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said.acknowledged += text.split('.').length - 1;
      said.handedIn += text.split('+').length - 1;
      if (said.acknowledged > 0) resolve();
    });
  });
  const [ended, exited] = [once(child.stdout, 'end'), once(child, 'exit')];
  try {
    await Promise.race([first, exited.then(() => Promise.reject(new Error('the load ended by itself')))]);
    await sleep(thenMs);
  } finally {
    child.kill('SIGKILL');
    await Promise.all([exited, ended]);
  }
  return said;
}

test('kill -9 while responses end: what was acknowledged is counted, and nothing twice', async (t) => {
  t.timeout(120_000);
  const dir = await createTestDir(t);
  let there = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { handedIn, acknowledged } = await runAndKill(dir, round * 40);
    const store = await openLevelStore(testStoreOptions(dir));
    const { hotBytes, responses } = await totalOf(createTestMetering(store), 'alice');
    t.deepEqual((await verifyStore(store)).problems, []);
    await store.close();
    t.is(hotBytes, responses);
    t.true(there + acknowledged <= responses && responses <= there + handedIn, `${there} + ${acknowledged} to ${handedIn}: ${responses}`);
    there = responses;
  }
  t.log(`${there} responses counted`);
});
