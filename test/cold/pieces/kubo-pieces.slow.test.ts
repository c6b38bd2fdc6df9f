import { randomFillSync } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CarReader } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';

import { type ClosablePieceWorks, createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { contentKeyOf, parseCid } from '../../../daemon/domain/cid.ts';
import { type BlockSource, PieceError } from '../../../daemon/domain/cold-ports.ts';
import { createBlockSource, flatfsBlocks } from '../../../daemon/hot/block-source.ts';
import { createLog } from '../../../daemon/log.ts';
import { createIpfsCli } from '../../fixtures/create-ipfs-cli.ts';
import { createKubo, createTempDir, type TestKubo } from '../../fixtures/create-kubo.ts';
import { pieceDirs } from '../../fixtures/piece-dirs.ts';

const never = new AbortController().signal;

/** Of a kubo: over its RPC, and as files. */
function sourcesOf(kubo: TestKubo): Record<string, BlockSource> {
  const files = flatfsBlocks(join(kubo.repo, 'blocks'));
  files.enable(true);
  return { rpc: createBlockSource(kubo.rpc), files: createBlockSource(kubo.rpc, files.blockFile) };
}

/** A directory tree as users have them: files of many chunks, small ones, the same one twice, ones that fit into their CID. */
async function addTree(kubo: TestKubo, dir: string, options: readonly string[]): Promise<string> {
  const same = randomFillSync(Buffer.alloc(600_000));
  for (const [path, bytes] of [
    ['large', randomFillSync(Buffer.alloc(5_000_000))],
    ['deep/er/same', same],
    ['same', same],
    ['deep/tiny', Buffer.from('tiny')],
    ['empty', Buffer.alloc(0)],
    ...Array.from({ length: 300 }, (_, i) => [`many/${i}`, Buffer.from(`file ${i % 200}`)] as const),
  ] as const) {
    await mkdir(join(dir, path, '..'), { recursive: true });
    await writeFile(join(dir, path), bytes);
  }
  const cid = await createIpfsCli(kubo).ok('add', '-Q', '-r', ...options, dir);
  return contentKeyOf(parseCid(cid));
}

async function createWorks(t: ExecutionContext, blocks: BlockSource): Promise<ClosablePieceWorks> {
  const dirs = pieceDirs(await createTempDir(t));
  const works = createPieceWorks({ ...dirs, keepsFiles: true, blocks, threads: 1, maxPieceBytes: 2 ** 30, log: createLog('silent') });
  t.teardown(() => works.close());
  return works;
}

test('a tree in a real kubo becomes the CAR that kubo itself exports, over its RPC and from its files', async (t) => {
  t.timeout(120_000);
  const kubo = await createKubo(t);
  for (const options of [
    ['--cid-version=1'],
    ['--cid-version=0'],
    ['--cid-version=1', '--inline'],
    ['--cid-version=1', '--raw-leaves=false'],
  ]) {
    const contentKey = await addTree(kubo, join(await createTempDir(t), 'tree'), options);
    const exported = await kubo.rpc.bytes(
      'dag/export',
      { arg: contentKey, progress: false },
      { deadlineMs: 60_000, replyBytesMax: 2 ** 26 },
    );
    for (const [name, blocks] of Object.entries(sourcesOf(kubo))) {
      const works = await createWorks(t, blocks);
      await works.build('piece', [{ contentKey, sizeBytes: 1 }], never);
      const car = await readFile((await works.staged('piece')) ?? '');
      t.true(car.equals(exported), `${options.join(' ')} by ${name}: ${car.length} and ${exported.length} bytes`);
      const several = await works.build(
        'several',
        [contentKey, await addTree(kubo, join(await createTempDir(t), 'other'), options)].map((key) => ({ contentKey: key, sizeBytes: 1 })),
        never,
      );
      const reader = await CarReader.fromBytes(await readFile((await works.staged('several')) ?? ''));
      t.deepEqual((await reader.getRoots()).map(String), [several.rootCid]);
    }
  }
});

test('a block that kubo lost names the content, and is not looked for in the network', async (t) => {
  t.timeout(60_000);
  const kubo = await createKubo(t);
  const kept = contentKeyOf(parseCid(await kubo.addBytes(randomFillSync(Buffer.alloc(1_000_000)), { pin: false })));
  const lost = contentKeyOf(parseCid(await kubo.putBlock(Buffer.from('lost'))));
  await kubo.removeBlock(lost);
  for (const blocks of Object.values(sourcesOf(kubo))) {
    const works = await createWorks(t, blocks);
    const members = [kept, lost].map((contentKey) => ({ contentKey, sizeBytes: 1 }));
    const error = (await t.throwsAsync(works.build('piece', members, never), { instanceOf: PieceError })) as PieceError;
    t.is(error.failure, 'missing_block');
    t.is(error.contentKey, lost);
    t.deepEqual(await works.list(), []);
  }
});
