import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { HotError } from '../../daemon/domain/ports.ts';
import type { BlockIntake } from '../../daemon/domain/retrieval-ports.ts';
import { UploadError, type Uploaded, type UploadFault } from '../../daemon/domain/upload-port.ts';
import { type TakeCarOptions, takeCar } from '../../daemon/uploads/take-car.ts';
import { type CarPart, type CarV2Options, carOf, carV2Of, sectionOf } from '../fixtures/create-car.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks, randomBytes } from '../fixtures/create-dag.ts';
import { createMemoryIntake } from '../fixtures/create-uploads.ts';
import { createRandom, type Random, testSeed } from '../fixtures/random.ts';
import { cidOf, DAG_CBOR, DAG_PB, dagCborList, dagPbNode, identityCid, RAW } from '../hot/blocks.ts';

const seed = testSeed();
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
const never = new AbortController().signal;
const LIMITS = { dagBytes: 100_000_000, dagBlocks: 100_000 };

async function take(car: Uint8Array, over: Partial<TakeCarOptions> = {}): Promise<Uploaded & { held: MemoryBlocks }> {
  const held = createMemoryBlocks();
  const options = { intake: createMemoryIntake(held), blocks: held, ...LIMITS, signal: never, admit: () => undefined, ...over };
  return { ...(await takeCar(inParts(car), options)), held };
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const random = createRandom(seed).fork(bytes.length);
  for (let at = 0, size = 0; at < bytes.length; at += size) {
    size = 1 + random.below(1 + (bytes.length >>> 3));
    yield bytes.subarray(at, at + size);
  }
}

async function refused(
  t: ExecutionContext,
  car: Uint8Array,
  fault: UploadFault,
  message: RegExp,
  over: Partial<TakeCarOptions> = {},
): Promise<void> {
  const error = await t.throwsAsync(take(car, over), { instanceOf: UploadError, message });
  t.is((error as UploadError).fault, fault, error?.message);
}

/** One block. */
async function part(codec: number, bytes: Uint8Array): Promise<CarPart> {
  return { cid: await cidOf(bytes, codec), bytes };
}

