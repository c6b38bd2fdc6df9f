import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { commpOf, unpaddedBytes } from '../../../daemon/cold/pieces/commp.ts';
import { type ClosablePieceWorks, createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { PieceError, type PieceFailure } from '../../../daemon/domain/cold-ports.ts';
import type { BuiltPiece } from '../../../daemon/domain/piece.ts';
import { createLog } from '../../../daemon/log.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks } from '../../fixtures/create-dag.ts';
import { createTempDir } from '../../fixtures/create-kubo.ts';
import { hashPool } from '../../fixtures/hash-pool.ts';
import { collect } from '../../fixtures/memory.ts';
import { createRandom } from '../../fixtures/random.ts';
import { RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const ID = '0b2c6a52-8d53-4c8e-8f8a-3b0c3f1f7a11';

interface World {
  dir: string;
  blocks: MemoryBlocks;
  works: ClosablePieceWorks;
}

async function createWorld(t: ExecutionContext, delay?: Parameters<typeof createMemoryBlocks>[0], maxPieceBytes = 2 ** 30): Promise<World> {
  const dir = join(await createTempDir(t), 'staging');
  const blocks = createMemoryBlocks(delay);
  const works = createPieceWorks({
    dir,
    manifestDir: join(dir, '../manifests'),
    keepsFiles: true,
    proofsDir: join(await createTempDir(t), 'proofs'),
    blocks,
    pool: hashPool,
    maxPieceBytes,
    log: createLog('silent'),
  });
  t.teardown(() => works.close());
  return { dir, blocks, works };
}

async function membersIn(blocks: MemoryBlocks, count: number, seed = 1): Promise<{ contentKey: string; sizeBytes: number }[]> {
  const random = createRandom(seed);
  const members = [];
  for (let i = 0; i < count; i++) members.push({ contentKey: (await createDag(blocks, random)).contentKey, sizeBytes: 1 });
  return members;
}

async function built(t: ExecutionContext): Promise<World & { piece: BuiltPiece & { id: string }; car: Buffer }> {
  const world = await createWorld(t);
  const piece = { id: ID, ...(await world.works.build(ID, await membersIn(world.blocks, 3), never)) };
  return { ...world, piece, car: await readFile((await world.works.staged(ID)) ?? '') };
}

async function* inParts(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function refused(t: ExecutionContext, failure: PieceFailure, promise: Promise<unknown>): Promise<PieceError> {
  const error = (await t.throwsAsync(promise, { instanceOf: PieceError })) as PieceError;
  t.is(error.failure, failure);
  return error;
}

test('a piece is built once and the same again, and its figures are those of the file', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  const members = await membersIn(blocks, 5);
  const piece = await works.build(ID, members, never);
  const path = (await works.staged(ID)) ?? '';
  const car = await readFile(path);
  t.is(car.length, piece.carSizeBytes);
  t.like(commpOf(car), { pieceCid: piece.pieceCid, pieceSizeBytes: piece.pieceSizeBytes });
  t.deepEqual(await works.build(ID, members, never), piece);
  t.deepEqual(await readFile((await works.staged(ID)) ?? ''), car);
  t.deepEqual(await works.list(), [ID]);
  t.is((await readdir(dir)).length, 1);
  await works.drop(ID);
  await works.drop(ID);
  t.is(await works.staged(ID), undefined);
  t.deepEqual(await works.list(), [ID], 'its manifest is still there');
  await works.forget(ID);
  await works.forget(ID);
  t.deepEqual(await works.list(), []);
});

test('pieces side by side and one twice at a time', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  const members = await membersIn(blocks, 4);
  const ids = ['a', 'b', 'a', 'c', 'a'];
  const results = await Promise.all(ids.map((id) => works.build(id, members, never)));
  for (const piece of results) t.deepEqual(piece, results[0]);
  t.deepEqual(await works.list(), ['a', 'b', 'c']);
  t.is((await readdir(dir)).length, 3);
});

test('what an interrupted build left is listed, not taken for whole, replaced by the next, and dropped', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, `${ID}.part`), 'half');
  await writeFile(join(dir, 'other.part'), 'half');
  await writeFile(join(dir, 'README'), 'not ours');
  t.is(await works.staged(ID), undefined);
  t.deepEqual(await works.list(), [ID, 'other']);
  const { carSizeBytes } = await works.build(ID, await membersIn(blocks, 2), never);
  t.is((await readFile((await works.staged(ID)) ?? '')).length, carSizeBytes);
  await works.drop('other');
  t.deepEqual(await works.list(), [ID]);
  await works.forget(ID);
  t.deepEqual(await readdir(dir), ['README']);
});

test('a file that was cut or grew is not whole any more', async (t) => {
  for (const by of [-1, 1]) {
    const { works, piece } = await built(t);
    await truncate((await works.staged(ID)) ?? '', piece.carSizeBytes + by);
    t.is(await works.staged(ID), undefined);
    t.deepEqual(await works.list(), [ID]);
  }
});

