import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { fc, testProp } from '@fast-check/ava';
import { CarBufferWriter } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';

import { openCarIndex } from '../../../daemon/cold/pieces/car-index.ts';

async function fileOf(t: ExecutionContext, bytes: Uint8Array): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-index-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, 'x.car');
  await writeFile(path, bytes);
  return path;
}

async function carOf(blocks: readonly Uint8Array[]): Promise<{ car: Uint8Array; cids: CID[] }> {
  const cids = await Promise.all(blocks.map(async (block) => CID.createV1(0x55, await sha256.digest(block))));
  const bytes = blocks.reduce((sum, { length }) => sum + length + 100, 1_000);
  const writer = CarBufferWriter.createWriter(new ArrayBuffer(bytes), { roots: cids.slice(0, 1) });
  for (const [index, cid] of cids.entries()) writer.write({ cid, bytes: blocks[index] ?? new Uint8Array() });
  return { car: writer.close({ resize: true }), cids };
}

testProp(
  'every block of a CAR is found, whatever lies before it, and nothing else',
  [fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 30 })],
  async (t, sizes) => {
    const blocks = sizes.map((size) => randomBytes(size));
    const { car, cids } = await carOf(blocks);
    const index = await openCarIndex(await fileOf(t, car));
    for (const [at, cid] of cids.entries()) t.deepEqual(Buffer.from((await index.block(cid)) ?? []), blocks[at]);
    t.is(await index.block(CID.createV1(0x55, await sha256.digest(Buffer.from('not in there')))), undefined);
    await index.close();
  },
  { numRuns: 20 },
);

test('what is no CAR, is cut short, or ends in zeros has the blocks that come before that', async (t) => {
  const blocks = [randomBytes(500), randomBytes(500)];
  const { car, cids } = await carOf(blocks);
  const [first, second] = cids as [CID, CID];
  for (const bytes of [new Uint8Array(), randomBytes(50_000), new Uint8Array(1_000)]) {
    const index = await openCarIndex(await fileOf(t, bytes));
    t.is(await index.block(first), undefined);
    await index.close();
  }
  const cut = await openCarIndex(await fileOf(t, car.subarray(0, car.length - 10)));
  t.deepEqual(Buffer.from((await cut.block(first)) ?? []), blocks[0]);
  t.is(await cut.block(second), undefined);
  await cut.close();
  const padded = await openCarIndex(await fileOf(t, Buffer.concat([car, new Uint8Array(5_000)])));
  t.deepEqual(Buffer.from((await padded.block(second)) ?? []), blocks[1]);
  await padded.close();
});
