import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ExecutionContext, TestFn } from 'ava';
import { CID } from 'multiformats/cid';

import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import type { FetchLimits, FetchProgress } from '../../daemon/domain/content.ts';
import { HotError, type HotFailure, type HotTier } from '../../daemon/domain/ports.ts';
import { blockFile } from '../../daemon/hot/block-sizes.ts';
import type { KuboRpc } from '../../daemon/hot/kubo-rpc.ts';
import { startTestKubo, type TestKubo } from '../fixtures/create-kubo.ts';
import { cidOf, DAG_CBOR, DAG_PB, dagCborList, dagPbNode, identityCid, RAW } from './blocks.ts';

/** A tier under test, started, and a way past it to the kubo below. */
export interface TierUnderTest {
  tier: HotTier;
  rpc: KuboRpc;
  /** The folder of block files below it. */
  blocksDir: string;
  /** Ends the kubo below with SIGKILL. */
  killKubo(): Promise<void>;
  stop(): Promise<void>;
}

export interface SuiteOptions {
  test: TestFn;
  /** Makes one in a directory of its own. Pins give up after `pinQuietMs` without progress. */
  create(dir: string, options: { pinQuietMs: number }): Promise<TierUnderTest>;
}

const LIMITS: FetchLimits = { dagBytes: 2 ** 30, dagBlocks: 100_000, timeoutMs: 120_000, stallMs: 60_000 };
const PIN_QUIET_MS = 8_000;
const never = new AbortController().signal;