async function randomParts(random: Random): Promise<{ root: CID; parts: CarPart[] }> {
  const blocks = createMemoryBlocks();
  const { root, order } = await createDag(blocks, random);
  return { root, parts: order.map((cid) => ({ cid, bytes: blocks.bytes.get(cid.toString()) ?? new Uint8Array() })) };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

const isIdentity = (cid: CID): boolean => cid.multihash.code === 0x00;

test('a DAG comes whole in whatever order, with repeats, with blocks of others, in either version and however it is cut', async (t) => {
  for (let i = 0; i < 60; i++) {
    const random = createRandom(seed).fork(i);
    const { root, parts } = await randomParts(random);
    const others = (await randomParts(random.fork('others'))).parts;
    const orders = [parts, [...parts].reverse(), shuffled([...parts, ...parts, ...others.slice(1)], random)];
    for (const order of orders) {
      // As some write them and others do not.
      const written = random.below(2) === 0 ? order : order.filter(({ cid }) => !isIdentity(cid));
      const v1 = carOf([root], written);
      const v2: CarV2Options = { paddingBytes: random.below(40), index: randomBytes(random.below(100), random) };
      const { root: taken, held, blocks } = await take(random.below(2) === 0 ? v1 : carV2Of(v1, v2));
      t.true(taken.equals(root));
      for (const { cid, bytes } of parts.filter(({ cid }) => !isIdentity(cid)))
        t.deepEqual(Buffer.from(held.bytes.get(cid.toV1().toString()) ?? []), Buffer.from(bytes));
      t.is(blocks, new Set(written.filter(({ cid }) => !isIdentity(cid)).map(({ cid }) => cid.toV1().toString())).size);
    }
  }
});

test('one block less is told from the whole, and named', async (t) => {
  for (let i = 0; i < 40; i++) {
    const random = createRandom(seed).fork(`less ${i}`);
    const { root, parts } = await randomParts(random);
    const present = parts.filter(({ cid }) => !isIdentity(cid));
    if (present.length === 0) continue;
    const gone = random.pick(present).cid.toV1();
    // By whatever name: two of them can be one block.
    const rest = parts.filter(({ cid }) => !cid.toV1().equals(gone));
    const isRoot = gone.equals(root);
    await refused(t, carOf([root], shuffled(rest, random)), isRoot ? 'bad_root' : 'incomplete', new RegExp(`${isRoot ? root : gone}`));
  }
});

test('what lacks blocks without being part of the DAG does not matter', async (t) => {
  const leaf = await part(RAW, Buffer.from('leaf'));
  const root = await part(DAG_PB, dagPbNode([{ cid: leaf.cid }]));
  const elsewhere = await part(DAG_PB, dagPbNode([{ cid: await cidOf(Buffer.from('nowhere'), RAW) }]));
  t.true((await take(carOf([root.cid], [elsewhere, leaf, root]))).root.equals(root.cid));
  const missing = await part(DAG_PB, dagPbNode([{ cid: root.cid }, { cid: elsewhere.cid }]));
  await refused(t, carOf([missing.cid], [missing, root, leaf]), 'incomplete', new RegExp(`${elsewhere.cid}`));
});

test('an empty block, an empty directory and CIDs of both versions', async (t) => {
  const empty = await part(RAW, new Uint8Array());
  t.like(await take(carOf([empty.cid], [empty])), { bytes: 0, blocks: 1 });
  const dir = await part(DAG_PB, Buffer.from([0x0a, 0x02, 0x08, 0x01]));
  t.like(await take(carOf([dir.cid.toV0()], [dir])), { blocks: 1 });
  const above = await part(DAG_PB, dagPbNode([{ cid: dir.cid.toV0() }]));
  t.like(await take(carOf([above.cid], [dir, above])), { blocks: 2 });
});

test('an identity CID needs no block, but what it links to does', async (t) => {
  const alone = identityCid(Buffer.from('hello'));
  t.like(await take(carOf([alone], [])), { blocks: 0, bytes: 0 });
  t.like(await take(carOf([alone], [{ cid: alone, bytes: Buffer.from('hello') }])), { blocks: 0 });
  const leaf = await part(RAW, Buffer.from('leaf'));
  const inline = identityCid(dagCborList([leaf.cid]), DAG_CBOR);
  const twice = identityCid(dagCborList([inline]), DAG_CBOR);
  const root = await part(DAG_CBOR, dagCborList([twice]));
  t.like(await take(carOf([root.cid], [root, leaf])), { blocks: 2 });
  await refused(t, carOf([root.cid], [root]), 'incomplete', new RegExp(`${leaf.cid}`));
  await refused(t, carOf([inline], []), 'incomplete', new RegExp(`${leaf.cid}`));
  await refused(t, carOf([alone], [{ cid: alone, bytes: Buffer.from('other') }]), 'bad_block', /does not hash/);
});

test('a chain of thousands is as good as any', async (t) => {
  let below = await part(RAW, Buffer.from('the end'));
  const parts = [below];
  for (let i = 0; i < 5_000; i++) {
    below = await part(DAG_CBOR, dagCborList([below.cid]));
    parts.push(below);
  }
  t.like(await take(carOf([below.cid], parts)), { blocks: 5_001 });
  const [end, ...rest] = parts;
  await refused(t, carOf([below.cid], rest.reverse()), 'incomplete', new RegExp(`${end?.cid}`));
});

test('bytes that are no CAR, or not all of one, are refused', async (t) => {
  const block = await part(RAW, Buffer.from('a block'));
  const car = carOf([block.cid], [block]);
  await refused(t, Buffer.from('Hello! This is a text and no CAR. '.repeat(10)), 'malformed', /not a whole CAR/);
  await refused(t, new Uint8Array(), 'malformed', /not a whole CAR/);
  const short = identityCid(Buffer.from('hello'));
  const lax = Buffer.from(carOf([short], []));
  // The length of the root's CID in two bytes, where one would do.
  const at = lax.indexOf(0x2a) + 1;
  const wordy = Buffer.concat([
    Buffer.from([(lax[0] ?? 0) + 1]),
    lax.subarray(1, at),
    Buffer.from([0x58, (lax[at] ?? 0) & 0x1f]),
    lax.subarray(at + 1),
  ]);
  await refused(t, wordy, 'malformed', /more bytes than necessary/);
  await refused(t, carOf([block.cid], [block], 7), 'malformed', /version is 7/);
  for (const length of [5, car.length - 3, car.length - 10]) await refused(t, car.subarray(0, length), 'cut', /in the middle/);
  await refused(t, Buffer.concat([car, Buffer.from([3, 1, 2, 3])]), 'malformed', /begin with a CID/);
});

test('a CARv2 that is not finished, lies about its length or is cut is refused', async (t) => {
  const block = await part(RAW, Buffer.from('a block'));
  const v1 = carOf([block.cid], [block]);
  await refused(t, carV2Of(v1).subarray(0, 30), 'cut', /header/);
  await refused(t, carV2Of(v1, { dataBytes: 0 }), 'malformed', /not finished/);
  await refused(t, carV2Of(v1, { dataOffset: 3 }), 'malformed', /no sense/);
  await refused(t, carV2Of(v1, { dataOffset: 2 ** 40 }), 'malformed', /no sense/);
  await refused(t, carV2Of(v1, { dataBytes: v1.length + 100 }), 'cut', /in the middle/);
  await refused(t, carV2Of(v1, { dataBytes: v1.length - 1 }), 'cut', /in the middle/);
  await refused(t, carV2Of(carV2Of(v1)), 'malformed', /version is 2/);
});

test('it must name just one root', async (t) => {
  const block = await part(RAW, Buffer.from('a block'));
  await refused(t, carOf([], [block]), 'bad_root', /no root/);
  await refused(t, carOf([block.cid, block.cid], [block]), 'bad_root', /2 roots/);
  await refused(t, carOf([await cidOf(Buffer.from('another'), RAW)], [block]), 'bad_root', /not among/);
});

test('a block that is not what its CID says is refused, whatever it is that is wrong', async (t) => {
  const { cid } = await part(RAW, Buffer.from('a block'));
  await refused(t, carOf([cid], [{ cid, bytes: Buffer.from('a blocc') }]), 'bad_block', /does not hash/);
  const noPb = await part(DAG_PB, Buffer.from('this is no protobuf'));
  await refused(t, carOf([noPb.cid], [noPb]), 'unsupported', /links of the block/);
  const strange = CID.createV1(0x300539, cid.multihash);
  await refused(t, carOf([strange], [{ cid: strange, bytes: Buffer.from('a block') }]), 'unsupported', /codec 0x300539/);
  const unknownHash = CID.decode(Uint8Array.from([1, RAW, 0x99, 0x01, 2, 1, 2]));
  await refused(t, carOf([unknownHash], [{ cid: unknownHash, bytes: Buffer.from('x') }]), 'unsupported', /cannot be checked/);
});

test('a root or a block named by a hash that is not known, or too little of it, is refused as such', async (t) => {
  const bytes = Buffer.from('a block');
  const { cid } = await part(RAW, bytes);
  const strange = [
    CID.createV1(RAW, createDigest(0xd5, createHash('md5').update(bytes).digest())),
    CID.createV1(RAW, createDigest(0x12, cid.multihash.digest.subarray(0, 19))),
  ];
  for (const one of strange) {
    await refused(t, carOf([one], []), 'unsupported', new RegExp(`the root ${one} .* cannot be checked`));
    await refused(t, carOf([one], [{ cid: one, bytes }]), 'unsupported', /cannot be checked/);
    await refused(
      t,
      carOf(
        [cid],
        [
          { cid, bytes },
          { cid: one, bytes },
        ],
      ),
      'unsupported',
      new RegExp(`the block ${one} .* cannot be checked`),
    );
  }
  const enough = CID.createV1(RAW, createDigest(0x12, cid.multihash.digest.subarray(0, 20)));
  t.like(await take(carOf([enough], [{ cid: enough, bytes }])), { blocks: 1 });
});

test('an identity CID of more bytes than nodes take is refused, as a root and as a link', async (t) => {
  const most = identityCid(Buffer.alloc(128, 'x'));
  const more = identityCid(Buffer.alloc(129, 'x'));
  const above = async (cid: CID): Promise<CarPart> => part(DAG_CBOR, dagCborList([cid]));
  t.like(await take(carOf([most], [])), { blocks: 0 });
  await refused(t, carOf([more], []), 'unsupported', /the root .* holds 129 bytes/);
  const fine = await above(most);
  t.like(await take(carOf([fine.cid], [fine])), { blocks: 1 });
  const wrong = await above(more);
  await refused(t, carOf([wrong.cid], [wrong]), 'unsupported', new RegExp(`the block ${wrong.cid} links .* 129 bytes`));
});

test('a block nested deeper than nodes read is refused, and no stack overflows over it', async (t) => {
  const list = (depth: number): Uint8Array => Buffer.concat([Buffer.alloc(depth - 1, 0x81), Buffer.from([0x80])]);
  const fine = await part(DAG_CBOR, list(1_024));
  t.like(await take(carOf([fine.cid], [fine])), { blocks: 1 });
  for (const depth of [1_025, 100_000]) {
    const deep = await part(DAG_CBOR, list(depth));
    await refused(t, carOf([deep.cid], [deep]), 'unsupported', new RegExp(`${deep.cid} cannot be read: more than 1024 lists and maps`));
  }
  const header = Buffer.alloc(60_000, 0x81);
  await refused(t, Buffer.concat([Buffer.from([0xe0, 0xd4, 0x03]), header]), 'malformed', /does not begin as a CAR does: more than 1024/);
});

test('limits hold for bytes, blocks, links and the size of a block, those of no use included', async (t) => {
  const parts = await Promise.all([1, 2, 3].map((n) => part(RAW, Buffer.alloc(1_000, n))));
  const root = await part(DAG_PB, dagPbNode(parts.map(({ cid }) => ({ cid }))));
  const car = carOf([root.cid], [root, ...parts]);
  const bytes = 3_000 + root.bytes.length;
  t.like(await take(car, { dagBytes: bytes, dagBlocks: 4 }), { bytes, blocks: 4 });
  await refused(t, car, 'too_large', /3000 bytes/, { dagBytes: 3_000 });
  await refused(t, car, 'too_large', /more than 3 blocks/, { dagBlocks: 3 });
  const [first] = parts;
  if (first === undefined) throw new Error('there is a first');
  await refused(t, carOf([first.cid], parts), 'too_large', /more than 2 blocks/, { dagBlocks: 2 });
  const links = Array.from({ length: 5 }, (_, n) =>
    CID.createV1(RAW, { ...first.cid.multihash, bytes: Uint8Array.from([0x12, 32, ...Buffer.alloc(32, n)]) }),
  );
  const wide = await part(DAG_PB, dagPbNode(links.map((cid) => ({ cid }))));
  await refused(t, carOf([wide.cid], [wide]), 'too_large', /more than 4 blocks/, { dagBlocks: 4 });
  const large = await part(RAW, Buffer.alloc(2 * 1024 * 1024));
  t.like(await take(carOf([large.cid], [large])), { blocks: 1 });
  const larger = await part(RAW, Buffer.alloc(2 * 1024 * 1024 + 1));
  await refused(t, carOf([larger.cid], [larger]), 'too_large', /larger than 2097152/);
  const section = Buffer.concat([carOf([first.cid], []), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), first.cid.bytes]);
  await refused(t, section, 'too_large', /a section of/);
});

