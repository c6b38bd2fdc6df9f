import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { CarReader } from '@ipld/car';
import { blake2b } from '@noble/hashes/blake2.js';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { openCar } from '../../../daemon/cold/pieces/car.ts';
import { commpOf, unpaddedBytes } from '../../../daemon/cold/pieces/commp.ts';
import { buildSpine } from '../../../daemon/cold/pieces/spine.ts';
import { contentKeyOf } from '../../../daemon/domain/cid.ts';
import { type BlockSource, PieceError } from '../../../daemon/domain/cold-ports.ts';
import { HotError } from '../../../daemon/domain/ports.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks, randomBytes } from '../../fixtures/create-dag.ts';
import { createRandom, testSeed } from '../../fixtures/random.ts';
import { cidOf, DAG_CBOR, dagCborList, identityCid, RAW } from '../../hot/blocks.ts';
import { pythonRandomBytes } from './python-random.ts';

const seed = testSeed();
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
const never = new AbortController().signal;

async function carOf(blocks: BlockSource, contentKeys: readonly string[], signal = never): Promise<{ root: string; bytes: Buffer }> {
  const car = openCar({ contentKeys, blocks, signal });
  const parts: Uint8Array[] = [];
  for await (const part of car.bytes) parts.push(part);
  return { root: car.root.toString(), bytes: Buffer.concat(parts) };
}

/** As a reader by others sees it. */
async function sections(bytes: Uint8Array): Promise<{ roots: string[]; cids: string[]; blocks: Map<string, Uint8Array> }> {
  const reader = await CarReader.fromBytes(bytes);
  const cids: string[] = [];
  const blocks = new Map<string, Uint8Array>();
  for await (const { cid, bytes } of reader.blocks()) {
    cids.push(cid.toString());
    blocks.set(cid.toString(), bytes);
  }
  return { roots: (await reader.getRoots()).map(String), cids, blocks };
}

const texts = (cids: readonly CID[]): string[] => cids.map(String);

test('a content alone is its own root; each whole CID once, parents before children, links in their order', async (t) => {
  for (let i = 0; i < 60; i++) {
    const random = createRandom(seed).fork(i);
    const blocks = createMemoryBlocks();
    const dag = await createDag(blocks, random, { depth: random.below(6) });
    const { root, bytes } = await carOf(blocks, [dag.contentKey]);
    const seen = await sections(bytes);
    t.is(root, dag.contentKey);
    t.deepEqual(seen.roots, [dag.contentKey]);
    t.deepEqual(seen.cids, texts(dag.order), `dag ${i}`);
    for (const [cid, block] of seen.blocks) t.deepEqual(Buffer.from(block), Buffer.from(blocks.bytes.get(cid) ?? 'missing'));
  }
});

/** CIDs of blocks that the contents do not have: those above and between them. */
function ownCids(keys: readonly string[], separators: boolean): Set<string> {
  const { nodes } = buildSpine(keys);
  return new Set([...nodes].filter(([, bytes]) => (bytes.length === 128) === separators).map(([cid]) => cid));
}

test('several contents lie in the order given below a root of their own, and what they share lies there once', async (t) => {
  const random = createRandom(seed).fork('several');
  const blocks = createMemoryBlocks();
  const dags = [];
  for (let i = 0; i < 20; i++) dags.push(await createDag(blocks, random));
  const keys = dags.map(({ contentKey }) => contentKey);
  const { root, bytes } = await carOf(blocks, keys);
  const seen = await sections(bytes);
  const separators = ownCids(keys, true);
  const expected = new Set([root, ...dags.flatMap(({ order }) => texts(order))]);
  t.deepEqual(
    seen.cids.filter((cid) => !separators.has(cid)),
    [...expected],
  );
  t.deepEqual(await carOf(blocks, keys), { root, bytes }, 'again the same');
  t.not((await carOf(blocks, keys.toReversed())).root, root);
});

test('the root of very many is a tree of nodes of bounded size, whose contents come in the order given', async (t) => {
  const blocks = createMemoryBlocks();
  const keys: string[] = [];
  for (let i = 0; i < 400; i++) keys.push(contentKeyOf(await blocks.put(RAW, Buffer.from(`content ${i}`))));
  const spine = buildSpine(keys, { nodeBytesMax: 1000 });
  t.true(spine.nodes.size > 34 + 400);
  for (const node of spine.nodes.values()) t.true(node.length <= 1000);
  const whole = buildSpine(keys);
  t.is(whole.nodes.size, 1 + 401);
  const seen = await sections((await carOf(blocks, keys)).bytes);
  const separators = ownCids(keys, true);
  t.deepEqual(
    seen.cids.slice(1).filter((cid) => !separators.has(cid)),
    keys,
  );
});

