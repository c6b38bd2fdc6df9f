import test from 'ava';

import { EPOCHS_PER_DAY } from '../../daemon/domain/epoch.ts';
import { TestCold, type TestColdOptions } from '../fixtures/create-cold-reconcilers.ts';

/** A piece with an active copy of each provider that was asked, and who gives its bytes. */
async function create(options: TestColdOptions = {}): Promise<{ cold: TestCold; pieceId: string }> {
  const cold = await TestCold.create({ policy: { replicas: { min: 1, target: 1 } }, ...options });
  const pieceId = await cold.build(1);
  cold.maker.bytes = cold.disk.staged.get(pieceId) ?? new Uint8Array();
  await cold.pass('create');
  await cold.activate(await cold.deals(pieceId));
  return { cold, pieceId };
}

async function dealOf(cold: TestCold, pieceId: string) {
  const [deal] = await cold.deals(pieceId);
  if (deal === undefined) throw new Error('there is no deal');
  return deal;
}

test('bytes that come back and hash to the piece are kept as evidence', async (t) => {
  const { cold, pieceId } = await create();
  t.like(await cold.pass('sample'), { due: 1, done: 1, failed: 0 });
  const deal = await dealOf(cold, pieceId);
  const { built } = await cold.piece(pieceId);
  const { finalityEpochs } = cold.rules;
  t.like(deal.retrievalEvidence, { kind: 'retrieval', bytes: built?.carSizeBytes, seenEpoch: cold.chain.headEpoch - finalityEpochs });
  t.is((await cold.store.provider(deal.provider))?.value.events.at(-1)?.kind, 'verified');
});

for (const [what, bytes] of [
  ['do not come back', undefined],
  ['are others', Buffer.from('something else')],
] as const) {
  test(`bytes that ${what} are the provider's shame, and the deal is not lost by that`, async (t) => {
    const { cold, pieceId } = await create();
    await cold.pass('sample');
    const { retrievalEvidence, provider } = await dealOf(cold, pieceId);
    cold.maker.bytes = bytes;
    for (let times = 0; times < 5; times++) {
      cold.advance(cold.rules.recheckEpochs + cold.rules.finalityEpochs);
      t.like(await cold.pass('sample'), { due: 1, failed: 1 });
      await cold.pass('verify', 'renew', 'create');
    }
    const deal = await dealOf(cold, pieceId);
    t.is(deal.state, 'active');
    t.is(deal.suspectSinceEpoch, undefined);
    t.truthy(deal.retrievalFailure);
    t.deepEqual(deal.retrievalEvidence, retrievalEvidence, 'what was once proven stays on record');
    const events = (await cold.store.provider(provider))?.value.events ?? [];
    t.is(events.filter(({ kind }) => kind === 'retrieval_failed').length, 5);
    t.is(cold.maker.sends.length, 1, 'no copy is bought in its place');
    t.is(cold.store.breaker(), undefined);
  });
}

test('a success after a failure takes the failure off the deal', async (t) => {
  const { cold, pieceId } = await create();
  const { bytes } = cold.maker;
  cold.maker.bytes = undefined;
  await cold.pass('sample');
  cold.maker.bytes = bytes;
  cold.advance(cold.rules.recheckEpochs);
  await cold.pass('sample');
  const deal = await dealOf(cold, pieceId);
  t.is(deal.retrievalFailure, undefined);
  t.truthy(deal.retrievalEvidence);
});

test('a deal is not sampled again at once', async (t) => {
  const { cold } = await create();
  await cold.pass('sample');
  t.deepEqual((await cold.pass('sample')).skipped, { recent: 1 });
  t.is(cold.maker.retrieved.length, 1);
});

test('no more bytes are fetched in a day than allowed, however often and by whatever clock; the next day has its own', async (t) => {
  const { cold } = await create({ rules: { sampleBytesPerDay: 15 * 2 ** 20, recheckEpochs: 1 } });
  await cold.pass('sample');
  for (const offMs of [0, 365 * 86_400_000, -730 * 86_400_000]) {
    cold.clock.tick(offMs);
    cold.chain.headEpoch += 20;
    t.deepEqual((await cold.pass('sample')).skipped, { over_bytes: 1 });
  }
  t.is(cold.maker.retrieved.length, 1);
  cold.chain.headEpoch += EPOCHS_PER_DAY;
  t.like(await cold.pass('sample'), { done: 1 });
});

test('nothing that costs is fetched without a budget for it, and no more than that', async (t) => {
  const { cold } = await create();
  cold.maker.priceAtto = 1n;
  t.deepEqual((await cold.pass('sample')).skipped, { over_money: 1 });
  const { cold: paying } = await create({ rules: { sampleAttoPerDay: 15n, recheckEpochs: 1 } });
  paying.maker.priceAtto = 10n;
  t.like(await paying.pass('sample'), { done: 1 });
  paying.chain.headEpoch += 20;
  t.deepEqual((await paying.pass('sample')).skipped, { over_money: 1 });
  t.deepEqual([cold.maker.retrieved.length, paying.maker.retrieved.length], [0, 1]);
});

test('while spending is frozen only what is free is fetched', async (t) => {
  const { cold } = await create({ rules: { sampleAttoPerDay: 100n } });
  await cold.view.freeze('stop');
  cold.maker.priceAtto = 10n;
  t.deepEqual((await cold.pass('sample')).skipped, { held: 1 });
  cold.maker.priceAtto = 0n;
  t.like(await cold.pass('sample'), { done: 1 });
});

test('a provider that does not offer retrieval is not asked for bytes', async (t) => {
  const { cold } = await create();
  cold.maker.priceAtto = undefined;
  t.deepEqual((await cold.pass('sample')).skipped, { not_offered: 1 });
  t.deepEqual(cold.maker.retrieved, []);
});

test('bytes that did not come back are booked too: a provider that cuts every transfer does not get us to fetch for ever', async (t) => {
  const { cold } = await create({ rules: { sampleBytesPerDay: 15 * 2 ** 20, recheckEpochs: 1 } });
  cold.maker.bytes = undefined;
  await cold.pass('sample');
  cold.chain.headEpoch += 20;
  t.deepEqual((await cold.pass('sample')).skipped, { over_bytes: 1 });
});

test('without a chain or an active deal nothing is sampled', async (t) => {
  const cold = await TestCold.create();
  t.like(await cold.pass('sample'), { due: 0, done: 0, failed: 0 });
  const { cold: away } = await create();
  away.chain.failure = 'unreachable';
  t.deepEqual((await away.pass('sample')).skipped, { lotus_down: 1 });
});
