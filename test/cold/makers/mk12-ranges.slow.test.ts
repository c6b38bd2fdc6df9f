import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { decode } from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { createMk12Maker, type Mk12Maker } from '../../../daemon/cold/makers/mk12.ts';
import { createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { createLotusSigner } from '../../../daemon/cold/wallet/signer.ts';
import type { Deal } from '../../../daemon/domain/deal.ts';
import type { BuiltPiece } from '../../../daemon/domain/piece.ts';
import type { SourceOutcome } from '../../../daemon/domain/retrieval-ports.ts';
import { createLog } from '../../../daemon/log.ts';
import { createScratch } from '../../../daemon/retrieval/scratch.ts';
import type { Devnet } from '../../devnet/devnet.ts';
import type { RangeFaultKind } from '../../devnet/faults.ts';
import { createDeal } from '../../fixtures/create-cold.ts';
import { createMemoryBlocks, type MemoryBlocks } from '../../fixtures/create-dag.ts';
import { devnetFor } from '../../fixtures/create-devnet.ts';
import { createTempDir } from '../../fixtures/create-kubo.ts';
import { createCarServer, fundEscrow, httpExchange, signedDeal } from '../../fixtures/create-mk12-client.ts';
import { hashPool } from '../../fixtures/hash-pool.ts';
import { pieceDirs } from '../../fixtures/piece-dirs.ts';
import { DAG_CBOR, dagCborList, RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const PROVIDER = 'f01000';
const LEAF_BYTES = 50_000;
const LEAVES = 12;
/** Of a content: its leaves, and what is around them. */
const CONTENT_BYTES = LEAVES * LEAF_BYTES + 2_000;

interface TestContent {
  root: CID;
  leaves: CID[];
}

interface World {
  devnet: Devnet;
  maker: Mk12Maker;
  /** One that knows no places. */
  blind: Mk12Maker;
  contents: TestContent[];
  blocks: MemoryBlocks;
  piece: BuiltPiece & { id: string };
  deal: Deal;
  restore(content: TestContent | undefined, maker?: Mk12Maker): Promise<SourceOutcome>;
}

/** Contents of leaves in two nodes; each has a leaf of the one before it, too. */
async function createContents(blocks: MemoryBlocks, count: number): Promise<TestContent[]> {
  const contents: TestContent[] = [];
  for (let n = 0; n < count; n++) {
    const shared = contents.at(-1)?.leaves[3];
    const own: CID[] = [];
    for (let leaf = 0; leaf < LEAVES - (shared === undefined ? 0 : 1); leaf++) own.push(await blocks.put(RAW, randomBytes(LEAF_BYTES)));
    const leaves = shared === undefined ? own : [...own.slice(0, 5), shared, ...own.slice(5)];
    const nodes = [];
    for (const part of [leaves.slice(0, 6), leaves.slice(6)]) nodes.push(await blocks.put(DAG_CBOR, dagCborList(part)));
    contents.push({ root: await blocks.put(DAG_CBOR, dagCborList(nodes)), leaves });
  }
  return contents;
}

/** A piece of eight contents, that a provider like Curio has fetched, sealed and gives back. */
async function create(t: ExecutionContext): Promise<World> {
  const dir = await createTempDir(t);
  const blocks = createMemoryBlocks();
  const contents = await createContents(blocks, 8);
  const log = createLog('silent');
  const works = createPieceWorks({ ...pieceDirs(dir), keepsFiles: true, blocks, pool: hashPool, maxPieceBytes: 2 ** 30, log });
  t.teardown(() => works.close());
  const members = contents.map(({ root }) => ({ contentKey: root.toString(), sizeBytes: 1 }));
  const id = '0b2c6a52-8d53-4c8e-8f8a-3b0c3f1f7a11';
  const piece = { id, ...(await works.build(id, members, never)) };
  const devnet = await devnetFor(t, { providers: [{ mk12: 'curio' }] });
  await fundEscrow(devnet);
  const car = { bytes: await readFile((await works.staged(id)) ?? ''), root: piece.rootCid };
  const { url } = await createCarServer(t, car.bytes);
  const price = Uint8Array.from([0, 0x0f, 0x42, 0x40, 0, 0]);
  const { request } = await signedDeal(devnet, { provider: PROVIDER, url, car, fields: { 8: price } });
  const reply = await (await httpExchange(devnet, PROVIDER))('store', request);
  t.deepEqual(decode(reply), { Accepted: true, Message: '' });
  await devnet.advanceUntil(() => devnet.deals()[0]?.state === 'active', 60);
  const makerWith = (layouts: Parameters<typeof createMk12Maker>[0]['layouts']): Mk12Maker => {
    const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.read });
    const chain = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
    const transfers = { offer: () => ({ url: '', headers: {}, sizeBytes: 0 }) };
    const more = layouts === undefined ? {} : { layouts };
    const maker = createMk12Maker({ rpc, chain, signer: createLotusSigner(rpc, undefined), transfers, allowPrivate: true, ...more });
    t.teardown(() => maker.close());
    return maker;
  };
  const maker = makerWith(works.layouts);
  const deal = createDeal(1, { provider: PROVIDER });
  return {
    devnet,
    maker,
    blind: makerWith(undefined),
    contents,
    blocks,
    piece,
    deal,
    async restore(content, from = maker) {
      const clock = { nowMs: () => Math.round(performance.now()) };
      const scratch = createScratch({ maker: from, dir: join(dir, 'drill'), minFreeBytes: 0, stallMs: 60_000, clock });
      const contentKey = content?.root.toString() ?? '';
      return await scratch.fetch({ deal, piece }, { contentKey, sizeBytes: CONTENT_BYTES }, never);
    },
  };
}

