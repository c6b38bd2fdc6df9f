import test from 'ava';

import { TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const never = new AbortController().signal;

/** Providers fetch pieces from here: nothing is staged for them. */
async function create(): Promise<TestCold> {
  const cold = await TestCold.create();
  cold.maker.needsFile = false;
  return cold;
}

/** The hot copy is let go, as it is when cold ones are proven. */
async function letGo(cold: TestCold, number: number): Promise<void> {
  const { pins } = cold.stores;
  await pins.evict(createContentKey(number), 'let go');
  for (const { key } of await pins.releasing(100)) await pins.released(key);
  cold.hot.delete(createContentKey(number));
}

/** And made again. */
async function bringBack(cold: TestCold, contentKey: string): Promise<void> {
  const { pins } = cold.stores;
  await pins.beginWarm(contentKey);
  await pins.endWarm(contentKey, { sizeBytes: 1, blocks: 1 });
  cold.hot.add(contentKey);
}

/** Fewer copies than wanted, so that another deal is to be made. */
async function withOneCopy(cold: TestCold, ...numbers: number[]): Promise<string> {
  const pieceId = await cold.build(...numbers);
  cold.maker.reply = () => (cold.maker.sends.length === 1 ? { kind: 'sent', said: 'yes' } : { kind: 'refused', why: 'busy', said: 'no' });
  await cold.pass('create');
  await cold.activate((await cold.deals(pieceId)).filter(({ state }) => state === 'proposed'));
  cold.maker.reply = () => ({ kind: 'sent', said: 'yes' });
  cold.advance(cold.rules.backoffCapEpochs);
  return pieceId;
}

test('deals are made without any file, and the manifest stays when all copies are there', async (t) => {
  const cold = await create();
  const pieceId = await cold.stored(1, 2);
  await cold.pass('renew');
  t.like(await cold.piece(pieceId), { next: { code: 'enough' }, summary: { active: 3 } });
  t.deepEqual([cold.maker.staged, cold.maker.unstaged, [...cold.disk.staged.keys()]], [[], [], []]);
  t.deepEqual([...cold.disk.manifests.keys()], [pieceId]);
});

test('nobody is asked to fetch what is not held here any more: it is brought back first', async (t) => {
  const cold = await create();
  const pieceId = await withOneCopy(cold, 1, 2);
  await letGo(cold, 1);
  const warmed: string[] = [];
  cold.warm = async (contentKey) => {
    warmed.push(contentKey);
    await bringBack(cold, contentKey);
  };
  const before = cold.maker.sends.length;
  await cold.pass('create');
  t.deepEqual(warmed, [createContentKey(1)]);
  t.is(cold.maker.sends.length, before + 2);
  t.deepEqual([...cold.disk.staged.keys()], []);
  t.like(await cold.piece(pieceId), { summary: { active: 1, pending: 2 } });
});

test('what cannot be made hot again is fetched back as a file', async (t) => {
  const cold = await create();
  const pieceId = await cold.build(1);
  cold.maker.needsFile = true;
  cold.disk.manifests.clear();
  await cold.parts.cars.ensure(await cold.piece(pieceId), (await cold.piece(pieceId)).built as never, never);
  const bytes = cold.disk.staged.get(pieceId);
  cold.disk.staged.clear();
  cold.maker.needsFile = false;
  const [first] = await (async () => {
    cold.maker.reply = () => (cold.maker.sends.length === 1 ? { kind: 'sent', said: 'yes' } : { kind: 'refused', why: 'busy', said: 'no' });
    await cold.pass('create');
    return (await cold.deals(pieceId)).filter(({ state }) => state === 'proposed');
  })();
  if (first === undefined) return t.fail();
  await cold.activate([first]);
  cold.maker.reply = () => ({ kind: 'sent', said: 'yes' });
  cold.advance(cold.rules.backoffCapEpochs);
  await letGo(cold, 1);
  Object.assign(cold.maker, { bytes });
  await cold.pass('create');
  t.deepEqual([...cold.disk.staged.keys()], [pieceId]);
  t.deepEqual(cold.maker.staged, [], 'the maker needs none, providers are served from it');
  t.like(await cold.piece(pieceId), { summary: { active: 1, pending: 2 } });
});

test('a pin that is removed while its deals are on their way keeps nobody from fetching', async (t) => {
  const cold = await create();
  const pieceId = await cold.build(1, 2);
  await cold.pass('create');
  const { pins } = cold.stores;
  const listed = await pins.list('alice', { statuses: ['pinned'], limit: 10 } as never);
  const pin = listed.pins.find(({ contentKey }) => contentKey === createContentKey(1));
  await pins.remove('alice', pin?.requestId ?? '');
  t.is((await pins.content(createContentKey(1)))?.hot, 'releasing');
  const piece = await cold.piece(pieceId);
  t.deepEqual(await cold.parts.cars.ensure(piece, piece.built as never, never), { file: undefined });
  await cold.activate(await cold.deals(pieceId));
  const after = await cold.piece(pieceId);
  t.like(await cold.parts.cars.ensure(after, after.built as never, never), { why: { code: 'no_bytes' } }, 'it may go now');
});

test('a manifest that is gone when a provider asks is written anew, for when it asks again', async (t) => {
  const cold = await create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const piece = { ...(await cold.piece(pieceId)).built, id: pieceId } as never;
  t.not(await cold.parts.cars.open(piece), undefined);
  cold.disk.manifests.clear();
  t.is(await cold.parts.cars.open(piece), undefined);
  while (cold.disk.manifests.size === 0) await new Promise(setImmediate);
  t.not(await cold.parts.cars.open(piece), undefined);
  await cold.parts.cars.stop();
});

test('the manifest goes when nobody wants any of the piece, and its last deal is over', async (t) => {
  const cold = await create();
  const pieceId = await cold.build(1);
  await cold.pass('create');
  await cold.unpin(1);
  await cold.pass('pieces', 'create', 'renew');
  t.like(await cold.piece(pieceId), { state: 'retired', summary: { pending: 3 } });
  t.deepEqual([...cold.disk.manifests.keys()], [pieceId], 'they may be fetching');
  await cold.activate(await cold.deals(pieceId));
  await cold.pass('create', 'renew');
  t.deepEqual([...cold.disk.manifests.keys()], [pieceId], 'who pins it again reads it by where it lies');
  const ends = (await cold.deals(pieceId)).map(({ terms }) => terms?.endEpoch ?? 0);
  cold.advance(Math.max(...ends) - cold.chain.headEpoch + 1_000);
  await cold.pass('verify', 'create', 'renew', 'pieces');
  t.like(await cold.piece(pieceId), { summary: { active: 0, pending: 0 } });
  t.deepEqual([...cold.disk.manifests.keys()], []);
});

test('manifests that a crash has left and no piece needs go with the first pass', async (t) => {
  const cold = await create();
  const pieceId = await cold.build(1);
  cold.disk.manifests.set('1d0ac6a6-7d94-5c02-8aa5-5b6f0bd1f4c3', new Uint8Array(1));
  cold.begin();
  await cold.pass('pieces');
  t.deepEqual([...cold.disk.manifests.keys()], [pieceId]);
});
