import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

/** A piece with one active copy of three, whose CAR is not staged any more. */
async function createWithoutCar(): Promise<{ cold: TestCold; pieceId: string; bytes: Uint8Array }> {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  const bytes = cold.disk.staged.get(pieceId) ?? new Uint8Array();
  cold.maker.reply = () => (cold.maker.sends.length === 1 ? { kind: 'sent', said: 'yes' } : { kind: 'refused', why: 'busy', said: 'no' });
  await cold.pass('create');
  await cold.activate((await cold.deals(pieceId)).filter(({ state }) => state === 'proposed'));
  cold.maker.reply = () => ({ kind: 'sent', said: 'yes' });
  cold.disk.staged.clear();
  cold.advance(cold.rules.backoffCapEpochs);
  return { cold, pieceId, bytes };
}

test('a CAR is kept until as many copies as wanted are active, then it goes from the node and from the disk', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const [first, second, third] = await cold.deals(pieceId);
  if (first === undefined || second === undefined || third === undefined) return t.fail();
  await cold.activate([first, second]);
  await cold.publish(third, false);
  cold.advance(cold.rules.pollCapEpochs);
  await cold.pass('verify', 'create');
  t.like(await cold.piece(pieceId), { summary: { active: 2, pending: 1 } });
  t.true(cold.disk.staged.has(pieceId), 'a reorg may take a publication back');
  t.deepEqual(cold.maker.unstaged, []);
  await cold.activate([third]);
  await cold.pass('renew');
  t.is((await cold.piece(pieceId)).next.code, 'enough');
  t.false(cold.disk.staged.has(pieceId));
  t.deepEqual(cold.maker.unstaged, [pieceId]);
});

test('a file stays while the node does not say that it has let go of it, which is asked for again', async (t) => {
  const cold = await TestCold.create();
  cold.maker.onUnstage = async () => {
    throw new ColdError('unreachable', 'no answer');
  };
  const pieceId = await cold.stored(1);
  await cold.pass('renew');
  t.true(cold.disk.staged.has(pieceId));
  cold.maker.onUnstage = async () => undefined;
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('renew');
  t.false(cold.disk.staged.has(pieceId));
  t.like(await cold.piece(pieceId), { state: 'built', next: { code: 'enough' } });
  t.true(
    ((await cold.piece(pieceId)).due?.epoch ?? 0) > cold.chain.headEpoch + cold.rules.retryEpochs,
    'there is nothing more to do for a while',
  );
});

test('a copy more needs no second build while the CAR is there', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  cold.hot.clear();
  await cold.pass('create');
  t.is(cold.maker.sends.length, 3);
  t.deepEqual(cold.maker.staged, [pieceId, pieceId, pieceId]);
});

test('a CAR that is gone is built again from hot blocks, and nobody is asked for its bytes', async (t) => {
  const { cold, pieceId, bytes } = await createWithoutCar();
  await cold.pass('create');
  t.true(Buffer.from(bytes).equals(cold.disk.staged.get(pieceId) ?? Buffer.alloc(0)));
  t.like(await cold.piece(pieceId), { summary: { active: 1, pending: 2 } });
  t.deepEqual(cold.maker.retrieved, []);
});

test('of a content that was cut the part alone is fetched back, not all that it would take to build it', async (t) => {
  const cold = await TestCold.create();
  cold.maker.needsFile = false;
  await cold.pin(1, 150 * 2 ** 20);
  await cold.pass('pieces', 'create');
  const [part] = (await cold.store.piecesOf(createContentKey(1))).map(({ value }) => value);
  const id = part?.id ?? '';
  const [first, ...others] = await cold.deals(id);
  if (first === undefined) return t.fail();
  await cold.activate([first]);
  for (const deal of others) cold.maker.reports.set(deal.proposalCid, { kind: 'refused', why: 'busy', said: 'no' });
  const warmed: string[] = [];
  cold.warm = async (key) => void warmed.push(key);
  const { pins } = cold.stores;
  await pins.evict(createContentKey(1), 'proven');
  cold.maker.bytes = new TextEncoder().encode(JSON.stringify([[createContentKey(1), part?.part?.from]]));
  const file = await cold.parts.cars.ensure(await cold.piece(id), part?.built as never, new AbortController().signal);
  t.true('file' in file);
  t.deepEqual([cold.maker.retrieved, warmed], [[first.provider], []]);
});

