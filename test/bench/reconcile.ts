import { join } from 'node:path';

import { systemClock } from '../../daemon/clock.ts';
import type { MarketDeal } from '../../daemon/domain/cold-ports.ts';
import type { ColdStore } from '../../daemon/domain/cold-store-port.ts';
import { createLog } from '../../daemon/log.ts';
import { createColdParts } from '../../daemon/reconcilers/cold/parts.ts';
import { VerifyReconciler } from '../../daemon/reconcilers/verify.ts';
import { COUNTED_TYPES, openColdStore } from '../../daemon/store/cold-store.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { createPolicy, RULES } from '../fixtures/create-cold.ts';
import { TestChain, TestMaker } from '../fixtures/create-cold-reconcilers.ts';
import { createDeal, createPiece } from '../fixtures/create-cold-records.ts';
import { createSimWorks, SimDisk } from '../sim/works.ts';
import { type Figure, quantile } from './figures.ts';
import type { Workspace } from './workspace.ts';

const WANTED_RATIO = 1.2;
const DEALS_A_CHANGE = 250;
/** All deals have begun by then, and none has ended. */
const FIRST_EPOCH = 20_000;
/** Far ahead of every pass that is measured. */
const LATER_EPOCH = 1_000_000;
const BUILT = { rootCid: 'bafyroot', pieceCid: 'baga-bench', carSizeBytes: 1_000, pieceSizeBytes: 1_024 };

interface Size {
  deals: number;
  due: number;
  passes: number;
}

/**
 * Whole passes of verify over the real store, with a chain that answers at once. The same number of deals is due among few
 * deals and among very many. What a process does once, reading all deals to count what is promised, is a figure of its own.
 */
export async function benchReconcile(workspace: Workspace): Promise<Figure[]> {
  const { quick } = workspace;
  const sizes = quick ? [500, 2_000] : [10_000, 1_000_000];
  const [few = 0, many = 0] = sizes;
  const passes = { due: quick ? 50 : 1_000, passes: quick ? 3 : 9 };
  const { firstMs: fewFirstMs, tookMs: fewMs, cpuMs: fewCpuMs } = await measure(workspace, { deals: few, ...passes });
  const { firstMs, tookMs: manyMs, cpuMs: manyCpuMs } = await measure(workspace, { deals: many, ...passes });
  const ratio = (a: readonly number[], b: readonly number[], q: number): number => quantile(a, q) / quantile(b, q);
  return [
    { name: `a verify pass over ${passes.due} due deals of ${few}`, value: quantile(fewMs, 0.5), unit: 'ms' },
    {
      name: `a verify pass over ${passes.due} due deals of ${many}`,
      value: quantile(manyMs, 0.5),
      unit: 'ms',
      baseline: { name: `of ${few}`, value: quantile(fewMs, 0.5) },
    },
    {
      name: `the first pass of a process, of ${many} deals`,
      value: firstMs,
      unit: 'ms',
      baseline: { name: `of ${few}`, value: fewFirstMs },
    },
    {
      name: `a pass among ${many} deals over one among ${few}`,
      value: ratio(manyMs, fewMs, 0.5),
      unit: '×',
      wanted: { atMost: WANTED_RATIO },
      more: { 'of the best': ratio(manyMs, fewMs, 0), 'of processor time': ratio(manyCpuMs, fewCpuMs, 0.5) },
    },
  ];
}

