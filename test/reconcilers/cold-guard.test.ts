import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { EPOCHS_PER_DAY } from '../../daemon/domain/epoch.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

const only = { policy: { replicas: { min: 1, target: 1 } } };
const YEAR_MS = 365 * 86_400_000;

const breakerOf = (cold: TestCold): string | undefined => cold.store.breaker()?.value.code;

/** One more pass, so much later. */
async function lookAgain(cold: TestCold, epochs = 1): Promise<void> {
  cold.advance(epochs);
  await cold.pass('create');
}

test('passes that begin together share one look at the chain, and the next pass takes a look of its own', async (t) => {
  const cold = await TestCold.create();
  await Promise.all([cold.pass('create'), cold.pass('renew'), cold.pass('verify')]);
  t.is(cold.chain.views, 1);
  await cold.pass('verify');
  t.is(cold.chain.views, 2);
});

test('a whole pass over many pieces takes one look', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 1 } });
  for (const number of [1, 2, 3, 4]) await cold.pin(number);
  await cold.pass('pieces');
  t.is(cold.store.totals().pieces.built, 4);
  await cold.pass('create');
  t.is(cold.maker.sends.length, 12);
  t.is(cold.chain.views, 1);
});

test('before the first look nothing may be spent', async (t) => {
  const cold = await TestCold.create();
  t.is(cold.view.held()?.code, 'starting');
  await cold.pass('create');
  t.is(cold.view.held(), undefined);
});

for (const [code, begin, end] of [
  ['lotus_down', { failure: 'unreachable' }, { failure: undefined }],
  ['lotus_token', { failure: 'unauthorized' }, { failure: undefined }],
  ['lotus_behind', { behindSeconds: 601 }, { behindSeconds: 600 }],
  ['wallet_empty', { walletAtto: 0n }, { walletAtto: 10n ** 18n }],
] as const) {
  test(`${code}: deals wait with that reason, and go on by themselves when its cause has gone`, async (t) => {
    const cold = await TestCold.create(only);
    await cold.pass('create');
    await cold.build(1);
    Object.assign(cold.chain, begin);
    await cold.pass('create');
    t.is(cold.view.held()?.code, code);
    t.is(cold.maker.sends.length, 0);
    Object.assign(cold.chain, end);
    await lookAgain(cold);
    t.is(cold.view.held(), undefined);
    t.is(cold.maker.sends.length, 1);
    t.is(breakerOf(cold), undefined);
  });
}

test('what the maker says about its wallet holds spending in its words', async (t) => {
  const cold = await TestCold.create(only);
  await cold.build(1);
  cold.maker.problemNow = { code: 'weak_token', text: 'the token may not sign' };
  await cold.pass('create');
  t.deepEqual(cold.view.held(), cold.maker.problemNow);
  cold.maker.problemNow = undefined;
  await lookAgain(cold);
  t.is(cold.maker.sends.length, 1);
});

for (const [what, change] of [
  ['another network', { network: 'othernet' }],
  ['another genesis', { genesisCid: 'bafyother' }],
  ['a chain that is younger than the store', { headEpoch: 9_000 }],
] as const) {
  test(`${what}: nothing is concluded of any deal and nothing is spent, until the node is back`, async (t) => {
    const cold = await TestCold.create(only);
    const pieceId = await cold.stored(1);
    const before = await cold.deals(pieceId);
    const { headEpoch } = cold.chain;
    const known = new Map(cold.chain.deals);
    Object.assign(cold.chain, change, { clientId: 'f077' });
    cold.chain.deals.clear();
    cold.begin();
    for (let times = 0; times < 3; times++) {
      cold.chain.headEpoch += times;
      t.deepEqual((await cold.pass('verify')).skipped, { other_network: 1 });
    }
    t.deepEqual(await cold.deals(pieceId), before);
    t.is(cold.view.held()?.code, 'other_network');
    Object.assign(cold.chain, { network: 'net', genesisCid: 'bafygenesis', clientId: 'f099', headEpoch });
    for (const [id, deal] of known) cold.chain.deals.set(id, deal);
    for (let times = 0; times < 3; times++) {
      cold.advance(cold.rules.recheckEpochs);
      await cold.pass('verify');
    }
    t.is(cold.view.held(), undefined);
    const [deal] = await cold.deals(pieceId);
    t.like(deal, { state: 'active', activeEvidence: { seenEpoch: cold.chain.headEpoch - cold.rules.finalityEpochs } });
  });
}

