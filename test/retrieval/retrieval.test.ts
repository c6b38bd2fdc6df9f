import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { RetrievalError } from '../../daemon/domain/retrieval-ports.ts';
import {
  blockOf,
  type Conduct,
  carOf,
  createTestDag,
  createTestRetrieval,
  ScriptedSource,
  type TestDag,
} from '../fixtures/create-retrieval.ts';
import { poll } from '../fixtures/poll.ts';
import { isHere, readWhole } from './reading.ts';

const WAIT_MS = 10_000;

function sourceOf(dag: TestDag, name: string, conduct: Conduct, { jumps = false } = {}): ScriptedSource {
  return new ScriptedSource(name, carOf(dag.root, dag.blocks), conduct, jumps ? dag.blocks : undefined);
}

test('a cold content comes back whole and is pinned hot, which is written before it is done', async (t) => {
  const dag = await createTestDag();
  const source = sourceOf(dag, 'f01', { kind: 'gives' });
  const own = createTestRetrieval(dag, [source]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.deepEqual(own.steps, ['begin', 'pin', 'end', 'hot again']);
  t.is(source.closed, 1);
  t.deepEqual(
    own.kept.map(({ source: from, result, bytes }) => [from?.provider, result, bytes]),
    [['f01', 'done', dag.blocks.reduce((sum, block) => sum + block.bytes.length, 0)]],
  );
});

test('a hundred readers are one fetch, and every block goes in once', async (t) => {
  const dag = await createTestDag();
  const source = sourceOf(dag, 'f01', { kind: 'gives' });
  const own = createTestRetrieval(dag, [source]);
  const readings = Array.from({ length: 100 }, () => own.retrieval.read(own.content.key, 'whole'));
  await poll('the retrieval is over', WAIT_MS, () => own.retrieval.running() === 0);
  for (const reading of readings) reading.release();
  t.is(source.opened, 1);
  t.is(own.intake.puts.length, dag.blocks.length);
  t.deepEqual(own.steps, ['begin', 'pin', 'end', 'hot again']);
});

test('a reader who leaves does not stop what is being made hot again', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives', chunkBytes: 50 })]);
  own.retrieval.read(own.content.key, 'whole').release();
  await poll('it is hot again', WAIT_MS, () => own.content.hot === 'pinned');
  isHere(t, dag, own);
});

test('one that lies in the middle is dropped, and the next goes on where it stopped', async (t) => {
  const dag = await createTestDag(3, 4, 2_000);
  const liar = sourceOf(dag, 'liar', { kind: 'flips a bit', atByte: 12_000 });
  const honest = sourceOf(dag, 'honest', { kind: 'gives' });
  const own = createTestRetrieval(dag, [liar, honest]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.deepEqual(
    own.kept.map(({ source, result }) => [source?.provider, result]),
    [
      ['liar', 'wrong_bytes'],
      ['honest', 'done'],
    ],
  );
  t.true((own.kept[0]?.bytes ?? 0) > 0);
  t.is(own.intake.puts.length, dag.blocks.length, 'nothing is stored twice');
});

test('the only provider there is may break off as often as it likes while it gives something', async (t) => {
  const dag = await createTestDag(3, 4, 2_000);
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'breaks off', afterBytes: 4_000 })]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.true(own.kept.length > 3);
});