test('before each of several contents, and behind the last of a node, lies a block of 128 bytes that is another one each time', async (t) => {
  const blocks = createMemoryBlocks();
  const keys: string[] = [];
  for (let i = 0; i < 30; i++) keys.push(contentKeyOf(await blocks.put(RAW, Buffer.from(`content ${i}`))));
  const seen = await sections((await carOf(blocks, keys)).bytes);
  const separators = ownCids(keys, true);
  t.is(separators.size, 31);
  t.deepEqual(
    seen.cids.slice(1).map((cid) => separators.has(cid)),
    Array.from({ length: 61 }, (_, i) => i % 2 === 0),
  );
  const [first] = separators;
  t.false(ownCids([...keys.slice(1), keys[0] ?? ''], true).has(first ?? ''), 'they go by what is in the piece');
  t.deepEqual([...buildSpine(keys.slice(1, 2), { evenForOne: true }).nodes.values()].map(({ length }) => length).length, 1);
});

test('an identity CID is a section as Lotus v1.26.3 has it: what a real node said of the CID "hello"', async (t) => {
  const { bytes } = await carOf(createMemoryBlocks(), ['bafkqablimvwgy3y']);
  t.is(bytes.length, 46);
  t.like(commpOf(bytes), { pieceCid: 'baga6ea4seaqb3xzt5npyldzyhfkulfvlobyoebyougsut7lc2om25svnkoi6ilq', pieceSizeBytes: 128 });
});

/** `go-car.json`: made of these same DAGs with go-car v0.6.1, `WriteCar` and `SelectiveCar` (which agreed), and go-fil-commp-hashhash v0.1.0: the versions in Lotus v1.26.3. */
test("the bytes and the piece are those of Lotus's own libraries, whatever the DAG", async (t) => {
  const golden: unknown = JSON.parse(await readFile(new URL('go-car.json', import.meta.url), 'utf8'));
  for (const expected of golden as { seed: number; root: string }[]) {
    const blocks = createMemoryBlocks();
    const dag = await createDag(blocks, createRandom(expected.seed), { depth: 1 + (expected.seed % 5) });
    const { root, bytes } = await carOf(blocks, [dag.contentKey]);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    t.deepEqual({ seed: expected.seed, root, carBytes: bytes.length, sha256, pieceCid: commpOf(bytes).pieceCid }, expected as never);
  }
});

test('links inside identity CIDs are followed', async (t) => {
  const blocks = createMemoryBlocks();
  const leaf = await blocks.put(RAW, Buffer.from('leaf'));
  const inner = identityCid(dagCborList([leaf]), DAG_CBOR);
  const root = await blocks.put(DAG_CBOR, dagCborList([inner]));
  t.deepEqual((await sections((await carOf(blocks, [root.toString()])).bytes)).cids, texts([root, inner, leaf]));
});

test('a chain deeper than any call stack, and a node with very many links, are walked', async (t) => {
  const blocks = createMemoryBlocks();
  let root = await blocks.put(RAW, Buffer.from('end'));
  for (let i = 0; i < 20_000; i++) root = await blocks.put(DAG_CBOR, dagCborList([root]));
  t.is((await sections((await carOf(blocks, [root.toString()])).bytes)).cids.length, 20_001);
});

test('links that were let go on the way down are read again on the way up', async (t) => {
  for (let i = 0; i < 20; i++) {
    const random = createRandom(seed).fork(`deep ${i}`);
    const blocks = createMemoryBlocks();
    const dag = await createDag(blocks, random, { depth: 9, width: 3, share: false });
    const whole = (await carOf(blocks, [dag.contentKey])).bytes;
    const parts = await Array.fromAsync(openCar({ contentKeys: [dag.contentKey], blocks, signal: never, linksHeldMax: 3 }).bytes);
    t.deepEqual(Buffer.concat(parts), whole);
  }
});

const BLAKE2B_256 = 0xb220;

function rawBlake(blocks: MemoryBlocks, block: Uint8Array): string {
  const cid = CID.createV1(RAW, createDigest(BLAKE2B_256, blake2b(block, { dkLen: 32 }))).toString();
  blocks.bytes.set(cid, block);
  return cid;
}

test('the deal recorded from Lotus v1.26.3: ClientDealPieceCID and ClientCalcCommP said the same of the same file', async (t) => {
  const blocks = createMemoryBlocks();
  const root = rawBlake(blocks, pythonRandomBytes(7, 1_000_000));
  t.is(root, 'bafk2bzacecsv3ddu4ikgl3rkcnipqsrv57337snskcpyaffjwt77bx6b6jcx2');
  const { bytes } = await carOf(blocks, [root]);
  const pieceCid = 'baga6ea4seaqfpa4c3k5cobuuy25uwvz7yjd3vnlpdjmbtot7klesaghaixnuedq';
  t.deepEqual(commpOf(bytes), { pieceCid, pieceSizeBytes: 1_048_576, bytes: 1_000_102 });
  t.is(unpaddedBytes(1_048_576), 1_040_384);
});

