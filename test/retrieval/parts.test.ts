import { fc, testProp } from '@fast-check/ava';
import { CarReader } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { openCarUnder } from '../../daemon/cold/pieces/car.ts';
import { cutContent } from '../../daemon/cold/pieces/cut.ts';
import { buildPartSpine, linksOfPart } from '../../daemon/cold/pieces/part.ts';
import type { BlockSource } from '../../daemon/domain/cold-ports.ts';
import { RetrievalError } from '../../daemon/domain/retrieval-ports.ts';
import {
  type Block,
  type Conduct,
  createTestDag,
  createTestRetrieval,
  ScriptedSource,
  type TestDag,
  type TestRetrieval,
} from '../fixtures/create-retrieval.ts';

import { poll } from '../fixtures/poll.ts';
import { isHere, readWhole } from './reading.ts';

const WAIT_MS = 10_000;
const KIB = 1_024;
const never = new AbortController().signal;
const GIVES: Conduct = { kind: 'gives' };

interface Part {
  car: Buffer;
  blocks: Block[];
  part: NonNullable<ScriptedSource['part']>;
}

/** A content of about 100 KiB, and the CARs of its parts of at most 32 KiB. */
async function createParts(carBytesMax = 32 * KIB): Promise<{ dag: TestDag; parts: Part[] }> {
  const dag = await createTestDag(5, 5, 4 * KIB);
  const byHash = new Map(dag.blocks.map(({ cid, bytes }) => [Buffer.from(cid.multihash.bytes).toString('hex'), bytes]));
  const blocks: BlockSource = {
    block: async (cid) => byHash.get(Buffer.from(CID.parse(cid).multihash.bytes).toString('hex')) ?? new Uint8Array(),
  };
  const contentKey = dag.root.toString();
  const ranges = await cutContent({ contentKey, blocks, carBytesMax, sectionBytesMax: 2 ** 20, signal: never });
  const parts: Part[] = [];
  for (const [index, range] of ranges.entries()) {
    const spine = buildPartSpine(contentKey, { index, of: ranges.length }, await linksOfPart(contentKey, range, { blocks, signal: never }));
    const car = Buffer.concat(await Array.fromAsync(openCarUnder(spine, { blocks, signal: never }).bytes));
    const own = await Array.fromAsync((await CarReader.fromBytes(car)).blocks());
    const part = { cut: 'cut', index, of: ranges.length, rootCid: spine.root.toString() };
    parts.push({ car, part, blocks: own.map(({ cid, bytes }) => ({ cid: CID.decode(cid.bytes), bytes })) });
  }
  return { dag, parts };
}

function sourceOf({ car, blocks, part }: Part, name: string, conduct: Conduct, { jumps = false } = {}): ScriptedSource {
  const source = new ScriptedSource(name, car, conduct, jumps ? blocks : undefined);
  source.part = part;
  return source;
}

/** Every block, under the CID by which it is linked, and nothing else. */
function isWhole(t: ExecutionContext, dag: TestDag, own: TestRetrieval): void {
  isHere(t, dag, own);
  t.deepEqual([...new Set(own.intake.puts)].sort(), dag.blocks.map(({ cid }) => cid.toString()).sort());
}

test('a content that was cut comes back whole, part after part, and is pinned', async (t) => {
  const { dag, parts } = await createParts();
  t.true(parts.length >= 4);
  const sources = parts.map((part, i) => sourceOf(part, `f0${i}`, GIVES));
  const own = createTestRetrieval(dag, sources.toReversed());
  await readWhole(t, own);
  isWhole(t, dag, own);
  t.is(own.intake.puts.length, dag.blocks.length, 'what lies in every part goes in once');
  t.deepEqual(own.steps, ['begin', 'pin', 'end', 'hot again']);
  t.deepEqual(
    own.kept.map(({ source, result }) => [source?.provider, result]),
    parts.map((_, i) => [`f0${i}`, 'done']),
  );
});

test('of each part the next provider goes on where one broke off, lied or had nothing', async (t) => {
  const { dag, parts } = await createParts();
  const bad: Conduct[] = [
    { kind: 'breaks off', afterBytes: 9_000 },
    { kind: 'flips a bit', atByte: 20_000 },
    { kind: 'refuses' },
    { kind: 'stalls', afterBytes: 5_000 },
  ];
  const sources = parts.flatMap((part, i) => [
    sourceOf(part, `bad-${i}`, bad[i % bad.length] ?? GIVES),
    sourceOf(part, `good-${i}`, GIVES),
  ]);
  const own = createTestRetrieval(dag, sources);
  await readWhole(t, own);
  isWhole(t, dag, own);
  t.is(own.intake.puts.length, dag.blocks.length);
});

test('a part that nobody gives fails it by its name, and what was begun is closed', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.map((part, i) => sourceOf(part, `f0${i}`, i === 2 ? { kind: 'refuses' } : GIVES));
  const own = createTestRetrieval(dag, sources);
  const reading = own.retrieval.read(own.content.key, 'whole');
  const error = await t.throwsAsync(reading.failed, { instanceOf: RetrievalError });
  reading.release();
  t.regex(error?.message ?? '', new RegExp(`no source gives part 3 of ${parts.length}: f02: not here`));
  t.deepEqual(
    sources.map(({ opened, closed }) => opened - closed),
    sources.map((_, i) => (i === 2 ? 1 : 0)),
  );
});

