import test from 'ava';

import type { PlannedStep } from '../../daemon/domain/cold-store-port.ts';
import { PROVIDERS, TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

type Proposal = Extract<PlannedStep['step'], { kind: 'propose' }>;

const proposalsOf = (steps: readonly PlannedStep[]): (Proposal & { pieceId: string })[] =>
  steps.flatMap(({ pieceId, step }) => (step.kind === 'propose' ? [{ pieceId, ...step }] : []));

/** Built pieces of one content each, looked at while nobody could be asked, so that all asks are known. */
async function createBuilt(...numbers: number[]): Promise<TestCold> {
  const cold = await TestCold.create({ policy: { minFillBytes: 1 } });
  await cold.pass('create');
  for (const id of PROVIDERS) await cold.view.refresh(id, new AbortController().signal);
  for (const number of numbers) await cold.pin(number);
  await cold.pass('pieces');
  return cold;
}

test('a preview asks, writes and spends nothing, and says precisely what the next pass does', async (t) => {
  const cold = await createBuilt(1, 2);
  const before = { asks: cold.maker.asks, sequence: cold.stores.store.sequence };
  const { steps, costAtto, more } = await cold.view.preview(100);
  t.deepEqual({ asks: cold.maker.asks, sequence: cold.stores.store.sequence }, before);
  t.deepEqual([cold.maker.prepared, cold.maker.sends], [[], []]);
  await cold.pass('create');
  const deals = (
    await Promise.all(
      steps
        .map(({ pieceId }) => pieceId)
        .filter((id, at, all) => all.indexOf(id) === at)
        .map((id) => cold.deals(id)),
    )
  ).flat();
  const expected = deals.map(({ pieceId, provider, terms, costAtto: cost }) => ({
    pieceId,
    provider,
    startEpoch: terms.startEpoch,
    endEpoch: terms.endEpoch,
    costAtto: cost,
  }));
  const planned = proposalsOf(steps).map(({ pieceId, provider, startEpoch, endEpoch, costAtto: cost }) => ({
    pieceId,
    provider,
    startEpoch,
    endEpoch,
    costAtto: cost,
  }));
  const byId = (a: { pieceId: string; provider: string }, b: { pieceId: string; provider: string }): number =>
    `${a.pieceId} ${a.provider}` < `${b.pieceId} ${b.provider}` ? -1 : 1;
  t.is(planned.length, 6);
  t.deepEqual(planned.sort(byId), expected.sort(byId));
  t.true(costAtto === (await cold.committedAtto()));
  t.false(more);
});

test('a preview says what is built next and why something waits, and how much there is beyond its limit', async (t) => {
  const cold = await createBuilt(1);
  cold.disk.isFull = true;
  await cold.pin(2);
  await cold.pass('pieces');
  const { steps } = await cold.view.preview(100);
  t.like(steps[0], { contents: 1, sampleKeys: [createContentKey(2)], step: { kind: 'build', why: { code: 'no_room' } } });
  t.is(proposalsOf(steps).length, 3);
  for (const id of PROVIDERS) await cold.view.suspend(id, 'holiday');
  const waiting = (await cold.view.preview(100)).steps.at(-1);
  t.is(waiting?.step.kind, 'wait');
  t.like(await cold.view.preview(1), { steps: { length: 1 }, more: true });
});

test('what waits until later is shown with what it waits for, and how many have too few copies', async (t) => {
  const cold = await createBuilt(1, 2);
  t.is(await cold.view.shortage(), undefined);
  for (const id of PROVIDERS) await cold.view.suspend(id, 'holiday');
  await cold.pass('create');
  const { steps, costAtto, more } = await cold.view.preview(100);
  t.deepEqual(
    steps.map(({ sampleKeys, step }) => [sampleKeys[0], step.kind, step.why.code]).sort(),
    [1, 2].map((number) => [createContentKey(number), 'wait', 'no_provider']).sort(),
  );
  t.deepEqual([costAtto, more], [0n, false]);
  t.like(await cold.view.preview(1), { steps: { length: 1 }, more: true });
  t.like(await cold.view.shortage(), { pieces: 2, belowMin: 2, isMore: false, why: { code: 'no_provider' } });
});

test('what has all its copies, or has them on their way, lacks nothing', async (t) => {
  const cold = await createBuilt(1);
  await cold.pass('create');
  t.is(await cold.view.shortage(), undefined);
  await cold.stored(2);
  await cold.pass('create', 'renew');
  t.is(await cold.view.shortage(), undefined);
  t.deepEqual((await cold.view.preview(100)).steps, []);
});

test('a preview while spending is frozen shows what would be done without it', async (t) => {
  const cold = await createBuilt(1);
  await cold.view.freeze('stop');
  t.is(proposalsOf((await cold.view.preview(100)).steps).length, 3);
  await cold.pass('create');
  t.deepEqual(cold.maker.sends, []);
});

test('freeze stops, unfreeze goes on and wakes who waits; there is nothing to unfreeze when nothing is frozen', async (t) => {
  const cold = await createBuilt(1);
  await t.throwsAsync(cold.view.unfreeze(), { message: /not frozen/ });
  t.is(cold.woken, 0);
  t.like(await cold.view.freeze('for now'), { by: 'operator', code: 'frozen', text: 'for now' });
  t.like(await cold.view.freeze('again'), { text: 'for now' });
  t.is(cold.view.held()?.code, 'frozen');
  await cold.view.unfreeze();
  t.is(cold.woken, 1);
  t.is(cold.view.held(), undefined);
  await cold.pass('create');
  t.is(cold.maker.sends.length, 3);
});

test('a suspended provider gets no new deal, keeps those it has, and is asked again when it is not suspended any more', async (t) => {
  const cold = await createBuilt(1);
  await cold.pass('create');
  const [first] = cold.maker.sends;
  const suspended = first?.provider ?? '';
  t.is((await cold.view.suspend(suspended, 'slow')).suspended?.text, 'slow');
  for (const id of PROVIDERS) if (id !== suspended) await cold.view.suspend(id, 'all of them');
  await cold.pin(2);
  const asked = cold.maker.asks;
  await cold.pass('pieces', 'create');
  t.is(cold.maker.sends.length, 3);
  t.is(cold.maker.asks, asked);
  t.is(cold.store.totals().deals.proposed, 3);
  t.is((await cold.view.unsuspend(suspended)).suspended, undefined);
  t.is(cold.woken, 1);
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.deepEqual(
    cold.maker.sends.slice(3).map(({ provider }) => provider),
    [suspended],
  );
});

test('nothing can be said or changed of a provider that nobody knows', async (t) => {
  const cold = await TestCold.create();
  for (const act of [
    () => cold.view.suspend('f0999', 'x'),
    () => cold.view.unsuspend('f0999'),
    () => cold.view.refresh('f0999', new AbortController().signal),
  ])
    await t.throwsAsync(act, { message: /f0999/ });
  t.deepEqual(await cold.store.providers(), []);
});

test('what a look at the chain has shown can be read: head, funds, budget', async (t) => {
  const cold = await createBuilt(1);
  cold.chain.escrowAtto = 7n;
  await cold.pass('create');
  t.like(cold.view.lastView(), { view: { headEpoch: cold.chain.headEpoch }, atMs: cold.clock.nowMs() });
  t.deepEqual(cold.view.funds(), { escrowAtto: 7n, lockedAtto: 0n, walletAtto: cold.chain.walletAtto, address: 'f1me' });
  const { perDayAtto, day, committedAtto } = await cold.view.budget();
  t.is(day, Math.floor(cold.chain.headEpoch / 2_880));
  t.true(perDayAtto === cold.rules.perDayAtto && committedAtto > 0n);
});
