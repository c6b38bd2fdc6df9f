import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { siblingsOf } from '../../../daemon/cold/pieces/multiproof.ts';
import { CHUNK_BYTES } from '../../../daemon/cold/pieces/subtree.ts';
import { type ClosablePieceWorks, createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { PieceError } from '../../../daemon/domain/cold-ports.ts';
import type { BuiltPiece, PieceMember } from '../../../daemon/domain/piece.ts';
import type { PieceProofs, RootProof } from '../../../daemon/domain/receipt-ports.ts';
import { createLog } from '../../../daemon/log.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks, randomBytes } from '../../fixtures/create-dag.ts';
import { createTempDir } from '../../fixtures/create-kubo.ts';
import { hashPool } from '../../fixtures/hash-pool.ts';
import { createRandom, testSeed } from '../../fixtures/random.ts';
import { DAG_CBOR, dagCborList, RAW } from '../../hot/blocks.ts';
import { provenBlock } from '../../receipts/small-proof.ts';

const seed = testSeed();
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
const never = new AbortController().signal;
const ID = '0b2c6a52-8d53-4c8e-8f8a-3b0c3f1f7a11';

interface World {
  proofsDir: string;
  blocks: MemoryBlocks;
  works: ClosablePieceWorks;
  proofs: PieceProofs;
}

async function createWorld(t: ExecutionContext, minPieceBytes?: number): Promise<World> {
  const [dir, proofsDir] = [join(await createTempDir(t), 'staging'), join(await createTempDir(t), 'proofs')];
  const blocks = createMemoryBlocks();
  const works = createPieceWorks({
    dir,
    manifestDir: join(dir, '../manifests'),
    keepsFiles: true,
    proofsDir,
    blocks,
    pool: hashPool,
    maxPieceBytes: 2 ** 30,
    minPieceBytes,
    log: createLog('silent'),
  });
  t.teardown(() => works.close());
  if (works.proofs === undefined) throw new Error('no proofs');
  return { proofsDir, blocks, works, proofs: works.proofs };
}

const memberOf = (cid: CID): PieceMember => ({ contentKey: cid.toString(), sizeBytes: 1 });

async function built({ works }: World, members: readonly PieceMember[]): Promise<{ piece: BuiltPiece & { id: string }; car: Buffer }> {
  const piece = { id: ID, ...(await works.build(ID, members, never)) };
  return { piece, car: await readFile((await works.staged(ID)) ?? '') };
}

/** What the proof shows, put together with the block, which is not kept with it. */
function windowOf({ before, after, offset, length }: RootProof, car: Uint8Array): Buffer {
  return Buffer.concat([before, car.subarray(offset, offset + length), after]);
}

/** Every content of the piece is proven, and shows nothing that lies beside its window. */
async function proveAll(t: ExecutionContext, world: World, members: readonly PieceMember[]): Promise<Map<string, RootProof>> {
  await world.works.forget(ID);
  await world.proofs.drop(ID);
  const { piece, car } = await built(world, members);
  const padded = Buffer.concat([car, Buffer.alloc(piece.pieceSizeBytes)]);
  const proofs = new Map<string, RootProof>();
  for (const { contentKey } of members) {
    const proof = await world.proofs.of(piece, members, contentKey);
    if (proof === undefined) throw new Error(`no proof of ${contentKey}`);
    const { offset: at, length } = proof;
    const window = windowOf(proof, car);
    const from = 127 * Math.floor(at / 127);
    t.true(window.equals(padded.subarray(from, from + window.length)), 'the window is what lies there');
    const block = provenBlock({
      cid: contentKey,
      pieceCid: piece.pieceCid,
      pieceSize: piece.pieceSizeBytes,
      section: { offset: at, length },
      window,
      proof: proof.siblings,
    });
    if (CID.parse(contentKey).multihash.code !== 0)
      t.true(Buffer.from(block).equals(world.blocks.bytes.get(contentKey) ?? Buffer.alloc(0)));
    proofs.set(contentKey, proof);
  }
  return proofs;
}

test('every content of pieces of chance is proven by its block and what is kept, as another verifier has it', async (t) => {
  const world = await createWorld(t);
  for (let i = 0; i < 25; i++) {
    const random = createRandom(seed).fork(i);
    const keys = new Set<string>();
    for (let n = 1 + random.below(12); n > 0; n--)
      keys.add((await createDag(world.blocks, random, { leafBytes: 1 + random.below(900) })).contentKey);
    await proveAll(
      t,
      world,
      [...keys].map((contentKey) => ({ contentKey, sizeBytes: 1 })),
    );
  }
});

test('a root block is proven wherever its section begins and ends within quads of 127 bytes', async (t) => {
  const random = createRandom(seed).fork('alignments');
  const seen = { begins: new Set<number>(), ends: new Set<number>() };
  const world = await createWorld(t);
  for (let i = 0; i < 6; i++) {
    const members: PieceMember[] = [];
    for (let n = 0; n < 130; n++) members.push(memberOf(await world.blocks.put(RAW, randomBytes(1 + n + random.below(200), random))));
    for (const { offset, length } of (await proveAll(t, world, members)).values()) {
      seen.begins.add(offset % 127);
      seen.ends.add((offset + length) % 127);
    }
  }
  t.true(seen.begins.size > 100 && seen.ends.size > 100, `${seen.begins.size} begins, ${seen.ends.size} ends`);
});

test('a piece that is filled up with zeros is proven as well, and its proofs are made again', async (t) => {
  const random = createRandom(seed).fork('filled up');
  const world = await createWorld(t, 2 ** 20);
  const members: PieceMember[] = [];
  for (let n = 0; n < 3; n++) members.push(memberOf(await world.blocks.put(RAW, randomBytes(3_000, random))));
  const kept = await proveAll(t, world, members);
  const { piece } = await built(world, members);
  t.is(piece.pieceSizeBytes, 2 ** 20);
  await world.proofs.drop(ID);
  await world.proofs.make(piece, members, never);
  for (const { contentKey } of members) t.deepEqual(await world.proofs.of(piece, members, contentKey), kept.get(contentKey));
});

test('a content alone in its piece, of every size from nothing on', async (t) => {
  const random = createRandom(seed).fork('alone');
  const world = await createWorld(t);
  for (const bytes of [0, 1, 5, 90, 91, 92, 126, 127, 128, 253, 254, 255, 1_000, 4_096, 65_536]) {
    await proveAll(t, world, [memberOf(await world.blocks.put(RAW, randomBytes(bytes, random)))]);
  }
});

test('root blocks that lie across the units of work of the hashing threads', async (t) => {
  const random = createRandom(seed).fork('chunks');
  const world = await createWorld(t);
  const members: PieceMember[] = [];
  for (const bytes of [3_000_000, 200, CHUNK_BYTES - 700, 10, 2_500_000, CHUNK_BYTES, 1])
    members.push(memberOf(await world.blocks.put(RAW, randomBytes(bytes, random))));
  await proveAll(t, world, members);
});

test('what lies beside a root block is a separator, or of the content itself', async (t) => {
  const random = createRandom(seed).fork('beside');
  const world = await createWorld(t);
  const members: PieceMember[] = [];
  for (let n = 0; n < 40; n++) members.push(memberOf(await world.blocks.put(RAW, Buffer.from(`SECRET${n} `.repeat(1 + random.below(40))))));
  const proofs = await proveAll(t, world, members);
  for (const { before, after } of proofs.values()) {
    for (const edge of [before, after]) {
      const shown = Buffer.from(edge);
      t.false(shown.includes('SECRET'));
      for (const { contentKey } of members) t.false(shown.includes(Buffer.from(CID.parse(contentKey).multihash.digest.subarray(0, 8))));
    }
  }
});

test('that a root block lies among the blocks of another content is known, and of which', async (t) => {
  const world = await createWorld(t);
  const inner = await world.blocks.put(RAW, Buffer.from('a file in a directory, and pinned by itself, too'));
  const outer = await world.blocks.put(DAG_CBOR, dagCborList([inner]));
  const proofs = await proveAll(t, world, [memberOf(outer), memberOf(inner)]);
  t.is(proofs.get(outer.toString())?.within, undefined);
  t.is(proofs.get(inner.toString())?.within, outer.toString());
});

test('proofs are made again from blocks, and only of the same piece', async (t) => {
  const random = createRandom(seed).fork('again');
  const world = await createWorld(t);
  const { works, proofs, blocks } = world;
  const members: PieceMember[] = [];
  for (let n = 0; n < 4; n++) members.push({ contentKey: (await createDag(blocks, random, { share: false })).contentKey, sizeBytes: 1 });
  const { piece } = await built(world, members);
  await works.drop(ID);
  const [first] = members;
  const kept = await proofs.of(piece, members, first?.contentKey ?? '');
  t.truthy(kept);
  t.deepEqual(await proofs.list(), [ID]);
  await proofs.drop(ID);
  t.deepEqual(await proofs.list(), []);
  t.is(await proofs.of(piece, members, first?.contentKey ?? ''), undefined);
  await proofs.make(piece, members, never);
  t.deepEqual(await proofs.of(piece, members, first?.contentKey ?? ''), kept);
  t.is(await works.staged(ID), undefined, 'no CAR was written for it');
  const other = await t.throwsAsync(proofs.make(piece, members.slice(1), never), { instanceOf: PieceError });
  t.is((other as PieceError).failure, 'mismatch');
  blocks.bytes.clear();
  await proofs.drop(ID);
  const missing = await t.throwsAsync(proofs.make(piece, members, never), { instanceOf: PieceError });
  t.is((missing as PieceError).failure, 'missing_block');
});

test('a file that was cut is no proof; one in a directory that cannot be written stops no piece', async (t) => {
  const world = await createWorld(t);
  const member = memberOf(await world.blocks.put(RAW, Buffer.alloc(5_000, 1)));
  const other = memberOf(await world.blocks.put(RAW, Buffer.alloc(300, 2)));
  const { piece } = await built(world, [member, other]);
  const [name = ''] = await readdir(world.proofsDir);
  const path = join(world.proofsDir, name);
  const { size } = await stat(path);
  for (const bytes of [0, 7, 30, size - 1]) {
    await truncate(path, bytes);
    const found = await Promise.all([member, other].map(({ contentKey }) => world.proofs.of(piece, [member, other], contentKey)));
    t.true(found.includes(undefined), `${bytes} of ${size}`);
  }
  const blocked = await createWorld(t);
  await writeFile(blocked.proofsDir, 'a file where the directory should be');
  const cid = await blocked.blocks.put(RAW, Buffer.alloc(5_000, 1));
  t.is((await built(blocked, [memberOf(cid)])).piece.rootCid, cid.toString());
});

test('a thousand contents take as many proofs as there are, in a file that is a part of their size', async (t) => {
  const world = await createWorld(t);
  const members: PieceMember[] = [];
  for (let n = 0; n < 1_000; n++) members.push(memberOf(await world.blocks.put(RAW, Buffer.alloc(8_192, `content ${n}`))));
  const { piece } = await built(world, members);
  const [name = ''] = await readdir(world.proofsDir);
  const { size } = await stat(join(world.proofsDir, name));
  t.true(size < piece.carSizeBytes / 5, `${size} of ${piece.carSizeBytes}`);
});

test('there are at most two nodes of a height, and none where the quads are whole', (t) => {
  t.deepEqual(siblingsOf({ from: 0, to: 8 }, 3), []);
  t.deepEqual(siblingsOf({ from: 3, to: 4 }, 2), [
    { height: 0, index: 2 },
    { height: 1, index: 0 },
  ]);
  t.deepEqual(siblingsOf({ from: 1, to: 3 }, 2), [
    { height: 0, index: 0 },
    { height: 0, index: 3 },
  ]);
});
