import test from 'ava';

import type { ColdStore } from '../../daemon/domain/cold-store-port.ts';
import type { EscrowLine } from '../../daemon/domain/escrow.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { createDeal, createPiece, createProvider } from '../fixtures/create-cold-records.ts';
import { createMemoryColdStore, createTestColdStore } from '../fixtures/create-cold-store.ts';
import { writeEscrow } from '../fixtures/create-escrow-book.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';

test('what is written is read back, amounts to the last attoFIL, and after a restart too', async (t) => {
  const { cold, reopen } = await createTestColdStore(t);
  const [piece, deal, provider] = [createPiece(1), createDeal(1), createProvider(1)];
  const day = { day: 3, committedAtto: deal.costAtto };
  const breaker = { by: 'operator', code: 'frozen', text: 'a look at the books', atMs: 5 } as const;
  const chain = {
    network: 'testnet',
    genesisCid: 'bafygenesis',
    finalizedEpoch: 7,
    wallet: 'f1abc',
    acceptedLockedAtto: 10n ** 20n + 1n,
    losses: [{ owner: 'f01', epoch: 6 }],
    sampled: { day: 3, bytes: 5, atto: 10n ** 19n + 1n },
  };
  await cold.write({
    pieces: [{ before: undefined, after: piece }],
    deals: [{ before: undefined, after: deal }],
    providers: [{ before: undefined, after: provider }],
    day: { before: undefined, after: day },
    chain: { before: undefined, after: chain },
  });
  await cold.write({ breaker: { before: undefined, after: breaker } });
  for (const opened of [cold, (await reopen()).cold]) {
    t.deepEqual((await opened.piece(piece.id))?.value, piece);
    t.deepEqual((await opened.deal(deal.id))?.value, deal);
    t.deepEqual((await opened.provider(provider.id))?.value, provider);
    t.deepEqual((await opened.day(3))?.value, day);
    t.deepEqual(opened.breaker()?.value, breaker);
    t.deepEqual(opened.chain()?.value, chain);
    t.deepEqual(opened.totals(), { deals: { intended: 1 }, unknownDeals: 0, pieces: { sealed: 1 }, committedAtto: deal.costAtto });
  }
});

test('the book of the escrow and its lines are read back to the last attoFIL, newest first, after a restart too', async (t) => {
  const { cold, reopen } = await createTestColdStore(t);
  t.is(cold.escrow(), undefined);
  const { book, lines } = await writeEscrow(cold);
  for (const opened of [cold, (await reopen()).cold]) {
    t.deepEqual(opened.escrow()?.value, book);
    t.deepEqual(await opened.escrowLines(10), [...lines].reverse());
    t.deepEqual(await opened.escrowLines(1), lines.slice(-1));
  }
  await t.throwsAsync(cold.write({ escrowLines: lines }), { code: 'CONFLICT' });
});

test('while spending is frozen no version of a message is written, and anything else of the book is', async (t) => {
  const { cold } = await createMemoryColdStore();
  const { book } = await writeEscrow(cold);
  await cold.write({ breaker: { before: undefined, after: { by: 'operator', code: 'frozen', text: 'x', atMs: 5 } } });
  const { message } = book;
  if (message === undefined) return t.fail('no message');
  const versions = [...message.versions, ...message.versions.slice(-1)];
  const before = cold.escrow();
  await t.throwsAsync(cold.write({ escrow: { before, after: { ...book, message: { ...message, versions } } } }), { code: 'CONFLICT' });
  await cold.write({ escrow: { before, after: { ...book, epoch: 101 } } });
  t.is(cold.escrow()?.value.epoch, 101);
});

for (const [what, damage, problem] of [
  ['a line that is missing', { escrowLines: (lines: EscrowLine[]) => lines.slice(1) }, /has 3 lines, and not all of them are there/],
  ['lines that say something else than the book', { gift: 1n }, /do not add up to what it says of "gift"/],
  ['an escrow that its lines do not explain', { escrowAtto: 1n }, /book says 0\.000000000000000001 FIL, and its sums come to/],
] as const)
  test(`fbpd check sees ${what}`, async (t) => {
    const { cold, store } = await createMemoryColdStore();
    const { problems: none } = await verifyStore(store as unknown as Parameters<typeof verifyStore>[0]);
    t.deepEqual(none, []);
    await writeEscrow(cold, damage);
    const { problems } = await verifyStore(store as unknown as Parameters<typeof verifyStore>[0]);
    t.true(
      problems.some((one) => problem.test(one)),
      problems.join('; '),
    );
  });

test('a change of what is no longer what it was is a CONFLICT, and nothing of it is written', async (t) => {
  const { cold } = await createMemoryColdStore();
  const deal = createDeal(1);
  await cold.write({ deals: [{ before: undefined, after: deal }] });
  const before = await cold.deal(deal.id);
  await cold.write({ deals: [{ before, after: { ...deal, state: 'proposed' } }] });
  const stale = {
    deals: [{ before, after: { ...deal, state: 'accepted' } as const }],
    pieces: [{ before: undefined, after: createPiece(1) }],
  };
  await t.throwsAsync(cold.write(stale), { code: 'CONFLICT' });
  await t.throwsAsync(cold.write({ deals: [{ before: undefined, after: deal }] }), { code: 'CONFLICT' });
  t.is((await cold.deal(deal.id))?.value.state, 'proposed');
  t.is(await cold.piece(createPiece(1).id), undefined);
  t.deepEqual(cold.totals().deals, { proposed: 1 });
});

test('contents come onto the list as they are held, joined and left, and go when they were looked at', async (t) => {
  const { pins, cold } = await createMemoryColdStore();
  const told: string[] = [];
  cold.onDue((what) => told.push(what));
  const contentKey = createContentKey(1);
  const pin = await pins.add('alice', createPinRequest(1));
  t.deepEqual(await cold.dueContents(10), []);
  await pins.beginFetch(contentKey, 'ours');
  await pins.endFetch(contentKey, { kind: 'pinned', sizeBytes: 10, blocks: 1 });
  t.deepEqual(told, ['contents']);
  const [due] = await cold.dueContents(10);
  t.like(due, { contentKey, content: { hot: 'pinned', sizeBytes: 10 }, pieces: [], waiting: undefined });
  const joined = await pins.add('bob', createPinRequest(1));
  if (due !== undefined) await t.throwsAsync(cold.write({ looked: [due] }), { code: 'CONFLICT' });
  await takeOff(cold);
  await pins.remove('bob', joined.requestId);
  t.deepEqual(await cold.dueContents(10), []);
  await pins.remove('alice', pin.requestId);
  t.like((await cold.dueContents(10))[0], { contentKey, content: { hot: 'releasing', pins: 0 } });
  await takeOff(cold);
  t.deepEqual(await cold.dueContents(10), []);
});

async function takeOff(cold: ColdStore): Promise<void> {
  await cold.write({ looked: await cold.dueContents(10) });
}
