import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { TestDaemon } from '../fixtures/create-daemon.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const WANTED_S = 3;

/**
 * From spawn to ready with very many pins and a long queue. Beside it the same without pins, which is Node, kubo and our
 * program, and what of it is the store alone, in a process of its own.
 */
export async function benchStart(workspace: Workspace): Promise<Figure[]> {
  const { quick } = workspace;
  const rounds = quick ? 1 : 5;
  const empty = await workspace.daemon();
  await empty.stop();
  const emptyS = await starts(empty, rounds);
  const { daemon, pins, queued } = await workspace.filled(quick ? 2_000 : 1_000_000);
  const filledS = await starts(daemon, rounds);
  const openS: number[] = [];
  for (let round = 0; round < rounds; round++) openS.push(await openStoreS(daemon.stateDir));
  return [
    {
      name: `start with ${pins} pins, ${queued} of them queued`,
      value: quantile(filledS, 0.5),
      unit: 's',
      wanted: { atMost: WANTED_S },
      baseline: { name: 'without pins', value: quantile(emptyS, 0.5) },
      more: { best: quantile(filledS, 0), worst: quantile(filledS, 1) },
    },
    {
      name: `opening the store of ${pins} pins, without Node and kubo`,
      value: quantile(openS, 0.5),
      unit: 's',
      more: { best: quantile(openS, 0), worst: quantile(openS, 1) },
    },
  ];
}

async function starts(daemon: TestDaemon, rounds: number): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const beganMs = performance.now();
    await daemon.start();
    took.push((performance.now() - beganMs) / 1_000);
    await daemon.stop();
  }
  return took;
}

async function openStoreS(stateDir: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('open-store.ts', import.meta.url)), stateDir]);
  return Number(stdout);
}
