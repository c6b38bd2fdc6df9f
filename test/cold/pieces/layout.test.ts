import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fc, testProp } from '@fast-check/ava';
import { CarBlockIterator } from '@ipld/car';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { createPieceWorks } from '../../../daemon/cold/pieces/works.ts';
import { PieceError } from '../../../daemon/domain/cold-ports.ts';
import type { SectionPlace } from '../../../daemon/domain/piece-layout.ts';
import { createLog } from '../../../daemon/log.ts';
import { createDag, createMemoryBlocks, type Dag } from '../../fixtures/create-dag.ts';
import { createTempDir } from '../../fixtures/create-kubo.ts';
import { hashPool } from '../../fixtures/hash-pool.ts';
import { pieceDirs } from '../../fixtures/piece-dirs.ts';
import { createRandom } from '../../fixtures/random.ts';
import { RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const ID = '0b2c6a52-8d53-4c8e-8f8a-3b0c3f1f7a11';

/** A piece of contents of chance, its CAR, and what knows where things lie in it. */
async function create(t: ExecutionContext, seed: number, contents: number) {
  const dirs = pieceDirs(await createTempDir(t));
  const blocks = createMemoryBlocks();
  const random = createRandom(seed);
  const dags: Dag[] = [];
  for (let i = 0; i < contents; i++) dags.push(await createDag(blocks, random));
  const log = createLog('silent');
  const works = createPieceWorks({ ...dirs, keepsFiles: true, blocks, pool: hashPool, maxPieceBytes: 2 ** 30, log });
  t.teardown(() => works.close());
  const members = dags.map(({ contentKey }) => ({ contentKey, sizeBytes: 1 }));
  const piece = { id: ID, ...(await works.build(ID, members, never)) };
  const car = await readFile((await works.staged(ID)) ?? '');
  return { ...dirs, works, piece, car, dags };
}

function sectionIn(car: Buffer, { at, bytes, headBytes }: SectionPlace): { cid: CID; block: Uint8Array } {
  const section = car.subarray(at, at + bytes);
  const head = section.subarray(0, headBytes);
  // The length before it has as many bytes as are left of the head once the CID is taken off.
  for (let skip = 1; skip < 8; skip++) {
    try {
      const [cid, rest] = CID.decodeFirst(head.subarray(skip));
      if (rest.length === 0) return { cid, block: section.subarray(headBytes) };
    } catch {}
  }
  throw new Error('that is no section');
}

testProp(
  'every block of a piece is found where it lies, and nothing is found that is not in it',
  [fc.nat(), fc.integer({ min: 1, max: 4 })],
  async (t, seed, contents) => {
    const { works, piece, car } = await create(t, seed, contents);
    const layout = await works.layouts.of(piece);
    for await (const { cid, bytes } of await CarBlockIterator.fromBytes(car)) {
      const place = await layout?.find(cid);
      if (place === undefined) return t.fail(`${cid} is not found`);
      t.deepEqual(Buffer.from(sectionIn(car, place).block), Buffer.from(bytes));
      t.true(sectionIn(car, place).cid.toV1().equals(cid.toV1()));
    }
    t.is(await layout?.find(await createMemoryBlocks().put(RAW, Buffer.from(`not there ${seed}`))), undefined);
  },
  { numRuns: 8 },
);

testProp(
  'from its root on the blocks of a content lie side by side, and none of others among them',
  [fc.nat(), fc.integer({ min: 2, max: 5 })],
  async (t, seed, contents) => {
    const { works, piece, car, dags } = await create(t, seed, contents);
    const layout = await works.layouts.of(piece);
    for (const { root, order } of dags) {
      const first = await layout?.find(root);
      if (layout === undefined || first === undefined) return t.fail();
      const own = new Set(order.map((cid) => cid.toV1().toString()));
      let at = first.at;
      for await (const place of layout.from(first.at)) {
        t.is(place.at, at);
        at += place.bytes;
        t.true(own.has(sectionIn(car, place).cid.toV1().toString()));
      }
      t.true(at > first.at);
    }
  },
  { numRuns: 6 },
);

test('a manifest that is gone is no layout, and one that rots while it is read is said and removed', async (t) => {
  const { works, piece, manifestDir, dags } = await create(t, 5, 3);
  const layout = await works.layouts.of(piece);
  const [name = ''] = await readdir(manifestDir);
  const bytes = await readFile(join(manifestDir, name));
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(join(manifestDir, name), bytes);
  const root = dags[0]?.root ?? CID.parse(piece.rootCid);
  await t.throwsAsync(async () => await layout?.find(root), { instanceOf: PieceError, message: /cannot be read any more/ });
  t.deepEqual(await readdir(manifestDir), []);
  t.is(await works.layouts.of(piece), undefined);
});