test('the deal recorded from Boost v2.2.0, whose root is a dag-pb node in an identity CID', async (t) => {
  const blocks = createMemoryBlocks();
  const file = pythonRandomBytes(21, 1_500_000);
  for (const part of [file.subarray(0, 2 ** 20), file.subarray(2 ** 20)]) rawBlake(blocks, part);
  const root =
    'bafyaa4asfyfcmakvudsaeihnigjfrvkucksyjrutzkchdm4h3c6fopdebcjy6mvqwnccnsm7pajaageaqbabelqkeyavliheaiqcdhnrv4gs5ep7yxelslosheaaulkevqbvnnummrroll533sgkhoqsaamobrq3bihaqaqy4ddfwieaqbacbyggdm';
  const { bytes } = await carOf(blocks, [root]);
  const pieceCid = 'baga6ea4seaqo2evzjuzuu4hoisfjh2yylu4vleqocm3me2xupo3mpp32zf642mi';
  t.deepEqual(commpOf(bytes), { pieceCid, pieceSizeBytes: 2_097_152, bytes: 1_500_452 });
});

test('blocks are read ahead, several at once, and never more often than they are needed', async (t) => {
  let running = 0;
  let most = 0;
  const blocks = createMemoryBlocks(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  });
  const leaves: CID[] = [];
  for (let i = 0; i < 23; i++) leaves.push(await blocks.put(RAW, Buffer.from(`leaf ${i}`)));
  const root = await blocks.put(DAG_CBOR, dagCborList(leaves));
  await carOf(blocks, [root.toString()]);
  t.is(most, 16);
  t.deepEqual(blocks.asked, texts([root, ...leaves]));
});

async function refusal(t: ExecutionContext, promise: Promise<unknown>): Promise<PieceError> {
  const error = await t.throwsAsync(promise, { instanceOf: PieceError });
  return error as PieceError;
}

test('a block that is not there names the content it is missing from', async (t) => {
  const random = createRandom(seed).fork('missing');
  for (let i = 0; i < 20; i++) {
    const blocks = createMemoryBlocks();
    const dags = [await createDag(blocks, random, { share: false }), await createDag(blocks, random, { share: false })] as const;
    const here = dags[1].order.filter((cid) => cid.multihash.code !== 0 && !dags[0].order.some((other) => other.equals(cid)));
    if (here.length === 0) continue;
    const lost = random.pick(here);
    blocks.bytes.delete(lost.toString());
    const error = await refusal(
      t,
      carOf(
        blocks,
        dags.map(({ contentKey }) => contentKey),
      ),
    );
    t.is(error.failure, 'missing_block');
    t.is(error.contentKey, dags[1].contentKey);
    t.true(error.cause instanceof HotError);
  }
});

test('a tier that is down is not held against a content', async (t) => {
  const down: BlockSource = { block: () => Promise.reject(new HotError('down', 'kubo is not running')) };
  const { contentKey } = await createDag(createMemoryBlocks(), createRandom(3));
  const error = await refusal(t, carOf(down, [contentKey]));
  t.is(error.failure, 'missing_block');
  t.is(error.contentKey, undefined);
});

test('a block too large for indexers is refused with the reason; one just below it is not', async (t) => {
  const blocks = createMemoryBlocks();
  const most = 8 * 1024 * 1024 - 36;
  const large = await blocks.put(RAW, new Uint8Array(most + 1));
  const error = await refusal(t, carOf(blocks, [large.toString()]));
  t.is(error.failure, 'too_large');
  t.is(error.contentKey, large.toString());
  t.regex(error.message, /8388609 bytes|8388573 bytes/);
  const fits = await blocks.put(RAW, new Uint8Array(most));
  t.is((await carOf(blocks, [fits.toString()])).bytes.length, 59 + 4 + 36 + most);
});

test('a block whose links cannot be known is refused', async (t) => {
  const blocks = createMemoryBlocks();
  const random = createRandom(seed).fork('bad');
  for (const codec of [0x70, 0x71, 0x0129, 0x78, 0x51, 0x0200]) {
    const bad = await blocks.put(
      codec,
      codec === 0x0129 ? Buffer.from('{"/":"zzz"}') : Buffer.concat([Buffer.from([0xd8, 0x2a]), randomBytes(9, random)]),
    );
    t.is((await refusal(t, carOf(blocks, [bad.toString()]))).contentKey, bad.toString());
  }
});

test('an abort is heard at once, even by a tier that answers nothing', async (t) => {
  const abort = new AbortController();
  const silent: BlockSource = { block: () => new Promise(() => undefined) };
  const { contentKey } = await createDag(createMemoryBlocks(), createRandom(3));
  const running = refusal(t, carOf(silent, [contentKey, (await cidOf(Buffer.from('x'), RAW)).toString()], abort.signal));
  setImmediate(() => abort.abort());
  t.is((await running).failure, 'aborted');
});