function served({ devnet }: World, way: 'ipfs' | 'piece'): number {
  return devnet.world.served.bytes(({ path }) => path.startsWith(`/${way}/`));
}

test('a content among many comes by its own range, and what it shares with another from where that is', async (t) => {
  const world = await create(t);
  const { devnet, contents, piece } = world;
  t.like(await world.restore(contents[4]), { result: 'done' });
  t.is(served(world, 'piece'), 0, 'the gateway first');
  devnet.faults.provider(PROVIDER, { gateway: 'denied' });
  devnet.world.served.clear();
  t.like(await world.restore(contents[4]), { result: 'done', bytes: CONTENT_BYTES - 2_000 + bytesAbove(world, 4) });
  const bytes = served(world, 'piece');
  t.true(bytes < CONTENT_BYTES, `${bytes} bytes`);
  t.true(bytes < piece.carSizeBytes / 6);
});

/** Its root and nodes. */
function bytesAbove({ blocks, contents }: World, index: number): number {
  const { root } = contents[index] ?? contents[0] ?? { root: CID.parse('bafkqaaa') };
  const sizeOf = (cid: CID): number => blocks.bytes.get(cid.toString())?.length ?? 0;
  const nodes = [...blocks.bytes.keys()].filter((key) => CID.parse(key).code === DAG_CBOR && key !== root.toString());
  // All nodes of all contents are alike but for the roots, which are shorter.
  const node = Math.max(...nodes.map((key) => sizeOf(CID.parse(key))));
  return sizeOf(root) + 2 * node;
}

const BY_RANGES: readonly RangeFaultKind[] = ['cut', 'padded', 'short', 'redirected', 'busy'];
const WHOLE: readonly RangeFaultKind[] = ['ignored', 'unsaid'];
/** Who does not give the range in which the CAR lies does not give the CAR. */
const NOT_AT_ALL: readonly RangeFaultKind[] = ['shifted', 'refused', 'drips'];