test('one that stalls is given up for the next', async (t) => {
  const dag = await createTestDag(3, 4, 2_000);
  const stalling = sourceOf(dag, 'stalling', { kind: 'stalls', afterBytes: 5_000 });
  const own = createTestRetrieval(dag, [stalling, sourceOf(dag, 'f02', { kind: 'gives' })]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.is(stalling.closed, stalling.opened);
});

test('beside one that does not answer the next is asked, before the first is given up', async (t) => {
  const dag = await createTestDag();
  const silent = sourceOf(dag, 'silent', { kind: 'never opens' });
  const own = createTestRetrieval(dag, [silent, sourceOf(dag, 'f02', { kind: 'gives' })], {
    limits: { dagBytes: 2 ** 30, dagBlocks: 10_000, networkFirstMs: 0, hedgeMs: 20, stallMs: 60_000, unpinWaitMs: 0 },
  });
  await readWhole(t, own);
  isHere(t, dag, own);
  t.deepEqual(own.kept.map(({ source, result }) => [source?.provider, result]).sort(), [
    ['f02', 'done'],
    ['silent', 'superseded'],
  ]);
});

test('one that sends without end is dropped', async (t) => {
  const dag = await createTestDag();
  const [root, ...rest] = dag.blocks;
  const endless = new ScriptedSource('endless', carOf(dag.root, root === undefined ? [] : [root]), { kind: 'sends without end' });
  const own = createTestRetrieval(dag, [endless, new ScriptedSource('f02', carOf(dag.root, [...rest, ...dag.blocks]), { kind: 'gives' })]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.is(own.kept[0]?.result, 'endless');
  t.is(own.intake.puts.length, dag.blocks.length, 'what nobody asked for is not stored');
});

test('blocks in any order come together, and those of other contents are passed over', async (t) => {
  const dag = await createTestDag();
  const strangers = await Promise.all([1, 2, 3].map((n) => blockOf(0x55, Buffer.alloc(3_000, n))));
  const car = carOf(dag.root, [...strangers, ...dag.blocks.toReversed(), ...strangers]);
  const own = createTestRetrieval(dag, [new ScriptedSource('f01', car, { kind: 'gives' })]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.is(own.intake.puts.length, dag.blocks.length);
});

test('what one does not have the next gives', async (t) => {
  const dag = await createTestDag();
  const without = (missing: number): Uint8Array =>
    carOf(
      dag.root,
      dag.blocks.filter((_, index) => index !== missing),
    );
  const own = createTestRetrieval(dag, [
    new ScriptedSource('f01', without(4), { kind: 'gives' }),
    new ScriptedSource('f02', without(7), { kind: 'gives' }),
  ]);
  await readWhole(t, own);
  isHere(t, dag, own);
  t.is(own.kept[0]?.result, 'incomplete');
});

test('when nobody gives it, readers hear what each of them said, and nothing is pinned', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [
    sourceOf(dag, 'f01', { kind: 'refuses' }),
    new ScriptedSource('f02', new Uint8Array([1, 2, 3]), { kind: 'gives' }),
  ]);
  const { failed } = own.retrieval.read(own.content.key, 'whole');
  const error = await t.throwsAsync(failed, { instanceOf: RetrievalError, message: /f01: not here; f02: .*not a CAR/ });
  t.is(error?.failure, 'none');
  t.deepEqual(own.steps, []);
  t.is(own.kept.length, 2);
});

test('who wants single blocks gets those that are asked for, and no more', async (t) => {
  const dag = await createTestDag(3, 4);
  const source = sourceOf(dag, 'f01', { kind: 'gives' }, { jumps: true });
  const own = createTestRetrieval(dag, [source]);
  const path = dag.blocks.slice(0, 2).map(({ cid }) => cid);
  const stranger = await blockOf(0x55, Buffer.from('somebody else waits for this'));
  own.intake.wants = [stranger.cid, ...path];
  const reading = own.retrieval.read(own.content.key, 'blocks');
  await poll('they are in', WAIT_MS, () => own.intake.here.size === path.length);
  t.is(reading.source(), 'cold');
  reading.release();
  await poll('the retrieval is over', WAIT_MS, () => source.closed === 1);
  t.deepEqual(own.intake.puts.toSorted(), path.map(String).toSorted());
  t.true(source.jumps.filter((cid) => cid === stranger.cid.toString()).length <= 1, 'what is elsewhere is asked for once');
  t.deepEqual(own.steps, []);
});

test('what a reader waits for comes before the rest', async (t) => {
  const dag = await createTestDag(4, 20, 2_000);
  const source = sourceOf(dag, 'f01', { kind: 'gives', chunkBytes: 200 }, { jumps: true });
  const own = createTestRetrieval(dag, [source]);
  own.intake.putMs = 2;
  const last = dag.blocks.at(-1)?.cid;
  if (last !== undefined) own.intake.wants = [last];
  await readWhole(t, own);
  isHere(t, dag, own);
  t.true(own.intake.puts.indexOf(String(last)) < dag.blocks.length / 2);
});

test('a collection makes it pause, and then all of it is brought again', async (t) => {
  const dag = await createTestDag(4, 20, 2_000);
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives', chunkBytes: 200 })]);
  own.intake.putMs = 1;
  const reading = own.retrieval.read(own.content.key, 'whole');
  await poll('it is under way', WAIT_MS, () => own.intake.here.size > 5);
  t.true(await own.gate.close(WAIT_MS));
  own.intake.here.clear();
  own.gate.open();
  await poll('it is hot again', WAIT_MS, () => own.content.hot === 'pinned');
  isHere(t, dag, own);
  reading.release();
});

test('where the policy wants no hot copy it is given to readers and not pinned', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives' })], {
    policy: { name: 'default', enabled: false, evict: { minActive: 2, afterIdleMs: 0 } },
  });
  await readWhole(t, own);
  isHere(t, dag, own);
  t.deepEqual(own.steps, []);
});

