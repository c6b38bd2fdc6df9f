import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fc, testProp } from '@fast-check/ava';
import { encode } from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';

import { type ClosablePieceWorks, createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { type BlockSource, PieceError, type PieceFailure, type PieceReader } from '../../../daemon/domain/cold-ports.ts';
import type { BuiltPiece } from '../../../daemon/domain/piece.ts';
import { createLog, type Log } from '../../../daemon/log.ts';
import { createDag, createMemoryBlocks, type DagOptions, type MemoryBlocks, randomBytes } from '../../fixtures/create-dag.ts';
import { createTempDir } from '../../fixtures/create-kubo.ts';
import { hashPool } from '../../fixtures/hash-pool.ts';
import { createRandom } from '../../fixtures/random.ts';
import { DAG_CBOR, RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const ID = '0b2c6a52-8d53-4c8e-8f8a-3b0c3f1f7a11';

interface World {
  dir: string;
  manifestDir: string;
  blocks: MemoryBlocks;
  works: ClosablePieceWorks;
  piece: BuiltPiece & { id: string };
  car: Buffer;
}

function open(
  t: ExecutionContext,
  dirs: { dir: string; manifestDir: string },
  blocks: BlockSource,
  keepsFiles = false,
  log = createLog('silent'),
) {
  const works = createPieceWorks({
    ...dirs,
    proofsDir: join(dirs.dir, '../proofs'),
    keepsFiles,
    blocks,
    pool: hashPool,
    maxPieceBytes: 2 ** 30,
    log,
  });
  t.teardown(() => works.close());
  return works;
}

/** A piece of some contents of chance, without a file; and its CAR, as it is written where files are kept. */
async function create(t: ExecutionContext, seed = 1, contents = 3, dag: DagOptions = {}, log?: Log): Promise<World> {
  const temp = await createTempDir(t);
  const dirs = { dir: join(temp, 'staging'), manifestDir: join(temp, 'manifests') };
  const blocks = createMemoryBlocks();
  const random = createRandom(seed);
  const members = [];
  for (let i = 0; i < contents; i++) members.push({ contentKey: (await createDag(blocks, random, dag)).contentKey, sizeBytes: 1 });
  return await build(t, dirs, blocks, members, log);
}

async function build(
  t: ExecutionContext,
  dirs: Pick<World, 'dir' | 'manifestDir'>,
  blocks: MemoryBlocks,
  members: { contentKey: string; sizeBytes: number }[],
  log?: Log,
): Promise<World> {
  const filed = open(t, { dir: join(dirs.dir, '../files'), manifestDir: join(dirs.dir, '../others') }, blocks, true);
  await filed.build(ID, members, never);
  const car = await readFile((await filed.staged(ID)) ?? '');
  const works = open(t, dirs, blocks, false, log);
  return { ...dirs, blocks, works, car, piece: { id: ID, ...(await works.build(ID, members, never)) } };
}

async function readAll(reader: PieceReader | undefined, from: number, to: number, signal = never): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of reader?.read(from, to, signal) ?? []) parts.push(part);
  return Buffer.concat(parts);
}

async function refused(t: ExecutionContext, failure: PieceFailure, promise: Promise<unknown>): Promise<PieceError> {
  const error = (await t.throwsAsync(promise, { instanceOf: PieceError })) as PieceError;
  t.is(error.failure, failure);
  return error;
}

testProp(
  'any range of any piece is what its file has there, and no file is written',
  [fc.nat(), fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 5, maxLength: 10 })],
  async (t, seed, contents, isLarge, cuts) => {
    const { dir, works, piece, car } = await create(t, seed, contents, isLarge ? { leafBytes: 400_000, depth: 2 } : {});
    const reader = await works.open(piece);
    t.is(reader?.carSizeBytes, car.length);
    t.true((await readAll(reader, 0, car.length)).equals(car));
    for (const [a, b] of cuts) {
      const [from, to] = [a % (car.length + 1), b % (car.length + 1)].toSorted((x, y) => x - y) as [number, number];
      t.true((await readAll(reader, from, to)).equals(car.subarray(from, to)), `${from} to ${to} of ${car.length}`);
    }
    t.deepEqual(await readdir(dir).catch(() => []), []);
  },
  { numRuns: 25 },
);