test('a file whose bytes were changed is found by checking it', async (t) => {
  const { works, piece, car } = await built(t);
  const path = (await works.staged(ID)) ?? '';
  t.deepEqual(await works.check(piece, createReadStream(path), never), { bytes: car.length });
  car[100] = (car[100] ?? 0) ^ 1;
  await writeFile(path, car);
  await refused(t, 'mismatch', works.check(piece, createReadStream(path), never));
});

test('a CAR that comes back is kept when it is the piece, without the zeros that providers add', async (t) => {
  const { works, piece, car } = await built(t);
  const whole = unpaddedBytes(piece.pieceSizeBytes);
  for (const zeros of [0, 1, whole - car.length]) {
    await works.drop(ID);
    const came = Buffer.concat([car, Buffer.alloc(zeros)]);
    t.deepEqual(await works.receive(piece, inParts(came), never), { bytes: came.length });
    t.deepEqual(await readFile((await works.staged(ID)) ?? ''), car);
    t.deepEqual(await works.check(piece, inParts(came, 77), never), { bytes: came.length });
  }
});

test('a piece that was made larger than its CAR needs is received all the same', async (t) => {
  const { works, car, piece } = await built(t);
  const pieceSizeBytes = piece.pieceSizeBytes * 4;
  const zeros = Buffer.alloc(unpaddedBytes(pieceSizeBytes) - car.length);
  const larger = { ...piece, pieceSizeBytes, pieceCid: commpOf(Buffer.concat([car, zeros])).pieceCid };
  t.deepEqual(await works.receive(larger, inParts(Buffer.concat([car, zeros]), 50_000), never), { bytes: car.length + zeros.length });
});

test('a piece is filled up with zeros to the least size that is wanted, and is the same again when nothing is wanted any more', async (t) => {
  const { works, blocks } = await createWorld(t);
  const members = await membersIn(blocks, 3);
  const natural = await works.build(ID, members, never);
  const car = await readFile((await works.staged(ID)) ?? '');
  const pieceSizeBytes = natural.pieceSizeBytes * 8;
  const padded = await works.build(ID, members, never, pieceSizeBytes);
  t.deepEqual({ ...padded, pieceCid: '' }, { ...natural, pieceSizeBytes, pieceCid: '' });
  t.is(padded.pieceCid, commpOf(Buffer.concat([car, Buffer.alloc(unpaddedBytes(pieceSizeBytes) - car.length)])).pieceCid);
  t.true((await readFile((await works.staged(ID)) ?? '')).equals(car), 'the zeros lie in no file');
  const small = [{ contentKey: (await blocks.put(RAW, Buffer.from('tiny'))).toString(), sizeBytes: 4 }];
  const tiny = await works.build('tiny', small, never);
  t.deepEqual(await works.build('tiny', small, never, tiny.pieceSizeBytes), tiny, 'what is built again is what it was');
});

test('what is not the piece is refused and leaves nothing', async (t) => {
  const { works, piece, car, dir } = await built(t);
  await works.drop(ID);
  const changed = Buffer.from(car);
  changed[car.length - 1] = (changed[car.length - 1] ?? 0) ^ 1;
  const whole = unpaddedBytes(piece.pieceSizeBytes);
  const cases: [string, Uint8Array][] = [
    ['nothing', Buffer.alloc(0)],
    ['cut', car.subarray(0, -1)],
    ['changed', changed],
    ['not zeros behind', Buffer.concat([car, Buffer.from('x')])],
    ['zeros beyond the piece', Buffer.concat([car, Buffer.alloc(whole - car.length + 1)])],
    ['a page of HTML', Buffer.from('<html>'.repeat(20))],
  ];
  for (const [name, bytes] of cases) {
    const { message } = await refused(t, 'mismatch', works.receive(piece, inParts(bytes), never));
    t.true(message.includes(piece.pieceCid), name);
    await refused(t, 'mismatch', works.check(piece, inParts(bytes), never));
  }
  t.deepEqual(await readdir(dir), []);
});

test('a stream without end is read no further than the piece', async (t) => {
  const { works, piece } = await built(t);
  let ended = false;
  async function* endless(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(1000);
    } finally {
      ended = true;
    }
  }
  await refused(t, 'mismatch', works.check(piece, endless(), never));
  t.true(ended);
  t.truthy(await works.staged(ID), 'what was there stays');
});

test('of a piece that is read nothing is kept but what is being hashed', async (t) => {
  const { works, piece } = await built(t);
  const read: WeakRef<Uint8Array>[] = [];
  async function* parts(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 50; i++) {
      const part = Buffer.alloc(1);
      read.push(new WeakRef(part));
      yield part;
    }
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    t.true(read.filter((part) => part.deref() !== undefined).length < 10);
  }
  await refused(t, 'mismatch', works.check({ ...piece, carSizeBytes: 100, pieceSizeBytes: 128 }, parts(), never));
  t.is(read.length, 50);
});

