import test from 'ava';

import { TestCold, type TestColdOptions } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const MIB = 2 ** 20;
const KEPT = createContentKey(5);

/** Nobody wants these any more, so that the piece can only be had whole from those who have it. */
async function dies(cold: TestCold, pieceId: string, ...numbers: number[]): Promise<void> {
  cold.maker.bytes = cold.disk.staged.get(pieceId);
  await cold.pass('create');
  for (const number of numbers) await cold.unpin(number);
  await cold.pass('pieces');
}

async function untilRenewal(cold: TestCold, pieceId: string): Promise<void> {
  const [deal] = await cold.deals(pieceId);
  cold.advance((deal?.terms.endEpoch ?? 0) - cold.policy.renewBeforeEpochs - cold.chain.headEpoch);
}

/** A piece of five contents with all its copies, of which only the fifth is wanted still; its copies come to their end. */
async function nearEnd(options: TestColdOptions = {}): Promise<{ cold: TestCold; old: string }> {
  const cold = await TestCold.create({ ...options, policy: { minFillBytes: 60 * MIB, ...options.policy } });
  const old = await cold.stored(1, 2, 3, 4, 5);
  await dies(cold, old, 1, 2, 3, 4);
  await untilRenewal(cold, old);
  await cold.pass('verify', 'renew', 'pieces');
  return { cold, old };
}

/** The piece that the content has come into after that one. */
async function newerThan(cold: TestCold, old: string, contentKey = KEPT) {
  return (await cold.store.piecesOf(contentKey)).map(({ value }) => value).find(({ id }) => id !== old);
}

async function activeOf(cold: TestCold, pieceId: string): Promise<number> {
  return (await cold.deals(pieceId)).filter(({ state }) => state === 'active').length;
}

const waitingKeys = async (cold: TestCold): Promise<string[]> =>
  (await cold.store.waiting('default')).map(({ contentKey }) => contentKey).sort();

/** What waits has waited for long enough, and its piece has deals. */
async function repackedInto(cold: TestCold, old: string): Promise<string> {
  cold.advance(cold.policy.maxWaitMs / 30_000 + 1);
  await cold.pass('pieces', 'create');
  const piece = await newerThan(cold, old);
  if (piece === undefined) throw new Error('there is no other piece');
  return piece.id;
}

async function nextLook(cold: TestCold): Promise<void> {
  cold.advance(cold.rules.retryEpochs + 1);
  await cold.pass('verify', 'renew', 'pieces');
}

/** Its hot copy goes, as the cold ones are proven. */
async function letGo(cold: TestCold, number: number): Promise<void> {
  const { pins } = cold.stores;
  await pins.evict(createContentKey(number), 'test');
  cold.hot.delete(createContentKey(number));
  for (const { key } of await pins.releasing(100)) await pins.released(key);
}

/** As the retrieval does it. */
async function bringBack(cold: TestCold, contentKey: string): Promise<void> {
  const { pins } = cold.stores;
  if (!(await pins.beginWarm(contentKey))) return;
  cold.hot.add(contentKey);
  await pins.endWarm(contentKey, { sizeBytes: 10 * MIB, blocks: 1 });
}

test('of a mostly dead piece what is wanted gets its copies in another one, then it is retired; nothing is renewed', async (t) => {
  const { cold, old } = await nearEnd();
  t.like(await cold.piece(old), { state: 'built', next: { code: 'repacking' }, summary: { active: 3 } });
  t.deepEqual(await waitingKeys(cold), [KEPT]);
  const newer = await repackedInto(cold, old);
  t.is((await cold.piece(newer)).members.length, 1);
  await nextLook(cold);
  t.like(await cold.piece(old), { state: 'built', next: { code: 'repacking' } }, 'the new deals are only on their way');
  t.is(await activeOf(cold, old), 3);

  await cold.activate(await cold.deals(newer));
  await nextLook(cold);
  t.like(await cold.piece(old), { state: 'retired', next: { code: 'repacked' } });
  t.is(await activeOf(cold, old), 3, 'its deals run on');
  t.is(await activeOf(cold, newer), 3);
  t.is(cold.maker.sends.length, 6);

  cold.advance(cold.policy.renewBeforeEpochs);
  await cold.pass('verify', 'create', 'renew', 'pieces');
  t.deepEqual([await activeOf(cold, old), await activeOf(cold, newer), cold.maker.sends.length], [0, 3, 6]);
  t.deepEqual(await waitingKeys(cold), []);
});