test('whatever a server does with ranges, a content comes back: by ranges where it can, else out of the whole piece', async (t) => {
  const world = await create(t);
  const { devnet, contents, piece } = world;
  const restored = async (ranges: RangeFaultKind): Promise<{ result: string; bytes: number }> => {
    devnet.faults.provider(PROVIDER, { gateway: 'empty', ranges });
    devnet.world.served.clear();
    const { result } = await world.restore(contents[6]);
    return { result, bytes: served(world, 'piece') };
  };
  for (const ranges of BY_RANGES) {
    const { result, bytes } = await restored(ranges);
    t.is(result, 'done', ranges);
    t.true(bytes < piece.carSizeBytes / 4, `${ranges}: ${bytes} bytes`);
  }
  for (const ranges of WHOLE) {
    const { result, bytes } = await restored(ranges);
    t.is(result, 'done', ranges);
    t.true(bytes > piece.carSizeBytes / 2, `${ranges}: ${bytes} bytes`);
  }
  for (const ranges of NOT_AT_ALL) t.regex((await restored(ranges)).result, /^(wrong_bytes|refused|unreachable)$/, ranges);
});

test('other bytes than those of the piece are not taken for it', async (t) => {
  const world = await create(t);
  world.devnet.faults.provider(PROVIDER, { gateway: 'denied', corruptBytes: true });
  t.like(await world.restore(world.contents[2]), { result: 'wrong_bytes' });
  world.devnet.faults.provider(PROVIDER, { gateway: 'denied', corruptBytes: false, loseBytes: true });
  t.not((await world.restore(world.contents[2])).result, 'done');
});

test('where nobody knows what lies where, all of the piece is read', async (t) => {
  const world = await create(t);
  world.devnet.faults.provider(PROVIDER, { gateway: 'denied' });
  t.like(await world.restore(world.contents[7], world.blind), { result: 'done' });
  t.true(served(world, 'piece') > world.piece.carSizeBytes * 0.8);
});

test('a block from the middle comes by itself, and neighbours that are wanted together come together', async (t) => {
  const world = await create(t);
  const { devnet, maker, deal, piece, contents, blocks } = world;
  devnet.faults.provider(PROVIDER, { gateway: 'denied' });
  const content = contents[5];
  if (content === undefined) return t.fail();
  const dag = await maker.open(deal, piece, content.root.toString(), never);
  t.teardown(() => dag.close());
  devnet.world.served.clear();
  const [middle, ...others] = [content.leaves[7], ...content.leaves.slice(0, 4)];
  if (middle === undefined) return t.fail();
  t.deepEqual(Buffer.from((await dag.block?.(middle, never)) ?? []), Buffer.from(blocks.bytes.get(middle.toString()) ?? []));
  t.true(served(world, 'piece') < LEAF_BYTES + 100, `${served(world, 'piece')} bytes`);
  devnet.world.served.clear();
  const together = await Promise.all(others.map((cid) => dag.block?.(cid ?? middle, never)));
  for (const [index, cid] of others.entries())
    t.deepEqual(Buffer.from(together[index] ?? []), Buffer.from(blocks.bytes.get(cid?.toString() ?? '') ?? []));
  t.is(devnet.world.served.replies.length, 1);
  const stranger = await createMemoryBlocks().put(RAW, randomBytes(10));
  t.is(await dag.block?.(stranger, never), undefined);
  const stop = new AbortController();
  devnet.faults.provider(PROVIDER, { hangRetrieval: true });
  const hanging = dag.block?.(content.leaves[9] ?? middle, stop.signal);
  stop.abort();
  await t.throwsAsync(hanging ?? Promise.resolve(), { message: /stopped/ });
});

test('many blocks that lie apart are not asked for all at once', async (t) => {
  const world = await create(t);
  const { devnet, maker, deal, piece, contents } = world;
  devnet.faults.provider(PROVIDER, { gateway: 'denied' });
  const dag = await maker.open(deal, piece, contents[0]?.root.toString() ?? '', never);
  t.teardown(() => dag.close());
  devnet.world.served.clear();
  const apart = contents.flatMap(({ leaves }) => [leaves[0], leaves[4], leaves[9]]).filter((cid) => cid !== undefined);
  const blocks = await Promise.all(apart.map((cid) => dag.block?.(cid, never)));
  t.true(blocks.every((bytes) => bytes?.length === LEAF_BYTES));
  t.true(devnet.world.served.replies.length > 8);
  // A reply counts until the server has seen that its reader is gone.
  t.true(devnet.world.served.mostAtOnce <= 8, `${devnet.world.served.mostAtOnce} at once`);
});
