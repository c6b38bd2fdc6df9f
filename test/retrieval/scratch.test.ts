import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import type { OpenedDag } from '../../daemon/domain/retrieval-ports.ts';
import { createScratch } from '../../daemon/retrieval/scratch.ts';
import { createDeal } from '../fixtures/create-cold.ts';
import { createContentKey } from '../fixtures/create-pins.ts';
import { type Conduct, carOf, createTestDag, ScriptedSource, type TestDag } from '../fixtures/create-retrieval.ts';
import { createTestDir } from '../fixtures/create-store.ts';

interface Options {
  car?: (dag: TestDag) => Uint8Array;
  minFreeBytes?: number;
  onOpen?: (dir: string) => Promise<void>;
  /** What is fetched is the part of a larger content. */
  isPart?: true;
}

async function drill(t: ExecutionContext, conduct: Conduct, options: Options = {}) {
  const dag = await createTestDag();
  const source = new ScriptedSource('f01', options.car?.(dag) ?? carOf(dag.root, dag.blocks), conduct);
  const dir = join(await createTestDir(t), 'drill');
  const prices: (bigint | undefined)[] = [];
  const scratch = createScratch({
    maker: {
      async open(_deal, _piece, root, signal, priceMaxAtto): Promise<OpenedDag> {
        t.is(root, dag.root.toString());
        prices.push(priceMaxAtto);
        await options.onOpen?.(dir);
        return source.open(signal);
      },
    },
    dir,
    minFreeBytes: options.minFreeBytes ?? 0,
    // Nothing else must be taken for a stall where the machine is busy.
    stallMs: conduct.kind === 'stalls' ? 200 : 15_000,
    clock: { nowMs: () => Math.round(performance.now()) },
  });
  const [contentKey, rootCid] = options.isPart ? [createContentKey(1), dag.root.toString()] : [dag.root.toString(), 'bafyroot'];
  const piece = { id: 'piece-1', rootCid, pieceCid: 'baga-1', carSizeBytes: 20_000, pieceSizeBytes: 32_768 };
  const from = { deal: createDeal(1), piece };
  const outcome = scratch.fetch(
    from,
    { contentKey, sizeBytes: 12_000, ...(options.isPart ? { isPart: true } : {}) },
    AbortSignal.timeout(20_000),
  );
  return { outcome, dag, dir, source, prices, scratch };
}

test('a part of a content that was cut is restored by its own root', async (t) => {
  const { outcome, dag } = await drill(t, { kind: 'gives' }, { isPart: true });
  t.like(await outcome, { result: 'done', bytes: dag.blocks.reduce((sum, block) => sum + block.bytes.length, 0) });
});

test('a content that comes whole is restored, timed, and gone again; nothing may be paid for it', async (t) => {
  let during: string[] = [];
  const { outcome, dag, dir, source, prices } = await drill(
    t,
    { kind: 'gives' },
    {
      async onOpen(at) {
        during = await readdir(at);
      },
    },
  );
  const bytes = dag.blocks.reduce((sum, block) => sum + block.bytes.length, 0);
  t.like(await outcome, { result: 'done', bytes, source: { provider: 'f01', dealId: 'deal-1', pieceId: 'piece-1' } });
  t.is(typeof (await outcome).firstByteMs, 'number');
  t.deepEqual(during, ['1.car']);
  t.deepEqual(await readdir(dir), []);
  t.is(source.closed, 1);
  t.deepEqual(prices, [0n]);
});

for (const [what, conduct, result] of [
  ['whose bits are flipped', { kind: 'flips a bit', atByte: 9_000 }, 'wrong_bytes'],
  ['that breaks off', { kind: 'breaks off', afterBytes: 5_000 }, 'unreachable'],
  ['that stops coming', { kind: 'stalls', afterBytes: 5_000 }, 'stalled'],
  ['that is not given', { kind: 'refuses' }, 'refused'],
] as const satisfies readonly (readonly [string, Conduct, string])[]) {
  test(`a content ${what} is not restored, and leaves nothing`, async (t) => {
    const { outcome, dir } = await drill(t, conduct);
    t.is((await outcome).result, result);
    t.deepEqual(await readdir(dir), []);
  });
}

test('one that goes on for ever is ended', async (t) => {
  const { outcome } = await drill(t, { kind: 'sends without end' }, { car: (dag) => carOf(dag.root, dag.blocks.slice(0, -1)) });
  t.is((await outcome).result, 'endless');
});

test('a CAR in which one block is missing is not the content, although all of it hashes', async (t) => {
  const { outcome } = await drill(t, { kind: 'gives' }, { car: (dag) => carOf(dag.root, dag.blocks.slice(0, -1)) });
  t.is((await outcome).result, 'incomplete');
});

test('blocks of other contents beside it are passed over', async (t) => {
  const other = await createTestDag(1, 2);
  const car = (dag: TestDag) => carOf(dag.root, [...other.blocks, ...dag.blocks]);
  const { outcome, dag } = await drill(t, { kind: 'gives' }, { car });
  t.like(await outcome, { result: 'done', bytes: dag.blocks.reduce((sum, block) => sum + block.bytes.length, 0) });
});

test('where there is no room nobody is asked', async (t) => {
  const { outcome, source } = await drill(t, { kind: 'gives' }, { minFreeBytes: Number.MAX_SAFE_INTEGER });
  await t.throwsAsync(outcome, { code: 'STORAGE_FULL', message: /no room for 11\.7 KiB more/ });
  t.is(source.opened, 0);
});

test('what a process that died has left is removed', async (t) => {
  const { outcome, dir, scratch } = await drill(t, { kind: 'gives' });
  await outcome;
  await writeFile(join(dir, '7.car'), 'left over');
  await scratch.clear();
  await t.throwsAsync(readdir(dir), { code: 'ENOENT' });
});