test('contents of one piece that are unpinned together are all marked in one pass', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 60 * MIB } });
  const pieceId = await cold.stored(1, 2, 3, 4, 5);
  for (const number of [1, 2, 3, 4]) await cold.unpin(number);
  const { done, failed, skipped } = await cold.pass('pieces');
  t.deepEqual([done, failed, skipped], [4, 0, {}]);
  t.is((await cold.piece(pieceId)).members.filter(({ gone }) => gone === true).length, 4);
});

test('what would be done says so before it is done', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 60 * MIB } });
  const old = await cold.stored(1, 2, 3, 4, 5);
  await dies(cold, old, 1, 2, 3, 4);
  await untilRenewal(cold, old);
  await cold.pass('verify');
  const { steps } = await cold.view.preview(10);
  t.like(steps, [{ pieceId: old, contents: 1, step: { kind: 'wait', why: { code: 'repacking' } } }]);
});

test('several pieces that die are repacked together, into one', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 60 * MIB } });
  const olds = [await cold.stored(1, 2, 3), await cold.stored(4, 5, 6)];
  await dies(cold, olds[0] ?? '', 1, 2, 4, 6);
  await untilRenewal(cold, olds[1] ?? '');
  await cold.pass('verify', 'renew', 'pieces');
  t.deepEqual(await waitingKeys(cold), [createContentKey(3), createContentKey(5)].sort());
  cold.advance(cold.policy.maxWaitMs / 30_000 + 1);
  await cold.pass('pieces', 'create');
  const newer = await newerThan(cold, olds[1] ?? '');
  t.is(newer?.members.length, 2);
  await cold.activate(await cold.deals(newer?.id ?? ''));
  await nextLook(cold);
  for (const old of olds) t.is((await cold.piece(old)).state, 'retired');
});

test('where no other piece gets its copies in time the old one is renewed after all, and nothing waits beside', async (t) => {
  const { cold, old } = await nearEnd({ policy: { maxWaitMs: 100 * 30_000 } });
  cold.disk.isFull = true;
  cold.advance(101);
  await cold.pass('pieces');
  t.is((await newerThan(cold, old))?.state, 'sealed', 'there is no room to build it');
  cold.advance(cold.policy.renewBeforeEpochs / 2 - 102);
  await nextLook(cold);
  t.truthy((await cold.piece(old)).repack?.givenUpEpoch);
  cold.disk.isFull = false;
  await nextLook(cold);
  const renewals = (await cold.deals(old)).filter(({ reason }) => reason === 'expiring');
  t.is(renewals.length, 3);
  await cold.activate(renewals);
  t.deepEqual(await waitingKeys(cold), []);
});

test('what waits when time is up waits no more', async (t) => {
  const { cold, old } = await nearEnd();
  t.deepEqual(await waitingKeys(cold), [KEPT]);
  // Spending is held for as long as that: no piece is looked at.
  cold.chain.headEpoch += cold.policy.renewBeforeEpochs / 2;
  await cold.pass('renew', 'pieces');
  t.deepEqual(await waitingKeys(cold), []);
  t.is((await cold.deals(old)).filter(({ reason }) => reason === 'expiring').length, 3);
  t.is(await newerThan(cold, old), undefined);
});

test('a content that is cold only comes back hot for it; one that nobody gives back leaves the old piece to be renewed', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 60 * MIB } });
  const asked: string[] = [];
  const old = await cold.stored(1, 2, 3, 4, 5, 6);
  await dies(cold, old, 1, 2, 3, 4);
  for (const number of [5, 6]) await letGo(cold, number);
  cold.warm = async (contentKey) => {
    asked.push(contentKey);
    if (contentKey === KEPT) await bringBack(cold, contentKey);
  };
  await untilRenewal(cold, old);
  await cold.pass('verify', 'renew', 'pieces');
  t.deepEqual(asked.sort(), [KEPT, createContentKey(6)].sort());
  await nextLook(cold);
  t.deepEqual(await waitingKeys(cold), [KEPT]);
  const newer = await repackedInto(cold, old);
  await cold.activate(await cold.deals(newer));
  await nextLook(cold);
  t.like(await cold.piece(old), { state: 'built', next: { code: 'repacking' } }, 'one content has its copies here alone');
  cold.chain.headEpoch += cold.policy.renewBeforeEpochs / 2;
  await cold.pass('renew', 'pieces');
  t.is((await cold.deals(old)).filter(({ reason }) => reason === 'expiring').length, 3);
  t.is(await activeOf(cold, newer), 3);
});

