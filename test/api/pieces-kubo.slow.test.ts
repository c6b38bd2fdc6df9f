import { randomFillSync } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createTransferSigner, createTransfers } from '../../api/piece-tokens.ts';
import { createPieceWorks } from '../../daemon/cold/pieces/works.ts';
import { contentKeyOf, parseCid } from '../../daemon/domain/cid.ts';
import type { BuiltPiece } from '../../daemon/domain/piece.ts';
import type { TransferOffer } from '../../daemon/domain/transfer-port.ts';
import { blockFile } from '../../daemon/hot/block-sizes.ts';
import { createBlockSource, flatfsBlocks } from '../../daemon/hot/block-source.ts';
import { createLog } from '../../daemon/log.ts';
import { openLevelStore } from '../../daemon/store/level-store.ts';
import { openLinkSecret } from '../../daemon/store/link-secret.ts';
import { createTestApi } from '../fixtures/create-api.ts';
import { createDeal } from '../fixtures/create-cold-records.ts';
import { createKubo, createTempDir, type TestKubo } from '../fixtures/create-kubo.ts';
import { createTestDir, testStoreOptions } from '../fixtures/create-store.ts';
import { pieceDirs } from '../fixtures/piece-dirs.ts';

const never = new AbortController().signal;
const deal = createDeal(1, { state: 'accepted' });

interface Dirs {
  store: string;
  dir: string;
  manifestDir: string;
  proofsDir: string;
}

/** All that a process has, over what is durable: the store with its secret, the manifests, kubo. */
async function start(t: ExecutionContext, kubo: TestKubo, dirs: Dirs, built: BuiltPiece | undefined) {
  const files = flatfsBlocks(join(kubo.repo, 'blocks'));
  files.enable(true);
  const blocks = createBlockSource(kubo.rpc, files.blockFile);
  const works = createPieceWorks({ ...dirs, keepsFiles: false, blocks, threads: 1, maxPieceBytes: 2 ** 30, log: createLog('silent') });
  const store = await openLevelStore(testStoreOptions(dirs.store));
  const signer = createTransferSigner(await openLinkSecret(store));
  const { url, api } = await createTestApi(t, {
    transfers: {
      deals: { deal: async (id) => (id === deal.id ? { value: deal, version: 1 } : undefined), built: async () => built },
      bytes: { open: (piece) => works.open(piece) },
      signer,
    },
  });
  return {
    works,
    url,
    offer: (piece: BuiltPiece, zeros: number): TransferOffer =>
      createTransfers(signer, () => 'https://pins.example.org').offer(deal.id, { ...piece, id: deal.pieceId }, piece.carSizeBytes + zeros),
    async stop() {
      await api.close();
      await works.close();
      await store.close();
    },
  };
}

async function fetchRange(url: string, { url: offered, headers }: TransferOffer, from: number, to: number): Promise<Buffer> {
  const reply = await fetch(url + new URL(offered).pathname, { headers: { ...headers, Range: `bytes=${from}-${to - 1}` } });
  if (reply.status !== 206) throw new Error(`${reply.status}`);
  return Buffer.from(await reply.arrayBuffer());
}

test("a piece out of a real kubo's blocks is the CAR that kubo exports, token and bytes the same after a restart", async (t) => {
  t.timeout(120_000);
  const kubo = await createKubo(t);
  const temp = await createTempDir(t);
  const dirs = { store: await createTestDir(t), ...pieceDirs(temp) };
  const content = await kubo.addBytes(randomFillSync(Buffer.alloc(8_000_000)), { cidVersion: 1 });
  const contentKey = contentKeyOf(parseCid(content));
  const exported = await kubo.rpc.bytes('dag/export', { arg: contentKey, progress: false }, { deadlineMs: 60_000, replyBytesMax: 2 ** 26 });

  const building = await start(t, kubo, dirs, undefined);
  const built = await building.works.build(deal.pieceId, [{ contentKey, sizeBytes: 1 }], never);
  await building.stop();
  const first = await start(t, kubo, dirs, built);
  const offer = first.offer(built, 5_000);
  const half = 4_000_000;
  const begun = await fetchRange(first.url, offer, 0, half);
  await first.stop();

  const second = await start(t, kubo, dirs, built);
  t.deepEqual(second.offer(built, 5_000), offer);
  const rest = await fetchRange(second.url, offer, half, offer.sizeBytes + 1);
  t.true(Buffer.concat([begun, rest]).equals(Buffer.concat([exported, Buffer.alloc(5_000)])));

  // A leaf in the middle rots, then goes.
  const lines = await kubo.rpc.bytes('refs', { arg: contentKey }, { deadlineMs: 10_000, replyBytesMax: 2 ** 20 });
  const leaf = (JSON.parse(Buffer.from(lines).toString().trim().split('\n').at(20) ?? '{}') as { Ref: string }).Ref;
  const path = blockFile(join(kubo.repo, 'blocks'), CID.parse(leaf));
  const good = await readFile(path);
  // Where its section begins: the length, in three bytes, and a CID of 36.
  const at = Buffer.from(exported).indexOf(good) - 39;
  const bad = Buffer.from(good);
  bad[100] = (bad[100] ?? 0) ^ 1;
  await writeFile(path, bad);
  await t.throwsAsync(fetchRange(second.url, offer, 0, offer.sizeBytes), undefined, 'a block that rotted is not given out');
  t.true((await fetchRange(second.url, offer, 0, at)).equals(Buffer.from(exported).subarray(0, at)), 'what lies before it is');
  await rm(path);
  await t.throwsAsync(fetchRange(second.url, offer, at, offer.sizeBytes));
  await writeFile(path, good);
  t.true((await fetchRange(second.url, offer, at, exported.length)).equals(Buffer.from(exported).subarray(at)));
  await second.stop();
});