test('without room only what a reader waits for comes, and all of it as soon as there is room', async (t) => {
  const dag = await createTestDag(3, 4);
  let hasRoom = false;
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives' }, { jumps: true })], { hasRoom: () => hasRoom });
  own.intake.wants = [dag.root];
  const reading = own.retrieval.read(own.content.key, 'whole');
  await poll('what is waited for is in', WAIT_MS, () => own.intake.here.size === 1);
  t.is(own.content.hot, 'cold');
  hasRoom = true;
  await poll('it is hot again', WAIT_MS, () => own.content.hot === 'pinned');
  isHere(t, dag, own);
  reading.release();
});

test('without room, what nobody reads any more leaves its place to others', async (t) => {
  const dag = await createTestDag(3, 4);
  let hasRoom = true;
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives' }, { jumps: true })], { hasRoom: () => hasRoom });
  hasRoom = false;
  own.intake.wants = [dag.root];
  const reading = own.retrieval.read(own.content.key, 'whole');
  await poll('what is waited for is in', WAIT_MS, () => own.intake.here.size === 1);
  reading.release();
  await poll('its place is free', WAIT_MS, () => own.retrieval.running() === 0);
  await poll("what came is known to be nobody's", WAIT_MS, () => own.loose.length === 1);
  t.is(await own.retrieval.warm(own.content.key), 'not_tried');
});

test('what has too few cold copies is made hot again though its policy wants no hot copies', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives' })], {
    policy: { name: 'default', enabled: false, evict: { minActive: 2, afterIdleMs: 0 } },
  });
  t.is(await own.retrieval.warm(own.content.key), 'done');
  t.is(own.content.hot, 'pinned');
  t.deepEqual(own.loose, []);
});

test('that nobody has a content is said only when everybody was asked', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'refuses' })], { concurrent: 1 });
  t.is(await own.retrieval.warm(own.content.key), 'nobody');
  const busy = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'never opens' })], { concurrent: 1 });
  busy.retrieval.read(busy.content.key, 'whole');
  t.is(await busy.retrieval.warm(dag.blocks[1]?.cid.toString() ?? ''), 'not_tried');
  await busy.retrieval.stop();
});

test('so many are brought back at once, others wait their turn, and too many are refused', async (t) => {
  const dag = await createTestDag();
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'never opens' })], { concurrent: 1 });
  const keys = await Promise.all(Array.from({ length: 300 }, async (_, n) => (await blockOf(0x55, Buffer.from(`${n}`))).cid.toString()));
  const readings = keys.map((key) => own.retrieval.read(key, 'whole'));
  const busy = await Promise.all(
    readings.map(({ failed }) =>
      Promise.race([failed.catch((error: RetrievalError) => error.failure), new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]),
    ),
  );
  t.is(busy.filter((one) => one === 'busy').length, 300 - 1 - 256);
  await own.retrieval.stop();
  t.is(own.retrieval.running(), 0);
});

const conduct: fc.Arbitrary<Conduct> = fc.oneof(
  fc.constant<Conduct>({ kind: 'refuses' }),
  fc.record({ kind: fc.constant('breaks off' as const), afterBytes: fc.integer({ min: 0, max: 8_000 }) }),
  fc.record({ kind: fc.constant('flips a bit' as const), atByte: fc.nat(8_000) }),
  fc.constant<Conduct>({ kind: 'sends without end' }),
);

testProp(
  'whatever the others do, with one honest provider it ends whole, and never is a wrong block taken in',
  [
    fc.array(fc.tuple(conduct, fc.boolean()), { maxLength: 3 }),
    fc.nat(3),
    fc.boolean(),
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 5 }),
  ],
  async (t, others, at, jumps, nodes, leaves) => {
    const dag = await createTestDag(nodes, leaves, 500);
    const sources = others.map(([how, canJump], index) => sourceOf(dag, `f0${index}`, how, { jumps: canJump }));
    sources.splice(at, 0, sourceOf(dag, 'honest', { kind: 'gives' }, { jumps }));
    const own = createTestRetrieval(dag, sources);
    await readWhole(t, own);
    isHere(t, dag, own);
    t.is(own.content.hot, 'pinned');
    for (const source of sources) t.is(source.closed + (source.conduct.kind === 'refuses' ? source.opened : 0), source.opened);
  },
  { numRuns: 40 },
);