/** What every kubo behind the port does, whoever runs it. */
export function hotTierSuite({ test, create }: SuiteOptions): void {
  let dir: string;
  let peer: TestKubo;
  let under: TierUnderTest;
  let tier: HotTier;

  test.before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'fbpd-hot-'));
    peer = await startTestKubo(join(dir, 'peer'));
    under = await create(join(dir, 'tier'), { pinQuietMs: PIN_QUIET_MS });
    tier = under.tier;
    await tier.connect(peer.swarmAddresses, never);
  });

  test.after.always(async () => {
    await under?.stop();
    await peer?.stop();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  const fetch = (cid: string, limits: Partial<FetchLimits> = {}, onProgress: (progress: FetchProgress) => void = () => undefined) =>
    tier.fetch(contentKeyOf(parseCid(cid)), { ...LIMITS, ...limits }, onProgress, never);

  const isHere = (cid: CID) =>
    under.rpc.call('block/stat', { arg: cid.toString(), offline: true }, { deadlineMs: 60_000 }).then(
      () => true,
      () => false,
    );

  async function hotError(t: ExecutionContext, failure: HotFailure, work: Promise<unknown>): Promise<string> {
    const error = await t.throwsAsync(work, { instanceOf: HotError });
    t.is(error?.failure, failure, error?.message);
    return error?.message ?? '';
  }

  test('says that it is up, and who it is', (t) => {
    const { up, detail, peerId, addresses } = tier.status();
    t.true(up);
    t.regex(detail, /^kubo\/0\.\d+/);
    t.truthy(peerId);
    t.true(addresses.length > 0 && addresses.length <= 3);
    t.true(addresses.every((address) => address.endsWith(`/p2p/${peerId}`)));
  });

  test('brings a file in, counts its blocks and bytes, and holds it until it is let go', async (t) => {
    const cid = await peer.addBytes(randomBytes(1_000_000), { chunkBytes: 100_000 });
    const seen: FetchProgress[] = [];
    const result = await fetch(cid, {}, (progress) => seen.push(progress));
    t.is(result.blocks, 11);
    t.true(result.bytes > 1_000_000 && result.bytes < 1_001_000, `${result.bytes}`);
    t.deepEqual(seen.at(-1), result);
    t.false(await tier.isPinned(cid, never), 'a fetch leaves no pin');

    await tier.pin(cid, never);
    t.true(await tier.isPinned(cid, never));
    t.deepEqual(await pinOf(cid), { contentKey: cid, named: true });

    await tier.unpin(cid, never);
    t.false(await tier.isPinned(cid, never));
    await tier.unpin(cid, never);
  });

  async function pinOf(contentKey: string) {
    for await (const pin of tier.pins(never)) if (pin.contentKey === contentKey) return pin;
    return undefined;
  }

  test('fetches again what is here already, with the same counts', async (t) => {
    const cid = await peer.addBytes(randomBytes(300_000), { chunkBytes: 10_000 });
    t.deepEqual(await fetch(cid), await fetch(cid));
  });

  test('tells every block once, the root first, those that were here before too, and no identity CID', async (t) => {
    const leaves = await Promise.all([1, 2, 3].map(async () => CID.parse(await peer.putBlock(randomBytes(50)))));
    const inner = CID.parse(await peer.putBlock(dagCborList([...leaves, identityCid(Buffer.from('in the link'))]), { codec: 'dag-cbor' }));
    const root = CID.parse(await peer.putBlock(dagCborList([inner, ...leaves, inner]), { codec: 'dag-cbor' }));
    await fetch(inner.toString());
    const told: string[] = [];
    const progress = await tier.fetch(root.toString(), LIMITS, () => undefined, never, {
      onBlock: (cid) => void told.push(cid.toString()),
    });
    t.is(told[0], root.toString());
    t.deepEqual([...told].sort(), [root, inner, ...leaves].map(String).sort());
    t.is(progress.blocks, told.length);
  });

  test('reads on only when who is told a block is ready for more', async (t) => {
    const cid = await peer.addBytes(randomBytes(30_000), { chunkBytes: 1_000 });
    let [open, most] = [0, 0];
    await tier.fetch(cid, LIMITS, () => undefined, never, {
      async onBlock() {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 5));
        open -= 1;
      },
    });
    t.is(most, 1);
  });

  test('counts a block that is linked often once', async (t) => {
    const cid = await peer.addBytes(Buffer.alloc(100_000), { chunkBytes: 1_000 });
    const { blocks, bytes } = await fetch(cid);
    t.is(blocks, 2);
    t.true(bytes < 10_000, `${bytes}`);
  });

  test('holds a single raw block', async (t) => {
    const cid = await peer.putBlock(randomBytes(100));
    t.deepEqual(await fetch(cid), { blocks: 1, bytes: 100 });
    await tier.pin(cid, never);
    t.true(await tier.isPinned(cid, never));
  });

  test('holds content that was made with a version 0 CID, by its version 1 name', async (t) => {
    const v0 = await peer.addBytes(randomBytes(30_000), { chunkBytes: 10_000, cidVersion: 0 });
    const key = contentKeyOf(parseCid(v0));
    t.true(v0.startsWith('Qm'));
    t.is((await fetch(key)).blocks, 4);
    await tier.pin(key, never);
    t.true(await tier.isPinned(key, never));
  });

  test('follows the links of dag-cbor, and takes identity CIDs for what they are: no blocks', async (t) => {
    const leaf = CID.parse(await peer.putBlock(randomBytes(64)));
    const inner = CID.parse(await peer.putBlock(dagCborList([leaf, identityCid(Buffer.from('in the link'))]), { codec: 'dag-cbor' }));
    const rootBytes = dagCborList([inner, identityCid(dagCborList([leaf]), DAG_CBOR)]);
    const root = await peer.putBlock(rootBytes, { codec: 'dag-cbor' });
    const { blocks } = await fetch(root);
    t.is(blocks, 3);
    t.true(await isHere(leaf));
    await tier.pin(root, never);
  });

  test('an identity root is here before it is asked for', async (t) => {
    const root = identityCid(Buffer.from('all of it')).toString();
    t.deepEqual(await fetch(root), { blocks: 0, bytes: 0 });
    await tier.pin(root, never);
    t.true(await tier.isPinned(root, never));
  });

  test('gives up on a root that nobody sends, and names it', async (t) => {
    const root = (await cidOf(randomBytes(10), RAW)).toString();
    const message = await hotError(t, 'stalled', fetch(root, { stallMs: 700 }));
    t.is(message, `no peer has sent a block of ${root} for 0.7 s (0 blocks, 0 B so far)`);
  });

  test('gives up on a child that nobody sends, and says how far it came', async (t) => {
    const leaf = CID.parse(await peer.putBlock(randomBytes(50)));
    const node = dagPbNode([{ cid: leaf }, { cid: await cidOf(randomBytes(10), RAW) }]);
    const root = await peer.putBlock(node, { codec: 'dag-pb' });
    const message = await hotError(t, 'stalled', fetch(root, { stallMs: 2_500 }));
    t.regex(message, new RegExp(`no peer has sent a block of ${root} for 2\\.5 s \\(2 blocks, `));
    t.false(await tier.isPinned(root, never));
  });

  test('a child that comes late is waited for, and no new walk tells a block again', async (t) => {
    const late = randomBytes(50);
    const [early, lateCid] = [CID.parse(await peer.putBlock(randomBytes(50))), await cidOf(late, RAW)];
    const root = await peer.putBlock(dagPbNode([{ cid: early }, { cid: lateCid }]), { codec: 'dag-pb' });
    const told: string[] = [];
    const fetching = tier.fetch(root, LIMITS, () => undefined, never, { onBlock: (cid) => void told.push(cid.toString()) });
    // Quiet is answered with a new walk after one second, and again after two more.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await peer.putBlock(late);
    t.is((await fetching).blocks, 3);
    t.deepEqual(told, [root, early.toString(), lateCid.toString()]);
  });

  test('stops at a limit of blocks', async (t) => {
    const cid = await peer.addBytes(randomBytes(200_000), { chunkBytes: 1_000 });
    const message = await hotError(t, 'too_many_blocks', fetch(cid, { dagBlocks: 100 }));
    t.regex(message, /has more than the 100 blocks allowed \(101 blocks, /);
    t.deepEqual((await fetch(cid, { dagBlocks: 203 })).blocks, 203);
  });

  test('stops at a limit of bytes, whatever the links claim', async (t) => {
    const leaves = await Promise.all([1, 2, 3].map(() => peer.putBlock(randomBytes(100_000))));
    const node = dagPbNode(leaves.map((leaf) => ({ cid: CID.parse(leaf), tsize: 1 })));
    const root = await peer.putBlock(node, { codec: 'dag-pb' });
    const message = await hotError(t, 'too_many_bytes', fetch(root, { dagBytes: 250_000 }));
    t.regex(message, /is larger than the 244 KiB allowed/);
    t.is((await fetch(root, { dagBytes: 300_000 + node.length })).bytes, 300_000 + node.length);
  });

  test('stops when the whole takes too long, though blocks keep coming', async (t) => {
    const root = (await cidOf(randomBytes(10), RAW)).toString();
    const message = await hotError(t, 'timeout', fetch(root, { timeoutMs: 400 }));
    t.regex(message, /could not be fetched within 0\.4 s/);
  });

  test('stops at our signal, before and amid', async (t) => {
    const root = (await cidOf(randomBytes(10), RAW)).toString();
    await hotError(
      t,
      'aborted',
      tier.fetch(root, LIMITS, () => undefined, AbortSignal.abort()),
    );
    await hotError(
      t,
      'aborted',
      tier.fetch(root, LIMITS, () => undefined, AbortSignal.timeout(300)),
    );
    await hotError(t, 'aborted', tier.isPinned(root, AbortSignal.abort()));
  });

  test('calls a block that does not decode invalid, as root and as child', async (t) => {
    const pb = await peer.putBlock(Buffer.from('ffffffff01', 'hex'), { codec: 'dag-pb' });
    t.regex(await hotError(t, 'invalid', fetch(pb)), new RegExp(`fetching ${pb}: `));
    const cut = await peer.putBlock(dagPbNode([{ cid: await cidOf(Buffer.from('x'), RAW) }]).subarray(0, 10), { codec: 'dag-pb' });
    await hotError(t, 'invalid', fetch(cut));
    const cbor = await peer.putBlock(Buffer.from('ffff', 'hex'), { codec: 'dag-cbor' });
    await hotError(t, 'invalid', fetch(cbor));
    const deep = await peer.putBlock(Buffer.concat([Buffer.alloc(1_024, 0x81), Buffer.from([0x80])]), { codec: 'dag-cbor' });
    await hotError(t, 'invalid', fetch(deep));
    const twice = await peer.putBlock(Buffer.from('a2616101616102', 'hex'), { codec: 'dag-cbor' });
    await hotError(t, 'invalid', fetch(twice));
    const noJson = await peer.putBlock(Buffer.from('nope'), { codec: 'dag-json' });
    await hotError(t, 'invalid', fetch(noJson));
    const parent = await peer.putBlock(dagPbNode([{ cid: CID.parse(pb) }]), { codec: 'dag-pb' });
    await hotError(t, 'invalid', fetch(parent));
  });

  test('calls a codec and a hash function that kubo does not know invalid', async (t) => {
    const bitcoin = await peer.putBlock(Buffer.from('no block of bitcoin'), { codec: 'bitcoin-block' });
    await hotError(t, 'invalid', fetch(bitcoin));
    const murmur = CID.decode(Uint8Array.of(1, RAW, 0x22, 8, ...randomBytes(8)));
    await hotError(t, 'invalid', fetch(murmur.toString()));
    const tooLong = identityCid(randomBytes(200));
    await hotError(t, 'invalid', fetch(tooLong.toString()));
  });

  test('calls a block that was damaged on disk invalid', async (t) => {
    const cid = await peer.addBytes(randomBytes(30_000), { chunkBytes: 10_000 });
    await fetch(cid);
    await writeFile(blockFile(under.blocksDir, CID.parse(cid)), Buffer.from('ffffffff', 'hex'));
    await hotError(t, 'invalid', fetch(cid));
  });

  test('does not reach for the network when it pins', async (t) => {
    const absent = await peer.addBytes(randomBytes(1_000));
    await hotError(t, 'stalled', tier.pin(absent, never));
    const parentOfAbsent = await peer.putBlock(dagPbNode([{ cid: await cidOf(randomBytes(9), RAW) }]), { codec: 'dag-pb' });
    await hotError(t, 'stalled', fetch(parentOfAbsent, { stallMs: 500 }));
    const message = await hotError(t, 'stalled', tier.pin(parentOfAbsent, never));
    t.is(message, `pinning ${parentOfAbsent}: not all of its blocks are here`);
    t.false(await tier.isPinned(parentOfAbsent, never));
  });

  test("sees somebody else's pins, those by a version 0 CID too, and leaves their names", async (t) => {
    const v0 = await peer.addBytes(randomBytes(500), { cidVersion: 0 });
    const key = contentKeyOf(parseCid(v0));
    await fetch(key);
    await under.rpc.call('pin/add', { arg: v0, name: 'theirs' }, { deadlineMs: 60_000 });
    t.true(await tier.isPinned(key, never));
    t.deepEqual(await pinOf(key), { contentKey: key, named: false });
  });

  test('a block that is only part of another pin is not pinned itself', async (t) => {
    const leaf = await peer.putBlock(randomBytes(20));
    const root = await peer.putBlock(dagPbNode([{ cid: CID.parse(leaf) }]), { codec: 'dag-pb' });
    await fetch(root);
    await tier.pin(root, never);
    t.false(await tier.isPinned(leaf, never));
    await tier.unpin(leaf, never);
    t.true(await tier.isPinned(root, never));
  });

  test('says how much it holds', async (t) => {
    const { repoBytes, capacityBytes } = await tier.usage(never);
    t.true(repoBytes > 0);
    t.true(capacityBytes > repoBytes);
  });

  test('dials what it can and minds nothing', async (t) => {
    const other = await startTestKubo(join(dir, `other-${randomBytes(4).toString('hex')}`));
    try {
      await tier.connect(
        ['nonsense', `/ip4/127.0.0.1/tcp/1/p2p/${peer.peerId}`, `/dns4/localhost/tcp/1/p2p/${peer.peerId}`, ...other.swarmAddresses],
        AbortSignal.timeout(30_000),
      );
      const { Peers } = (await under.rpc.call('swarm/peers', {}, { deadlineMs: 60_000 })) as { Peers: { Peer: string }[] };
      t.true(Peers.some(({ Peer }) => Peer === other.peerId));
    } finally {
      await other.stop();
    }
    await t.notThrowsAsync(tier.connect(other.swarmAddresses, AbortSignal.abort()));
  });

  // What follows ends the kubo below, so each gets one of its own.

  test('a kubo that dies amid a fetch is down, which says nothing of the content', async (t) => {
    const own = await create(join(dir, 'dying'), { pinQuietMs: PIN_QUIET_MS });
    try {
      const root = (await cidOf(randomBytes(10), DAG_PB)).toString();
      const fetching = own.tier.fetch(root, LIMITS, () => undefined, never);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await own.killKubo();
      await hotError(t, 'down', fetching);
      const last = own.tier.status();
      t.true(last.addresses.length > 0, 'the addresses last known stay');
    } finally {
      await own.stop();
    }
  });

  test('stopping ends what is under way', async (t) => {
    const own = await create(join(dir, 'stopping'), { pinQuietMs: PIN_QUIET_MS });
    const root = (await cidOf(randomBytes(10), DAG_PB)).toString();
    const fetching = own.tier.fetch(root, LIMITS, () => undefined, never);
    const ended = t.throwsAsync(fetching, { instanceOf: HotError });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await own.stop();
    const error = await ended;
    t.is(error?.failure, 'down', error?.message);
    t.false(own.tier.status().up);
    await hotError(t, 'down', own.tier.isPinned(root, never));
  });

  test('an empty block file is no block', async (t) => {
    if (!tier.exclusive) return t.pass("another's blocks are not ours to mend");
    const cid = await peer.addBytes(randomBytes(30_000), { chunkBytes: 10_000 });
    await fetch(cid);
    await truncate(blockFile(under.blocksDir, CID.parse(cid)), 0);
    t.regex(await hotError(t, 'refused', fetch(cid)), /lay empty on disk and was removed/);
    t.is((await fetch(cid)).blocks, 4);
  });
}
