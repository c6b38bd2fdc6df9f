import { CarWriter } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { openCar } from '../../../daemon/cold/pieces/car.ts';
import { encodeHeader, encodeSectionHead } from '../../../daemon/cold/pieces/car-format.ts';
import { type CarBlock, readCar } from '../../../daemon/cold/pieces/car-reader.ts';
import { PieceError } from '../../../daemon/domain/cold-ports.ts';
import { createDag, createMemoryBlocks, randomBytes } from '../../fixtures/create-dag.ts';
import { createRandom, testSeed } from '../../fixtures/random.ts';
import { cidOf, identityCid, RAW } from '../../hot/blocks.ts';

const seed = testSeed();
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
const never = new AbortController().signal;

async function* inParts(bytes: Uint8Array, most = 50): AsyncGenerator<Uint8Array> {
  const random = createRandom(seed).fork(bytes.length);
  for (let at = 0; at < bytes.length; ) {
    const size = random.below(most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function blocksIn(bytes: Uint8Array): Promise<{ roots: string[]; blocks: CarBlock[] }> {
  const { roots, blocks } = await readCar(inParts(bytes));
  return { roots: roots.map(String), blocks: await Array.fromAsync(blocks) };
}

async function randomCar(fork: string | number): Promise<{ bytes: Buffer; root: string; order: string[] }> {
  const blocks = createMemoryBlocks();
  const dag = await createDag(blocks, createRandom(seed).fork(fork));
  const parts = await Array.fromAsync(openCar({ contentKeys: [dag.contentKey], blocks, signal: never }).bytes);
  return { bytes: Buffer.concat(parts), root: dag.contentKey, order: dag.order.map(String) };
}

async function refused(t: ExecutionContext, bytes: Uint8Array, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(blocksIn(bytes), { instanceOf: PieceError, message });
  t.is((error as PieceError).failure, 'mismatch');
}

test('what was written is read again, with and without the zeros of a piece behind it', async (t) => {
  for (let i = 0; i < 30; i++) {
    const { bytes, root, order } = await randomCar(i);
    const { roots, blocks } = await blocksIn(bytes);
    t.deepEqual(roots, [root]);
    t.deepEqual(
      blocks.map(({ cid }) => cid.toString()),
      order,
    );
    t.deepEqual(await blocksIn(Buffer.concat([bytes, Buffer.alloc(i)])), { roots, blocks });
  }
});

test('a CAR that others wrote is read', async (t) => {
  const block = Buffer.from('a block');
  const cid = await cidOf(block, RAW);
  const { writer, out } = CarWriter.create([cid, cid]);
  void writer.put({ cid, bytes: block }).then(() => writer.close());
  const { roots, blocks } = await blocksIn(Buffer.concat(await Array.fromAsync(out)));
  t.deepEqual(roots, [cid.toString(), cid.toString()]);
  t.deepEqual(
    blocks.map(({ bytes }) => Buffer.from(bytes)),
    [block],
  );
});

test('a CAR that ends anywhere but between sections is refused', async (t) => {
  const { bytes, order } = await randomCar('cut');
  let whole = 0;
  for (let length = 0; length < bytes.length; length++) {
    try {
      const { blocks } = await blocksIn(bytes.subarray(0, length));
      t.true(blocks.length < order.length);
      whole += 1;
    } catch (error) {
      t.is((error as PieceError).failure, 'mismatch');
    }
  }
  t.is(whole, order.length, 'after the header and after each section but the last');
});

test('no changed bit of a block gets through', async (t) => {
  const { bytes } = await randomCar('bits');
  const random = createRandom(seed).fork('flip');
  const before = await blocksIn(bytes);
  for (let i = 0; i < 200; i++) {
    const at = random.below(bytes.length);
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    const read = await blocksIn(changed).catch((error: PieceError) => t.is(error.failure, 'mismatch', `byte ${at}`));
    // Only the header's root, and CIDs that name their own bytes, have nothing to be checked against.
    if (typeof read !== 'object') continue;
    const known = new Map(before.blocks.map(({ cid, bytes }) => [cid.toString(), bytes]));
    for (const { cid, bytes } of read.blocks)
      if (cid.multihash.code !== 0 && known.has(cid.toString())) t.deepEqual(bytes, known.get(cid.toString()));
  }
});

test('lengths that promise more than there may be are refused before anything is read', async (t) => {
  const root = await cidOf(Buffer.from('x'), RAW);
  const header = encodeHeader(root);
  await refused(t, Buffer.concat([header, Buffer.from([0xff, 0xff, 0xff, 0x7f])]), /section of 268435455 bytes/);
  await refused(t, Buffer.concat([header, Buffer.alloc(12, 0xff)]), /does not end/);
  await refused(t, Buffer.from([0xff, 0xff, 0xff, 0x7f]), /does not begin/);
  await refused(t, Buffer.alloc(0), /does not begin/);
  await refused(t, Buffer.from('<html>not found</html>'), /does not begin|in the middle/);
});

test('a block that cannot be checked, one that is another, and an identity CID that lies are refused', async (t) => {
  const block = Buffer.from('block');
  const root = await cidOf(block, RAW);
  const car = (cid: CID): Buffer => Buffer.concat([encodeHeader(root), encodeSectionHead(cid.bytes, block.length), block]);
  t.is((await blocksIn(car(root))).blocks.length, 1);
  await refused(t, car(CID.createV1(RAW, createDigest(0x12, Buffer.alloc(3)))), /cannot be checked/);
  await refused(t, car(CID.createV1(RAW, createDigest(0x99, Buffer.alloc(32)))), /cannot be checked/);
  await refused(t, car(await cidOf(Buffer.from('other'), RAW)), /does not hash/);
  t.is((await blocksIn(car(identityCid(block)))).blocks.length, 1);
  await refused(t, car(identityCid(Buffer.from('blocc'))), /does not hash/);
});

test('whoever stops reading ends the source', async (t) => {
  const { bytes } = await randomCar('stop');
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* inParts(bytes);
    } finally {
      ended = true;
    }
  }
  const { blocks } = await readCar(source());
  for await (const _ of blocks) break;
  t.true(ended);
  await t.throwsAsync(
    readCar(
      (async function* () {
        yield randomBytes(5, createRandom(1));
        throw new TypeError('line cut');
      })(),
    ),
  );
});