test('a chain that is younger is told once, not with each of its epochs', async (t) => {
  const cold = await TestCold.create(only);
  await cold.stored(1);
  cold.chain.headEpoch = 5_000;
  const told: string[] = [];
  cold.log.warn = (...words: unknown[]) => void told.push(String(words.at(-1)));
  cold.begin();
  for (let times = 0; times < 5; times++) {
    cold.chain.headEpoch += 1;
    await cold.pass('verify');
  }
  t.is(told.filter((text) => text.includes('younger')).length, 1);
});

test('another wallet stops spending until the operator says that it is meant', async (t) => {
  const cold = await TestCold.create();
  await cold.pass('create');
  cold.maker.walletAddress = 'f1other';
  await lookAgain(cold);
  t.is(breakerOf(cold), 'ledger');
  await cold.view.unfreeze();
  await lookAgain(cold);
  t.is(breakerOf(cold), undefined);
  t.is(cold.store.chain()?.value.wallet, 'f1other');
});

for (const [code, change, back] of [
  ['store_older', { escrowAtto: 1_000n, lockedAtto: 500n }, { lockedAtto: 0n }],
  ['ledger', { escrowAtto: 400n }, { escrowAtto: 1_000n }],
] as const) {
  const what = code === 'ledger' ? 'escrow that somebody takes' : 'locked money that no deal explains';

  test(`${what} stops spending at the second sight, on a later finalized epoch`, async (t) => {
    const cold = await TestCold.create();
    cold.chain.escrowAtto = 1_000n;
    await cold.pass('create');
    Object.assign(cold.chain, change);
    await lookAgain(cold);
    t.is(breakerOf(cold), undefined);
    await lookAgain(cold, 0);
    t.is(breakerOf(cold), undefined, 'the same finalized epoch says nothing new');
    await lookAgain(cold);
    t.is(breakerOf(cold), code);
  });

  test(`${what} once, and explained at the next look, stops nothing`, async (t) => {
    const cold = await TestCold.create();
    cold.chain.escrowAtto = 1_000n;
    await cold.pass('create');
    Object.assign(cold.chain, change);
    await lookAgain(cold);
    Object.assign(cold.chain, back);
    for (let times = 0; times < 3; times++) await lookAgain(cold);
    t.is(breakerOf(cold), undefined);
  });

  test(`${what} is accepted by unfreezing, and raises no alarm again`, async (t) => {
    const cold = await TestCold.create();
    cold.chain.escrowAtto = 1_000n;
    await cold.pass('create');
    Object.assign(cold.chain, change);
    for (let times = 0; times < 3; times++) await lookAgain(cold);
    t.is(breakerOf(cold), code);
    await cold.view.unfreeze();
    for (let times = 0; times < 3; times++) await lookAgain(cold);
    t.is(breakerOf(cold), undefined);
  });
}

test('money that our own deals lock explains itself', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const deals = await cold.deals(pieceId);
  cold.chain.lockedAtto = deals.reduce((sum, { costAtto }) => sum + costAtto, 0n);
  cold.chain.escrowAtto = cold.chain.lockedAtto;
  cold.chain.walletAtto -= cold.chain.lockedAtto;
  for (let times = 0; times < 3; times++) await lookAgain(cold);
  t.is(breakerOf(cold), undefined);
});

/** Providers look at the escrow; one deal is active, and locks all that it costs. */
async function escrowWithDeal(): Promise<{ cold: TestCold; costAtto: bigint }> {
  const cold = await TestCold.create(only);
  Object.assign(cold.maker, { paysFromEscrow: true });
  cold.chain.escrowAtto = 10n ** 9n;
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const [deal] = await cold.deals(pieceId);
  if (deal === undefined) throw new Error('no deal was made');
  await cold.publish(deal);
  return { cold, costAtto: deal.costAtto };
}

test('what the chain has paid is free for new deals, also before our deals know that it was', async (t) => {
  const { cold, costAtto } = await escrowWithDeal();
  cold.chain.lockedAtto = costAtto;
  await lookAgain(cold, cold.rules.pollCapEpochs + 1);
  await cold.pass('verify');
  await lookAgain(cold);
  t.is(await cold.parts.guard.availableAtto(), 10n ** 9n - costAtto);
  cold.chain.escrowAtto -= costAtto;
  cold.chain.lockedAtto = 0n;
  await lookAgain(cold);
  t.is(await cold.parts.guard.availableAtto(), 10n ** 9n - costAtto);
});

