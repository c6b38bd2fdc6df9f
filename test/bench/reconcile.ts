import { join } from 'node:path';

import { systemClock } from '../../daemon/clock.ts';
import type { ColdStore } from '../../daemon/domain/cold-ports.ts';
import { createLog } from '../../daemon/log.ts';
import { COUNTED_TYPES, openColdStore } from '../../daemon/store/cold-store.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { createDeal, createPiece } from '../fixtures/create-cold-records.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const WANTED_RATIO = 1.2;
/** As the reconcilers take them: so many at a time, so many side by side. */
const BATCH = 100;
const SIDE_BY_SIDE = 16;
const DEALS_A_CHANGE = 250;
/** Far ahead of every pass that is measured. */
const LATER_EPOCH = 1_000_000;

interface Size {
  deals: number;
  due: number;
  passes: number;
}

/**
 * What a pass over the due deals asks of the store: find them, read them, write each with its next epoch. The same number
 * is due among few deals and among very many.
 */
export async function benchReconcile(workspace: Workspace): Promise<Figure[]> {
  const { quick } = workspace;
  const sizes = quick ? [500, 2_000] : [10_000, 1_000_000];
  const [few = 0, many = 0] = sizes;
  const passes = { due: quick ? 50 : 1_000, passes: quick ? 3 : 9 };
  const fewMs = await passMs(workspace, { deals: few, ...passes });
  const manyMs = await passMs(workspace, { deals: many, ...passes });
  return [
    { name: `a pass over ${passes.due} due deals of ${few}`, value: quantile(fewMs, 0.5), unit: 'ms' },
    {
      name: `a pass over ${passes.due} due deals of ${many}`,
      value: quantile(manyMs, 0.5),
      unit: 'ms',
      baseline: { name: `of ${few}`, value: quantile(fewMs, 0.5) },
    },
    {
      name: `a pass among ${many} deals over one among ${few}`,
      value: quantile(manyMs, 0.5) / quantile(fewMs, 0.5),
      unit: '×',
      wanted: { atMost: WANTED_RATIO },
    },
  ];
}

/** How long each pass took, the first one, which warms everything up, left out. */
async function passMs(workspace: Workspace, size: Size): Promise<number[]> {
  const dir = await workspace.dir('reconcile');
  const log = createLog('silent');
  const store = await openLevelStore({
    dir,
    countedTypes: COUNTED_TYPES,
    schema: 1,
    log,
    clock: systemClock,
    create: true,
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    const cold = await openColdStore({ store, clock: systemClock, log, spendLogFile: join(dir, 'spend.log') });
    await fill(cold, size, workspace);
    const took: number[] = [];
    for (let epoch = 0; epoch <= size.passes; epoch++) {
      const beganMs = performance.now();
      const done = await pass(cold, epoch);
      took.push(performance.now() - beganMs);
      if (done !== size.due) throw new Error(`${done} of ${size.due} deals were due`);
    }
    workspace.say(`${size.due} due of ${size.deals} deals: ${took.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    return took.slice(1);
  } finally {
    await store.close();
  }
}

/** So many are due at each of the first epochs, spread over all deals; the others far ahead. */
async function fill(cold: ColdStore, { deals, due, passes }: Size, { say }: Workspace): Promise<void> {
  const stride = Math.floor(deals / (due * (passes + 1)));
  for (let from = 0; from < deals; from += DEALS_A_CHANGE) {
    const numbers = Array.from({ length: Math.min(DEALS_A_CHANGE, deals - from) }, (_, index) => from + index);
    await cold.write({
      pieces: numbers
        .filter((number) => number % 3 === 0)
        .map((number) => ({ before: undefined, after: createPiece(number, { state: 'built' }) })),
      deals: numbers.map((number) => {
        const turn = number % Math.max(1, stride) === 0 ? Math.floor(number / Math.max(1, stride)) : due * (passes + 1);
        const dueEpoch = turn < due * (passes + 1) ? turn % (passes + 1) : LATER_EPOCH + number;
        const pieceId = createPiece(number - (number % 3)).id;
        return { before: undefined, after: createDeal(number, { pieceId, state: 'active', dueEpoch }) };
      }),
    });
    if (from % 100_000 === 0 && from > 0) say(`${from} of ${deals} deals`);
  }
}

async function pass(cold: ColdStore, epoch: number): Promise<number> {
  let done = 0;
  for (let due = await cold.dueDeals(epoch, BATCH); due.length > 0; due = await cold.dueDeals(epoch, BATCH)) {
    const left = due.values();
    await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, async () => {
        for (const before of left) {
          await cold.write({ deals: [{ before, after: { ...before.value, dueEpoch: LATER_EPOCH + epoch } }] });
          done += 1;
        }
      }),
    );
  }
  return done;
}