/** How long each pass took, and its processor time; the first one, which counts all deals and warms everything up, by itself. */
async function measure(workspace: Workspace, size: Size): Promise<{ firstMs: number; tookMs: number[]; cpuMs: number[] }> {
  const dir = await workspace.dir('reconcile');
  await withStore(dir, true, (cold) => fill(cold, size, workspace));
  // Opened anew, with nothing left to do from having been filled in minutes.
  return withStore(dir, false, async (cold) => {
    const { chain, verify } = createVerify(cold);
    const { signal } = new AbortController();
    const tookMs: number[] = [];
    const cpuMs: number[] = [];
    for (let turn = 0; turn <= size.passes; turn++) {
      chain.headEpoch = FIRST_EPOCH + turn;
      const beganMs = performance.now();
      const cpuBegan = process.cpuUsage();
      const { done, failed } = await verify.pass(signal);
      tookMs.push(performance.now() - beganMs);
      const { user, system } = process.cpuUsage(cpuBegan);
      cpuMs.push((user + system) / 1_000);
      if (done !== size.due || failed > 0) throw new Error(`${done} of ${size.due} deals were looked at, and ${failed} failed`);
    }
    const { deals = {}, unknownDeals } = cold.totals();
    if (deals.active !== size.deals || unknownDeals > 0) throw new Error(`not all deals are active: ${JSON.stringify(deals)}`);
    workspace.say(`${size.due} due of ${size.deals} deals: ${tookMs.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    return { firstMs: tookMs[0] ?? Number.NaN, tookMs: tookMs.slice(1), cpuMs: cpuMs.slice(1) };
  });
}

async function withStore<T>(dir: string, create: boolean, work: (cold: ColdStore) => Promise<T>): Promise<T> {
  const log = createLog('silent');
  const store = await openLevelStore({
    dir,
    countedTypes: COUNTED_TYPES,
    schema: 1,
    log,
    clock: systemClock,
    create,
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    return await work(await openColdStore({ store, clock: systemClock, log, spendLogFile: join(dir, 'spend.log') }));
  } finally {
    await store.close();
  }
}

/** The chain has every deal in a sector; that costs no time. */
class BenchChain extends TestChain {
  override async marketDeal(chainDealId: number): Promise<MarketDeal> {
    const { startEpoch, endEpoch, pricePerEpochAtto, clientCollateralAtto, providerCollateralAtto, verified } = TERMS;
    return {
      ...BUILT,
      client: 'f099',
      provider: providerOf(chainDealId),
      label: '',
      verified,
      startEpoch,
      endEpoch,
      pricePerEpochAtto,
      clientCollateralAtto,
      providerCollateralAtto,
      sectorStartEpoch: startEpoch,
      lastUpdatedEpoch: -1,
      slashEpoch: -1,
    };
  }
}

const { terms: TERMS } = createDeal(0);
const providerOf = (number: number): string => `f0${1_000 + (number % 5)}`;

function createVerify(store: ColdStore): { chain: BenchChain; verify: VerifyReconciler } {
  const chain = new BenchChain();
  const parts = createColdParts({
    store,
    chain,
    maker: new TestMaker(),
    works: createSimWorks(new SimDisk(), new Set()),
    policies: [createPolicy()],
    trusted: [],
    countries: new Map(),
    rules: RULES,
    random: () => 0,
    pins: { contents: async (keys) => keys.map(() => undefined) },
    warm: async () => undefined,
    keeps: async () => true,
    clock: systemClock,
    log: createLog('silent'),
  });
  return { chain, verify: new VerifyReconciler(parts) };
}

/** So many are due at each of the first epochs, spread over all deals; the others far ahead. */
async function fill(cold: ColdStore, { deals, due, passes }: Size, { say }: Workspace): Promise<void> {
  const stride = Math.max(1, Math.floor(deals / (due * (passes + 1))));
  const turns = due * (passes + 1);
  for (let from = 0; from < deals; from += DEALS_A_CHANGE) {
    const numbers = Array.from({ length: Math.min(DEALS_A_CHANGE, deals - from) }, (_, index) => from + index);
    await cold.write({
      pieces: numbers
        .filter((number) => number % 3 === 0)
        .map((number) => {
          const { due: _, ...piece } = createPiece(number, { state: 'built', built: BUILT });
          return { before: undefined, after: piece };
        }),
      deals: numbers.map((number) => {
        const turn = number % stride === 0 ? number / stride : turns;
        const dueEpoch = turn < turns ? FIRST_EPOCH + (turn % (passes + 1)) : LATER_EPOCH + number;
        const pieceId = createPiece(number - (number % 3)).id;
        const fields = { pieceId, provider: providerOf(number), chainDealId: number, state: 'active', dueEpoch } as const;
        return { before: undefined, after: createDeal(number, fields) };
      }),
    });
    if (from % 100_000 === 0 && from > 0) say(`${from} of ${deals} deals`);
  }
}