test('the escrow is shown as the last look at the chain found it, all of it, also between passes over it and while frozen', async (t) => {
  const { cold, costAtto } = await escrowWithDeal();
  const board = { state: { code: 'enough', text: '' }, warnings: [], escrowAtto: 1n, lockedAtto: 0n, freeAtto: 1n, levelAtto: 1n };
  cold.parts.board.put(board);
  cold.chain.lockedAtto = costAtto;
  await cold.view.freeze('for a while');
  await lookAgain(cold, cold.rules.pollCapEpochs + 1);
  await cold.pass('verify');
  await lookAgain(cold);
  t.like(cold.view.escrow(), { escrowAtto: 10n ** 9n, lockedAtto: costAtto, freeAtto: 10n ** 9n - costAtto, levelAtto: 1n });
});

test('a deal that becomes active while no balance is read is not free money', async (t) => {
  const { cold, costAtto } = await escrowWithDeal();
  cold.chain.marketBalance = async () => {
    throw new ColdError('unreachable', 'no answer');
  };
  cold.advance(cold.rules.pollCapEpochs + 1);
  await cold.pass('verify');
  t.is(cold.store.totals().deals.active, 1);
  t.is(await cold.parts.guard.availableAtto(), 10n ** 9n - costAtto);
});

test('balances that were not read raise no alarm, and those that were read last go on to count', async (t) => {
  const cold = await TestCold.create(only);
  cold.chain.escrowAtto = 1_000n;
  await cold.pass('create');
  cold.chain.marketBalance = async () => {
    throw new ColdError('unreachable', 'no answer');
  };
  for (let times = 0; times < 3; times++) await lookAgain(cold);
  t.is(breakerOf(cold), undefined);
  t.is(cold.view.funds()?.escrowAtto, 1_000n);
});

test('unfreezing outlasts passes that write of the chain at the same moment', async (t) => {
  const cold = await TestCold.create();
  await cold.pass('create');
  await cold.view.freeze('for a while');
  const { store } = cold;
  const { write } = store;
  let others = 3;
  store.write = async (change) => {
    if (change.breaker !== undefined && others-- > 0) {
      const before = store.chain();
      if (before !== undefined)
        await write({ chain: { before, after: { ...before.value, finalizedEpoch: before.value.finalizedEpoch + 1 } } });
    }
    await write(change);
  };
  await cold.view.unfreeze();
  t.is(breakerOf(cold), undefined);
  t.is(others, -1, 'and three were first');
  await t.throwsAsync(cold.view.unfreeze(), { code: 'NOT_FOUND' });
});

test('the breaker survives the process', async (t) => {
  const cold = await TestCold.create(only);
  await cold.build(1);
  await cold.view.freeze('for a while');
  cold.begin();
  await cold.pass('create');
  t.deepEqual(cold.view.held(), { code: 'frozen', text: 'spending is frozen: for a while' });
  t.deepEqual(cold.maker.sends, []);
});

test('the budget of a day is that of epochs: no clock gives more of it, the next day does', async (t) => {
  const costAtto = 15n * 10_000n;
  const cold = await TestCold.create({ policy: { replicas: { min: 1, target: 3 } }, rules: { perDayAtto: 2n * costAtto } });
  const pieceId = await cold.build(1);
  await cold.pass('create');
  t.is(cold.maker.sends.length, 2);
  t.is(await cold.committedAtto(), 2n * costAtto);
  t.is((await cold.piece(pieceId)).next.code, 'over_budget');
  for (const offMs of [YEAR_MS, -2 * YEAR_MS]) {
    cold.clock.tick(offMs);
    cold.chain.headEpoch += 1;
    await cold.pass('create', 'renew');
    t.is(cold.maker.sends.length, 2);
  }
  const { day } = await cold.view.budget();
  cold.chain.headEpoch = (day + 1) * EPOCHS_PER_DAY - 1;
  await cold.pass('create');
  t.is(cold.maker.sends.length, 2);
  cold.chain.headEpoch += 1;
  await cold.pass('create');
  t.is(cold.maker.sends.length, 3);
  t.is(await cold.committedAtto(), costAtto);
});

test('a deal above budget.per_deal is made by nobody', async (t) => {
  const cold = await TestCold.create({ rules: { perDealAtto: 1n } });
  const pieceId = await cold.build(1);
  await cold.pass('create');
  t.is((await cold.piece(pieceId)).next.code, 'over_deal_cap');
  t.deepEqual(cold.maker.prepared, []);
});

test('a provider that does not answer gets a rest, unless it is the node that does not', async (t) => {
  const cold = await TestCold.create();
  cold.maker.ask = async () => {
    throw new ColdError('unreachable', 'no answer');
  };
  const { signal } = new AbortController();
  t.is((await cold.view.refresh('f01', signal)).failuresInRow, 1);
  cold.chain.failure = 'unreachable';
  t.is((await cold.view.refresh('f02', signal)).failuresInRow, 0);
});