test('a part that no provider has is said before the others are fetched in vain', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.flatMap((part, i) => (i === 1 ? [] : [sourceOf(part, `f0${i}`, GIVES)]));
  const own = createTestRetrieval(dag, sources);
  t.is(await own.retrieval.warm(own.content.key), 'nobody');
  t.true(sources.every(({ opened }) => opened === 0));
});

/** Waits for blocks as kubo does for a reader of the last leaves: from the root down. */
async function readPath(own: TestRetrieval, cids: readonly CID[]): Promise<void> {
  for (const cid of cids) {
    own.intake.wants = [cid];
    await poll(`${cid} is here`, WAIT_MS, () => own.intake.here.has(cid.toString()));
  }
}

test('a range in the middle is asked from the part that has it, while nothing else is fetched', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.map((part, i) => sourceOf(part, `f0${i}`, GIVES, { jumps: true }));
  const own = createTestRetrieval(dag, sources);
  const reading = own.retrieval.read(own.content.key, 'blocks');
  const path = [dag.blocks[0], dag.blocks[19], dag.blocks[21]].map((block) => (block as Block).cid);
  await readPath(own, path);
  reading.release();
  await poll('the retrieval is over', WAIT_MS, () => own.retrieval.running() === 0);
  t.deepEqual([...own.intake.here.keys()].sort(), path.map(String).sort());
});

test('while the first part is slow, who reads in a later one does not wait for it', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.map((part, i) =>
    sourceOf(part, `f0${i}`, i === 0 ? { kind: 'stalls', afterBytes: 2_000 } : GIVES, { jumps: true }),
  );
  const own = createTestRetrieval(dag, sources, {
    limits: { dagBytes: 2 ** 30, dagBlocks: 10_000, networkFirstMs: 0, hedgeMs: 10_000, stallMs: 60_000, unpinWaitMs: 0 },
  });
  const reading = own.retrieval.read(own.content.key, 'whole');
  const last = dag.blocks.at(-1) as Block;
  await readPath(own, [last.cid]);
  t.is(own.retrieval.running(), 1);
  t.deepEqual(
    sources
      .slice(1, -1)
      .flatMap(({ jumps }) => jumps)
      .filter((cid) => cid !== String(last.cid)),
    [],
  );
  reading.release();
  await own.retrieval.stop();
});

test('a block in a part that nobody gives is said not to be had, and one of another content is left alone', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.map((part, i) => sourceOf(part, `f0${i}`, i === parts.length - 1 ? { kind: 'refuses' } : GIVES, { jumps: true }));
  const own = createTestRetrieval(dag, sources);
  const reading = own.retrieval.read(own.content.key, 'blocks');
  const foreign = await createTestDag(1, 1);
  own.intake.wants = [foreign.root];
  await poll('it was looked for', WAIT_MS, () => sources[0]?.jumps.includes(foreign.root.toString()) ?? false);
  await readPath(
    own,
    [dag.blocks[0], dag.blocks.at(-6)].map((block) => (block as Block).cid),
  );
  own.intake.wants = [(dag.blocks.at(-1) as Block).cid];
  const error = await t.throwsAsync(reading.failed, { instanceOf: RetrievalError });
  reading.release();
  t.is(error?.message, `no source gives part ${parts.length} of ${parts.length}`);
});

test('who gives only whole parts gives them for a range, too', async (t) => {
  const { dag, parts } = await createParts();
  const own = createTestRetrieval(
    dag,
    parts.map((part, i) => sourceOf(part, `f0${i}`, GIVES)),
  );
  const reading = own.retrieval.read(own.content.key, 'blocks');
  await readPath(
    own,
    [dag.blocks.at(-1) as Block].map(({ cid }) => cid),
  );
  reading.release();
  await poll('the retrieval is over', WAIT_MS, () => own.retrieval.running() === 0);
  t.pass();
});

test('who has all of it is asked first, and the parts when that comes to nothing', async (t) => {
  const { dag, parts } = await createParts();
  const sources = parts.map((part, i) => sourceOf(part, `f0${i}`, GIVES));
  const own = createTestRetrieval(dag, [...sources, new ScriptedSource('whole', new Uint8Array(), { kind: 'refuses' })]);
  await readWhole(t, own);
  isWhole(t, dag, own);
  t.is(own.kept[0]?.source?.provider, 'whole');
});

testProp(
  'whatever providers do, what comes back is the content or nothing is said to be',
  [
    fc.array(
      fc.constantFrom<Conduct>(
        GIVES,
        { kind: 'refuses' },
        { kind: 'breaks off', afterBytes: 11_000 },
        { kind: 'flips a bit', atByte: 15_000 },
        { kind: 'sends without end' },
      ),
      { minLength: 10, maxLength: 10 },
    ),
    fc.boolean(),
  ],
  async (t, conducts, jumps) => {
    const { dag, parts } = await createParts();
    const sources = conducts.map((conduct, i) => sourceOf(parts[i % parts.length] as Part, `f0${i}`, conduct, { jumps }));
    const own = createTestRetrieval(dag, sources);
    const reading = own.retrieval.read(own.content.key, 'whole');
    reading.failed.catch(() => undefined);
    await poll('the retrieval is over', WAIT_MS, () => own.retrieval.running() === 0);
    reading.release();
    if (own.content.hot === 'pinned') isWhole(t, dag, own);
    else t.false(own.steps.includes('end'));
    t.true(sources.every(({ opened, closed, conduct }) => conduct.kind === 'refuses' || opened === closed));
  },
  { numRuns: 15 },
);