test('an error of the stream comes through as it is, and leaves nothing new', async (t) => {
  const { works, piece, car, dir } = await built(t);
  const before = await readdir(dir);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield car.subarray(0, 100);
    throw new TypeError('line cut');
  }
  await t.throwsAsync(works.receive(piece, broken(), never), { instanceOf: TypeError, message: 'line cut' });
  t.deepEqual(await readdir(dir), before);
});

test('an abort is heard while nothing comes, and leaves nothing', async (t) => {
  const { works, piece, dir } = await built(t);
  await works.drop(ID);
  const abort = new AbortController();
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(1);
    await new Promise(() => undefined);
  }
  const receiving = refused(t, 'aborted', works.receive(piece, silent(), abort.signal));
  setImmediate(() => abort.abort());
  await receiving;
  await refused(t, 'aborted', works.check(piece, inParts(Buffer.alloc(10)), abort.signal));
  t.deepEqual(await readdir(dir), []);
});

test('an abort ends a build whose blocks do not come', async (t) => {
  const { works, blocks, dir } = await createWorld(t, () => new Promise(() => undefined));
  const abort = new AbortController();
  const building = refused(t, 'aborted', works.build(ID, await membersIn(blocks, 2), abort.signal));
  setImmediate(() => abort.abort());
  await building;
  t.deepEqual(await readdir(dir), []);
});

test('a missing block names its content, and no half file stays', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  const [first, second] = await membersIn(blocks, 2);
  if (first === undefined || second === undefined) return t.fail();
  blocks.bytes.delete(second.contentKey);
  t.is((await refused(t, 'missing_block', works.build(ID, [first, second], never))).contentKey, second.contentKey);
  t.deepEqual(await readdir(dir), []);
});

test('contents that do not fit into the largest piece are refused; those that just do are not', async (t) => {
  const { works, blocks } = await createWorld(t, undefined, 4096);
  const fits = await blocks.put(RAW, Buffer.alloc(unpaddedBytes(4096) - 59 - 2 - 36, 7));
  t.like(await works.build(ID, [{ contentKey: fits.toString(), sizeBytes: 1 }], never), {
    carSizeBytes: unpaddedBytes(4096),
    pieceSizeBytes: 4096,
  });
  const large = await blocks.put(RAW, Buffer.alloc(unpaddedBytes(4096) - 59 - 2 - 36 + 1, 7));
  await refused(t, 'too_large', works.build('large', [{ contentKey: large.toString(), sizeBytes: 1 }], never));
  t.deepEqual(await works.list(), [ID]);
});

test('a content of a few bytes gets a root above it, as providers take no piece that small', async (t) => {
  const { works, blocks } = await createWorld(t);
  const alone = await blocks.put(RAW, Buffer.from('hello'));
  const tiny = await works.build(ID, [{ contentKey: alone.toString(), sizeBytes: 5 }], never);
  t.is(tiny.pieceSizeBytes, 256);
  t.not(tiny.rootCid, alone.toString());
  t.deepEqual(await works.build(ID, [{ contentKey: alone.toString(), sizeBytes: 5 }], never), tiny);
  t.deepEqual(await works.list(), [ID]);
  const larger = await blocks.put(RAW, Buffer.alloc(128));
  t.is((await works.build('other', [{ contentKey: larger.toString(), sizeBytes: 128 }], never)).rootCid, larger.toString());
});

test('a block too large for one message of graphsync is refused before any deal can fail of it', async (t) => {
  const { works, blocks } = await createWorld(t);
  const most = 4 * 1024 * 1024 - 64 * 1024 - 36;
  const fits = await blocks.put(RAW, Buffer.alloc(most));
  t.is((await works.build(ID, [{ contentKey: fits.toString(), sizeBytes: 1 }], never)).pieceSizeBytes, 4 * 1024 * 1024);
  const large = await blocks.put(RAW, Buffer.alloc(most + 1));
  const error = await refused(t, 'too_large', works.build('large', [{ contentKey: large.toString(), sizeBytes: 1 }], never));
  t.is(error.contentKey, large.toString());
});

test('a staging directory that cannot be used is no room, and said without its path', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  await writeFile(dir, 'a file in its place');
  const { message } = await refused(t, 'no_room', works.build(ID, await membersIn(blocks, 1), never));
  t.false(message.includes(dir));
  await refused(t, 'no_room', works.list());
});

(process.platform === 'linux' ? test : test.skip)('a full disk is no room', async (t) => {
  const { works, blocks, dir } = await createWorld(t);
  await mkdir(dir, { recursive: true });
  // Every write to this device fails with ENOSPC.
  await symlink('/dev/full', join(dir, `${ID}.part`));
  const { message } = await refused(t, 'no_room', works.build(ID, await membersIn(blocks, 1), never));
  t.regex(message, /ENOSPC/);
});