test('parts are small, whatever the blocks are, and small blocks come together', async (t) => {
  const temp = await createTempDir(t);
  const blocks = createMemoryBlocks();
  const random = createRandom(7);
  const large = await blocks.put(RAW, randomBytes(3_000_000, random));
  const small = [];
  for (let i = 0; i < 5_000; i++) small.push(await blocks.put(RAW, randomBytes(20, random)));
  const root = await blocks.put(DAG_CBOR, encode([large, ...small]));
  const world = await build(t, { dir: join(temp, 'staging'), manifestDir: join(temp, 'manifests') }, blocks, [
    { contentKey: root.toString(), sizeBytes: 1 },
  ]);
  const lengths: number[] = [];
  for await (const { length } of (await world.works.open(world.piece))?.read(0, world.car.length, never) ?? []) lengths.push(length);
  t.true(Math.max(...lengths) <= 256 * 1024);
  t.true(lengths.length < 30, `${lengths.length} parts`);
});

test('after a restart the bytes are the same; and so they are from the staged file of a piece that was fetched back', async (t) => {
  const { dir, manifestDir, blocks, piece, car } = await create(t);
  const again = open(t, { dir, manifestDir }, blocks);
  t.true((await readAll(await again.open(piece), 0, car.length)).equals(car));
  await again.receive(
    piece,
    (async function* () {
      yield car;
    })(),
    never,
  );
  blocks.bytes.clear();
  t.true((await readAll(await again.open(piece), 5, car.length - 3)).equals(car.subarray(5, -3)));
});

test('many read at once, each at its own pace', async (t) => {
  const { works, piece, car } = await create(t, 3, 3, { leafBytes: 100_000 });
  const reader = await works.open(piece);
  const step = Math.ceil(car.length / 20);
  const got = await Promise.all(Array.from({ length: 20 }, (_, i) => readAll(reader, i * step, Math.min(car.length, (i + 1) * step))));
  t.true(Buffer.concat(got).equals(car));
});

test('no more than a few blocks are read before they are asked for', async (t) => {
  const { works, piece, blocks } = await create(t, 5, 1, { depth: 5, width: 8, leafBytes: 2_000, share: false });
  const reader = await works.open(piece);
  blocks.asked.length = 0;
  const parts = reader?.read(0, piece.carSizeBytes, never);
  await parts?.next();
  t.true(blocks.asked.length < 100, `${blocks.asked.length} of ${blocks.bytes.size} blocks`);
  await parts?.return();
});

test('a block that is gone, or is another one, ends the bytes before it', async (t) => {
  const { works, piece, blocks, car } = await create(t, 9, 1, { depth: 4, share: false });
  const reader = await works.open(piece);
  const [cid, bytes] = [...blocks.bytes].filter(([, { length }]) => length > 100).at(-1) ?? ['', new Uint8Array()];
  const at = car.indexOf(bytes);
  blocks.bytes.set(cid, bytes.subarray(1));
  t.regex((await refused(t, 'mismatch', readAll(reader, 0, car.length))).message, new RegExp(cid));
  blocks.bytes.delete(cid);
  t.regex((await refused(t, 'missing_block', readAll(reader, 0, car.length))).message, new RegExp(cid));
  t.true((await readAll(reader, 0, at - 100)).equals(car.subarray(0, at - 100)));
});

test('who stops reading is not kept waiting by a block that does not come', async (t) => {
  const { dir, manifestDir, piece, blocks } = await create(t);
  const stuck: BlockSource = { block: () => new Promise(() => undefined) };
  const stop = new AbortController();
  const reading = readAll(await open(t, { dir, manifestDir }, stuck).open(piece), 0, piece.carSizeBytes, stop.signal);
  stop.abort();
  await refused(t, 'aborted', reading);
  t.true(blocks.bytes.size > 0);
});

function heard(): { log: Log; errors: string[] } {
  const errors: string[] = [];
  const log = createLog('silent');
  log.error = ((_: unknown, text: string) => errors.push(text)) as unknown as Log['error'];
  return { log, errors };
}