test('eight blocks are put in at a time, and no more is read than that', async (t) => {
  const parts = await Promise.all(Array.from({ length: 40 }, (_, n) => part(RAW, Buffer.alloc(100, n))));
  const root = await part(DAG_PB, dagPbNode(parts.map(({ cid }) => ({ cid }))));
  const waiting: (() => void)[] = [];
  let sections = 0;
  async function* source() {
    yield carOf([root.cid], []);
    for (const one of [...parts, root]) {
      sections += 1;
      yield sectionOf(one);
    }
  }
  const held = createMemoryBlocks();
  const intake = { ...createMemoryIntake(held), put: () => new Promise<void>((resolve) => waiting.push(resolve)) };
  const taking = takeCar(source(), { intake, blocks: held, ...LIMITS, signal: never, admit: () => undefined });
  for (let i = 0; i < 20; i++) await turn();
  t.is(waiting.length, 8);
  t.true(sections <= 10, `${sections}`);
  const drain = setInterval(() => waiting.shift()?.(), 0);
  t.is((await taking).blocks, 41);
  clearInterval(drain);
});

test('a tier that fails, a source that breaks and room that is gone end it, and nothing goes on afterwards', async (t) => {
  const parts = await Promise.all(Array.from({ length: 40 }, (_, n) => part(RAW, Buffer.alloc(100, n))));
  const root = await part(DAG_PB, dagPbNode(parts.map(({ cid }) => ({ cid }))));
  const car = carOf([root.cid], [...parts, root]);
  let going = 0;
  let puts = 0;
  const intake: BlockIntake = {
    ...createMemoryIntake(createMemoryBlocks()),
    async put() {
      puts += 1;
      const mine = puts;
      going += 1;
      await turn();
      going -= 1;
      if (mine === 5) throw new HotError('down', 'kubo is not running');
    },
  };
  await t.throwsAsync(take(car, { intake }), { instanceOf: HotError });
  t.is(going, 0);
  t.true(puts < 20);
  puts = 10;
  let seen = 0;
  const admit = (): void => {
    seen += 1;
    if (seen > 7) throw new Error('the disk is full');
  };
  await t.throwsAsync(take(car, { intake, admit }), { message: 'the disk is full' });
  async function* broken() {
    yield car.subarray(0, 1_000);
    throw new Error('the client is gone');
  }
  const options = { intake, blocks: createMemoryBlocks(), ...LIMITS, signal: never, admit: () => undefined };
  await t.throwsAsync(takeCar(broken(), options), { message: 'the client is gone' });
  t.is(going, 0);
});