test('when the hot copy is gone too it is fetched back from a provider, once for all copies', async (t) => {
  const { cold, pieceId, bytes } = await createWithoutCar();
  cold.hot.clear();
  cold.maker.bytes = bytes;
  await cold.pass('create');
  t.true(Buffer.from(bytes).equals(cold.disk.staged.get(pieceId) ?? Buffer.alloc(0)));
  t.like(await cold.piece(pieceId), { summary: { active: 1, pending: 2 } });
  t.is(cold.maker.retrieved.length, 1);
});

test('bytes that come back but are others are not kept', async (t) => {
  const { cold, pieceId } = await createWithoutCar();
  cold.hot.clear();
  cold.maker.bytes = Buffer.from('something else');
  await cold.pass('create');
  t.false(cold.disk.staged.has(pieceId));
  t.is((await cold.piece(pieceId)).next.code, 'no_bytes');
});

test('a piece that is another one when it is built again is not taken: its bytes are fetched back', async (t) => {
  const { cold, pieceId, bytes } = await createWithoutCar();
  cold.maker.bytes = bytes;
  const { works } = cold.parts;
  const build = works.build.bind(works);
  works.build = async (...args) => ({ ...(await build(...args)), pieceCid: 'baga-other' });
  await cold.pass('create');
  t.is(cold.maker.retrieved.length, 1);
  t.like(await cold.piece(pieceId), { summary: { active: 1, pending: 2 } });
});

for (const [what, priceAtto] of [
  ['has its price', 1n],
  ['is not offered', undefined],
] as const) {
  test(`bytes whose retrieval ${what} are not fetched: no deal is made, and the piece waits while a copy runs`, async (t) => {
    const { cold, pieceId, bytes } = await createWithoutCar();
    cold.hot.clear();
    Object.assign(cold.maker, { bytes, priceAtto });
    const before = cold.maker.sends.length;
    for (let times = 0; times < 4; times++) {
      await cold.pass('create');
      cold.advance(cold.rules.retryEpochs);
    }
    t.deepEqual([cold.maker.retrieved, cold.maker.sends.length], [[], before]);
    t.like(await cold.piece(pieceId), { state: 'built', next: { code: 'no_bytes' } });
  });
}

test('when nobody has the bytes and no copy runs, the contents wait for another piece after a few tries', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1, 2);
  cold.disk.staged.clear();
  cold.hot.clear();
  for (let times = 0; times < 3; times++) {
    t.is((await cold.piece(pieceId)).state, 'built');
    cold.advance(cold.rules.retryEpochs);
    await cold.pass('create');
  }
  t.is((await cold.piece(pieceId)).state, 'retired');
  await cold.pass('pieces');
  t.deepEqual(
    (await cold.store.waiting('default')).map(({ contentKey }) => contentKey).sort(),
    [createContentKey(1), createContentKey(2)].sort(),
  );
});

test('no room to stage: the piece waits with that reason, and its contents stay in it', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  cold.disk.staged.clear();
  cold.disk.isFull = true;
  for (let times = 0; times < 5; times++) {
    await cold.pass('create');
    cold.advance(cold.rules.retryEpochs);
  }
  t.like(await cold.piece(pieceId), { state: 'built', next: { code: 'no_room' } });
  cold.disk.isFull = false;
  await cold.pass('create');
  t.is(cold.maker.sends.length, 3);
});

test('files that a crash has left and no piece needs go with the first pass; those of pieces stay', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  cold.disk.staged.set('1d0ac6a6-7d94-5c02-8aa5-5b6f0bd1f4c3', new Uint8Array());
  cold.begin();
  await cold.pass('pieces');
  t.deepEqual([...cold.disk.staged.keys()], [pieceId]);
});

test('when the last content is unpinned the CAR goes, as no more copies are wanted', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  for (const deal of await cold.deals(pieceId)) await cold.publish(deal, false);
  cold.advance(cold.rules.pollCapEpochs);
  await cold.pass('verify');
  await cold.unpin(1);
  await cold.pass('pieces', 'create', 'renew');
  t.false(cold.disk.staged.has(pieceId));
});

test('a piece that was unpinned before anybody took it leaves no file behind', async (t) => {
  const cold = await TestCold.create({ policy: { maxPriceAttoPerGibEpoch: 0n } });
  const pieceId = await cold.build(1);
  await cold.pass('create');
  t.deepEqual(cold.maker.sends, []);
  await cold.unpin(1);
  await cold.pass('pieces', 'renew');
  t.like(await cold.piece(pieceId), { state: 'retired', next: { code: 'retired' } });
  t.false(cold.disk.staged.has(pieceId));
  t.deepEqual(await cold.store.duePieces('renew', 10 ** 9, 1), []);
});