test('a manifest with any byte of it changed, or cut, is found, said, and removed; and the next build writes it anew', async (t) => {
  const { log, errors } = heard();
  const { dir, manifestDir, blocks, piece, car } = await create(t, 2, 1);
  const [name = ''] = await readdir(manifestDir);
  const good = await readFile(join(manifestDir, name));
  for (const spoil of [
    ...Array.from({ length: 40 }, (_, i) => async (path: string) => {
      const bad = Buffer.from(good);
      const at = Math.floor((i / 40) * bad.length);
      bad[at] = (bad[at] ?? 0) ^ 1;
      await writeFile(path, bad);
    }),
    (path: string) => truncate(path, good.length - 1),
    (path: string) => truncate(path, 0),
    (path: string) => rm(path),
  ]) {
    await writeFile(join(manifestDir, name), good);
    const works = open(t, { dir, manifestDir }, blocks, false, log);
    await works.list();
    await spoil(join(manifestDir, name));
    t.is(await works.open(piece), undefined);
    t.is(errors.splice(0).length, 1);
    t.deepEqual(await readdir(manifestDir), []);
    t.is(await works.open(piece), undefined);
  }
  t.deepEqual(errors, [], 'said once each');
  const works = open(t, { dir, manifestDir }, blocks);
  await works.build(ID, [{ contentKey: piece.rootCid, sizeBytes: 1 }], never);
  t.deepEqual(await readdir(manifestDir), [name]);
  t.true((await readAll(await works.open(piece), 0, car.length)).equals(car));
});

test('a manifest that rots while it is in use gives no wrong byte', async (t) => {
  const { log, errors } = heard();
  const { works, manifestDir, piece, car } = await create(t, 4, 1, { depth: 4 }, log);
  const reader = await works.open(piece);
  const [name = ''] = await readdir(manifestDir);
  const bad = await readFile(join(manifestDir, name));
  bad[20] = (bad[20] ?? 0) ^ 1;
  await writeFile(join(manifestDir, name), bad);
  t.regex((await refused(t, 'mismatch', readAll(reader, 0, car.length))).message, /manifest is damaged/);
  t.is(errors.length, 1);
  t.is(await works.open(piece), undefined);
});

test('a manifest of other bytes is none of this piece', async (t) => {
  const { works, piece, dir, manifestDir, blocks } = await create(t);
  t.is(await works.open({ ...piece, pieceCid: 'baga-other' }), undefined);
  t.is(await works.open({ ...piece, carSizeBytes: piece.carSizeBytes - 1 }), undefined);
  t.is(await works.open({ ...piece, id: 'other' }), undefined);
  // Left beside the right one by a crash between two steps.
  const other = await create(t, 77);
  const [otherName = ''] = await readdir(other.manifestDir);
  await rename(join(other.manifestDir, otherName), join(manifestDir, otherName));
  t.not(await open(t, { dir, manifestDir }, blocks).open(piece), undefined);
});

test('what a build that failed has left is nothing; what a crash has left is listed and goes', async (t) => {
  const { works, manifestDir, blocks } = await create(t);
  const [lost = ''] = [...blocks.bytes.keys()];
  blocks.bytes.delete(lost);
  await refused(t, 'missing_block', works.build('another', [{ contentKey: lost, sizeBytes: 1 }], never));
  t.deepEqual(await works.list(), [ID]);
  await writeFile(join(manifestDir, 'crashed.part'), 'half');
  t.deepEqual(await works.list(), [ID, 'crashed']);
  await works.forget('crashed');
  await works.forget(ID);
  t.deepEqual(await readdir(manifestDir), []);
});

test('a directory that cannot be written is no room, named as people know it', async (t) => {
  const { works, manifestDir, piece } = await create(t, 1, 1);
  await rm(manifestDir, { recursive: true });
  await writeFile(manifestDir, 'a file');
  const error = await refused(t, 'no_room', works.build('another', [{ contentKey: piece.rootCid, sizeBytes: 1 }], never));
  t.regex(error.message, /the directory of manifests in state\.dir cannot be used/);
});
