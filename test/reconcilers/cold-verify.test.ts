import test from 'ava';

import type { Deal } from '../../daemon/domain/deal.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/** The chain has these no more, and verify has seen it often enough to know. */
async function lose(cold: TestCold, deals: readonly Deal[]): Promise<void> {
  for (const { chainDealId } of deals) cold.chain.deals.delete(chainDealId ?? 0);
  cold.advance(cold.rules.recheckEpochs);
  await cold.pass('verify');
  cold.advance(cold.rules.confirmLostEpochs);
  await cold.pass('verify');
}

const statesOf = (deals: readonly Deal[]): string[] => deals.map(({ state }) => state).sort();

test('one lost copy is seen twice, then replaced with another provider, and spending goes on', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  const [victim] = await cold.deals(pieceId);
  if (victim === undefined) return t.fail();
  cold.chain.deals.delete(victim.chainDealId ?? 0);
  cold.advance(cold.rules.recheckEpochs);
  await cold.pass('verify', 'renew');
  t.deepEqual(statesOf(await cold.deals(pieceId)), ['active', 'active', 'active']);
  t.is(cold.maker.sends.length, 3);
  cold.advance(cold.rules.confirmLostEpochs);
  await cold.pass('verify', 'renew');
  t.is(cold.store.breaker(), undefined);
  const deals = await cold.deals(pieceId);
  t.deepEqual(statesOf(deals), ['active', 'active', 'lost', 'proposed']);
  t.like(
    deals.find(({ state }) => state === 'proposed'),
    { reason: 'lost', replaces: victim.id },
  );
  t.not(deals.find(({ state }) => state === 'proposed')?.provider, victim.provider);
});

test('when copies with three owners are lost at once spending stops before the first of them is written, and nothing is bought', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  const seen: (string | undefined)[] = [];
  const write = cold.store.write.bind(cold.store);
  cold.store.write = (change) => {
    if (change.deals?.some(({ after }) => after?.state === 'lost')) seen.push(cold.store.breaker()?.value.code);
    return write(change);
  };
  await lose(cold, await cold.deals(pieceId));
  t.deepEqual([...new Set(seen)], ['losses']);
  await cold.pass('renew', 'create');
  t.deepEqual(statesOf(await cold.deals(pieceId)), ['lost', 'lost', 'lost']);
  t.is(cold.maker.sends.length, 3);
  cold.store.write = write;
  await cold.view.unfreeze();
  await cold.pass('renew');
  t.is(cold.maker.sends.length, 5, 'with those who have lost nothing');
  cold.advance(cold.rules.backoffEpochs);
  await cold.pass('renew');
  t.is(cold.maker.sends.length, 6);
});

test('a deal of which the chain does not answer stays what it is, and the others are looked at', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  const [silent] = await cold.deals(pieceId);
  cold.chain.silentAbout.add(silent?.chainDealId ?? 0);
  cold.advance(cold.rules.recheckEpochs);
  const finalizedEpoch = cold.chain.headEpoch - cold.rules.finalityEpochs;
  t.like(await cold.pass('verify'), { due: 3, done: 3, failed: 0 });
  const deals = await cold.deals(pieceId);
  t.deepEqual(statesOf(deals), ['active', 'active', 'active']);
  t.is(deals.filter(({ activeEvidence }) => activeEvidence?.seenEpoch === finalizedEpoch).length, 2);
  t.true(deals.every(({ suspectSinceEpoch }) => suspectSinceEpoch === undefined));
});

test('what is on the chain is taken down while spending is frozen', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  await cold.view.freeze('stop');
  await cold.activate(await cold.deals(pieceId));
  t.deepEqual(statesOf(await cold.deals(pieceId)), ['active', 'active', 'active']);
});

test('an active deal is looked at once per recheck, not in every pass', async (t) => {
  const cold = await TestCold.create();
  await cold.stored(1);
  t.like(await cold.pass('verify'), { due: 0 });
  cold.advance(cold.rules.recheckEpochs - 1);
  t.like(await cold.pass('verify'), { due: 0 });
  cold.advance(1);
  t.like(await cold.pass('verify'), { due: 3, done: 3 });
});

test('copies that end soon are replaced in time, each once, while the old ones still run', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.stored(1);
  const olds = await cold.deals(pieceId);
  const renewEpoch = (olds[0]?.terms.endEpoch ?? 0) - cold.policy.renewBeforeEpochs;
  cold.advance(renewEpoch - 1 - cold.chain.headEpoch);
  await cold.pass('verify', 'renew', 'create');
  t.is(cold.maker.sends.length, 3);
  cold.advance(1);
  for (let times = 0; times < 3; times++) await cold.pass('renew', 'create', 'verify');
  t.is(cold.maker.sends.length, 6);
  const deals = await cold.deals(pieceId);
  const news = deals.filter(({ state }) => state === 'proposed');
  t.deepEqual(
    news.map(({ reason }) => reason),
    ['expiring', 'expiring', 'expiring'],
  );
  t.deepEqual(news.map(({ replaces }) => replaces).sort(), olds.map(({ id }) => id).sort());
});

for (const [what, offMs] of [
  ['an hour ahead', HOUR_MS],
  ['an hour back', -HOUR_MS],
  ['a year ahead', YEAR_MS],
  ['a year back', -YEAR_MS],
] as const) {
  test(`a clock that is set ${what} renews nothing, loses nothing, spends nothing, and nothing becomes negative`, async (t) => {
    const cold = await TestCold.create();
    const pieceIds = [await cold.stored(1), await cold.stored(2)];
    const committed = await cold.committedAtto();
    const sends = cold.maker.sends.length;
    cold.clock.tick(offMs);
    for (let times = 0; times < 3; times++) {
      cold.chain.headEpoch += 40;
      await cold.pass('pieces', 'verify', 'renew', 'create', 'sample');
    }
    t.is(cold.maker.sends.length, sends);
    t.is(cold.store.breaker(), undefined);
    t.is(cold.view.held(), undefined);
    for (const pieceId of pieceIds) {
      const deals = await cold.deals(pieceId);
      t.deepEqual(statesOf(deals), ['active', 'active', 'active']);
      t.true(deals.every(({ dueEpoch = 0 }) => dueEpoch > cold.chain.headEpoch - 40));
    }
    t.is(await cold.committedAtto(), committed);
    for (const { value } of await cold.store.providers()) {
      t.true(value.notBeforeEpoch >= 0 && value.failuresInRow >= 0);
      t.true(cold.view.score(value).value >= 0 && cold.view.score(value).value <= 1);
    }
    // Evidence and history read with that clock do not stand in the way once it is right again.
    cold.clock.tick(-offMs);
    cold.advance(cold.rules.recheckEpochs);
    t.like(await cold.pass('verify'), { due: 6, done: 6 });
    await cold.pin(3);
    await cold.pass('pieces');
    cold.clock.tick(cold.policy.maxWaitMs);
    await cold.pass('pieces', 'create');
    t.is(cold.maker.sends.length, sends + 3, 'a new pin gets its copies');
  });

  test(`a content that waits while the clock is set ${what} gets its piece, and waits no longer than max_wait from then`, async (t) => {
    const cold = await TestCold.create();
    await cold.pin(1);
    await cold.pass('pieces');
    cold.clock.tick(offMs);
    await cold.pass('pieces');
    cold.clock.tick(cold.policy.maxWaitMs);
    await cold.pass('pieces');
    t.is(cold.store.totals().pieces.built, 1);
  });
}