test('without room in the hot tier nothing is brought back for it', async (t) => {
  const cold = await TestCold.create({ policy: { minFillBytes: 60 * MIB } });
  let asked = 0;
  cold.warm = async () => void asked++;
  const old = await cold.stored(1, 2, 3, 4, 5);
  await dies(cold, old, 1, 2, 3, 4);
  await letGo(cold, 5);
  await untilRenewal(cold, old);
  cold.hasRoom = () => false;
  await cold.pass('verify', 'renew', 'pieces');
  t.is(asked, 0);
  cold.hasRoom = () => true;
  await nextLook(cold);
  t.is(asked, 1);
});

test('a copy that is lost meanwhile is made good', async (t) => {
  const { cold, old } = await nearEnd();
  const [lost] = await cold.deals(old);
  cold.chain.deals.delete(lost?.chainDealId ?? 0);
  for (let looks = 0; looks < 8; looks++) await nextLook(cold);
  const reasons = (await cold.deals(old)).map(({ reason }) => reason);
  t.deepEqual(reasons, ['missing', 'missing', 'missing', 'lost']);
});

test('a pin that goes meanwhile leaves nothing to be repacked, and one that comes back is not in two pieces for ever', async (t) => {
  const { cold, old } = await nearEnd();
  await cold.unpin(5);
  await cold.pass('pieces');
  t.is((await cold.piece(old)).state, 'retired');
  t.deepEqual(await waitingKeys(cold), []);
  await cold.pin(5);
  await cold.pass('pieces', 'renew', 'pieces');
  t.like(await cold.piece(old), { state: 'built', next: { code: 'repacking' } });
  t.deepEqual(await waitingKeys(cold), [KEPT]);
  const newer = await repackedInto(cold, old);
  await cold.activate(await cold.deals(newer));
  await nextLook(cold);
  t.is((await cold.piece(old)).state, 'retired');
  await cold.unpin(5);
  await cold.pass('pieces');
  await cold.pin(5);
  await cold.pass('pieces');
  t.deepEqual([(await cold.piece(old)).state, (await cold.piece(newer)).state], ['retired', 'built']);
  t.is(cold.maker.sends.length, 6);
});

test('when most of it is pinned again it is renewed like any other', async (t) => {
  const { cold, old } = await nearEnd();
  for (const number of [1, 2, 3]) await cold.pin(number);
  await cold.pass('pieces');
  t.is((await waitingKeys(cold)).length, 4, 'they wait as long as it is not looked at');
  await nextLook(cold);
  t.deepEqual(await waitingKeys(cold), []);
  t.is((await cold.deals(old)).filter(({ reason }) => reason === 'expiring').length, 3);
});

test('a second pin of the same content changes nothing', async (t) => {
  const { cold, old } = await nearEnd();
  await cold.pin(5);
  await cold.pass('pieces', 'renew');
  t.deepEqual(await waitingKeys(cold), [KEPT]);
  const newer = await repackedInto(cold, old);
  await cold.pin(5);
  await cold.pass('pieces');
  t.deepEqual(await waitingKeys(cold), []);
  t.is((await cold.store.piecesOf(KEPT)).length, 2);
  t.is((await cold.piece(newer)).members.length, 1);
});

test('a new process at any point goes on from there', async (t) => {
  const { cold, old } = await nearEnd();
  cold.begin();
  const newer = await repackedInto(cold, old);
  cold.begin();
  await cold.activate(await cold.deals(newer));
  cold.begin();
  await nextLook(cold);
  cold.begin();
  await nextLook(cold);
  t.is((await cold.piece(old)).state, 'retired');
  t.is(cold.maker.sends.length, 6);
});

test('what was let go before its piece is built is brought back for it', async (t) => {
  const { cold, old } = await nearEnd();
  await letGo(cold, 5);
  const asked: string[] = [];
  cold.warm = async (contentKey) => {
    asked.push(contentKey);
    await bringBack(cold, contentKey);
  };
  cold.advance(cold.policy.maxWaitMs / 30_000 + 1);
  await cold.pass('pieces');
  t.deepEqual(asked, [KEPT]);
  cold.advance(3);
  await cold.pass('pieces');
  t.is((await newerThan(cold, old))?.state, 'built');
});
