import { fc, testProp } from '@fast-check/ava';
import { CarReader } from '@ipld/car';
import { decode as decodeCbor, encode as encodeCbor } from '@ipld/dag-cbor';
import test from 'ava';
import { CID } from 'multiformats/cid';

import { openCarUnder } from '../../../daemon/cold/pieces/car.ts';
import { cutContent } from '../../../daemon/cold/pieces/cut.ts';
import { linksOf, rawCidOf } from '../../../daemon/cold/pieces/links.ts';
import { buildPartSpine, linksOfPart } from '../../../daemon/cold/pieces/part.ts';
import { PieceError } from '../../../daemon/domain/cold-ports.ts';
import type { PartRange } from '../../../daemon/domain/piece.ts';
import { createDag, createMemoryBlocks, type MemoryBlocks, randomBytes } from '../../fixtures/create-dag.ts';
import { createRandom } from '../../fixtures/random.ts';
import { DAG_CBOR, RAW } from '../../hot/blocks.ts';

const never = new AbortController().signal;
const KIB = 1_024;
const SECTION_MAX = 2 ** 22;

interface Part {
  root: CID;
  bytes: Buffer;
  /** As a reader by others has them, in order. */
  blocks: Map<string, Uint8Array>;
}

async function cut(blocks: MemoryBlocks, contentKey: string, carBytesMax: number, partsMax = 1_000): Promise<PartRange[]> {
  return await cutContent({ contentKey, blocks, carBytesMax, sectionBytesMax: SECTION_MAX, signal: never, partsMax });
}

async function partOf(blocks: MemoryBlocks, contentKey: string, ranges: readonly PartRange[], index: number): Promise<Part> {
  const range = ranges[index] ?? { from: 0, to: 0 };
  const links = await linksOfPart(contentKey, range, { blocks, signal: never });
  const car = openCarUnder(buildPartSpine(contentKey, { index, of: ranges.length }, links), { blocks, signal: never });
  const bytes = Buffer.concat(await Array.fromAsync(car.bytes));
  const reader = await CarReader.fromBytes(bytes);
  const found = new Map<string, Uint8Array>();
  for await (const block of reader.blocks()) found.set(block.cid.toString(), block.bytes);
  return { root: car.root, bytes, blocks: found };
}

/** Everything that can be reached from a root, walked with nothing but the blocks of one CAR. Throws where one is missing. */
function walk(root: CID, { blocks }: Part): Set<string> {
  const seen = new Set<string>();
  const visit = (cid: CID): void => {
    if (seen.has(cid.toString())) return;
    const block = cid.multihash.code === 0 ? cid.multihash.digest : blocks.get(cid.toString());
    if (block === undefined) throw new Error(`${cid} is not in the part`);
    seen.add(cid.toString());
    for (const link of linksOf(cid.code, block)) visit(CID.decode(link));
  };
  visit(root);
  return seen;
}

/** By multihash, as tiers keep blocks. */
function hashesOf(cids: Iterable<string | CID>): Set<string> {
  return new Set(
    [...cids].map((cid) => Buffer.from(CID.asCID(cid)?.multihash.bytes ?? CID.parse(String(cid)).multihash.bytes).toString('hex')),
  );
}

testProp(
  'of any DAG every block is in a part, each part fits, is walked from its root to the last block, and is the same again',
  [fc.nat(), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 9, max: 40 })],
  async (t, seed, depth, kib) => {
    const blocks = createMemoryBlocks();
    const dag = await createDag(blocks, createRandom(seed), { depth, width: 6, leafBytes: 2_000 });
    const ranges = await cut(blocks, dag.contentKey, kib * KIB);
    t.deepEqual(await cut(blocks, dag.contentKey, kib * KIB), ranges);
    t.deepEqual([ranges[0]?.from, ranges.at(-1)?.to], [0, dag.order.length]);
    for (const [index, { from }] of ranges.entries()) t.is(from, ranges[index - 1]?.to ?? 0);
    const rest = hashesOf(dag.order);
    for (const index of ranges.keys()) {
      const part = await partOf(blocks, dag.contentKey, ranges, index);
      t.true(part.bytes.length <= kib * KIB, `${part.bytes.length} bytes`);
      t.deepEqual(
        [...walk(part.root, part)].sort(),
        [...part.blocks.keys()].sort(),
        'nothing lies there that is not linked, and all that is',
      );
      const hashes = hashesOf(part.blocks.keys());
      for (const hash of hashes) rest.delete(hash);
      t.true(hashes.has([...hashesOf([dag.root])][0] ?? ''), 'the root block is in every part');
      for (const cid of dag.order.slice(ranges[index]?.from, ranges[index]?.to)) t.true(hashes.has([...hashesOf([cid])][0] ?? ''));
      t.deepEqual((await partOf(blocks, dag.contentKey, ranges, index)).bytes, part.bytes);
    }
    t.deepEqual([...rest], []);
  },
  { numRuns: 60 },
);

/** A root over nodes over leaves, as large files are. */
async function createFile(nodes: number, leaves: number, leafBytes: number) {
  const blocks = createMemoryBlocks();
  const random = createRandom(1);
  const below: CID[] = [];
  for (let n = 0; n < nodes; n++) {
    const own: CID[] = [];
    for (let l = 0; l < leaves; l++) own.push(await blocks.put(RAW, randomBytes(leafBytes, random)));
    below.push(await blocks.put(DAG_CBOR, encodeCbor(own)));
  }
  const root = await blocks.put(DAG_CBOR, encodeCbor(below));
  return { blocks, root, contentKey: root.toString(), below };
}

test('whole sub-DAGs keep their CIDs, what is cut through is linked as raw, and the top says which part of what it is', async (t) => {
  const { blocks, root, contentKey, below } = await createFile(4, 4, 10 * KIB);
  const ranges = await cut(blocks, contentKey, 70 * KIB);
  t.is(ranges.length, 3);
  const parts = [];
  for (const index of ranges.keys()) parts.push(await partOf(blocks, contentKey, ranges, index));
  const raw = (cid: CID | undefined): string => rawCidOf(cid?.bytes ?? new Uint8Array()).toString();
  const [first, second, third] = parts.map((part) => new Set(part.blocks.keys()));
  t.true(first?.has(raw(root)) && first.has(String(below[0])) && first.has(raw(below[1])));
  t.false(first?.has(String(below[1])), 'who walks it would be led out of the part');
  t.true(second?.has(raw(root)) && second.has(raw(below[1])) && second.has(String(below[2])));
  t.true(third?.has(raw(root)) && third.has(raw(below[3])));
  const top = decodeCbor<{ content: string; part: number; of: number; nodes: CID[] }>(
    parts[1]?.blocks.get(String(parts[1].root)) ?? new Uint8Array(),
  );
  t.like(top, { content: contentKey, part: 2, of: 3, nodes: { length: 2 } });
});

test('what is in an earlier part is not put into a later one, however often it is linked', async (t) => {
  const { blocks, below } = await createFile(3, 4, 10 * KIB);
  const versions: CID[] = [];
  for (let n = 0; n < 20; n++) versions.push(await blocks.put(DAG_CBOR, encodeCbor({ n, below })));
  const root = await blocks.put(DAG_CBOR, encodeCbor(versions));
  const ranges = await cut(blocks, root.toString(), 64 * KIB);
  let bytes = 0;
  for (const index of ranges.keys()) bytes += (await partOf(blocks, root.toString(), ranges, index)).bytes.length;
  t.true(ranges.length <= 4, `${ranges.length} parts`);
  t.true(bytes < 150 * KIB, `${bytes} bytes of 120 KiB`);
});

test('one part means that it fits', async (t) => {
  const { blocks, contentKey } = await createFile(2, 2, 10 * KIB);
  t.deepEqual(await cut(blocks, contentKey, 64 * KIB), [{ from: 0, to: 7, sizeBytes: 41_472 }]);
});

async function chain(length: number) {
  const blocks = createMemoryBlocks();
  let next: CID | null = null;
  for (let n = 0; n < length; n++) next = await blocks.put(DAG_CBOR, encodeCbor({ n, next, text: 'x'.repeat(500) }));
  return { blocks, contentKey: String(next) };
}

test('what cannot be cut is refused with the reason', async (t) => {
  const file = await createFile(2, 4, 10 * KIB);
  const deep = await chain(200);
  for (const [what, cutting] of [
    [/a block of 10240 bytes is more than a piece takes/, cut(file.blocks, file.contentKey, 12 * KIB)],
    [/more than 2 pieces/, cut(file.blocks, file.contentKey, 20 * KIB, 2)],
    [/so deep do they lie/, cut(deep.blocks, deep.contentKey, 20 * KIB)],
  ] as const) {
    const error = await t.throwsAsync(cutting, { instanceOf: PieceError, message: what });
    t.like(error, { failure: 'too_large' });
  }
  const missing = await createFile(2, 4, 10 * KIB);
  missing.blocks.bytes.delete(String(missing.below[1]));
  t.like(await t.throwsAsync(cut(missing.blocks, missing.contentKey, 64 * KIB)), {
    failure: 'missing_block',
    contentKey: missing.contentKey,
  });
});

test('a part of another content than was cut is refused', async (t) => {
  const { blocks, contentKey } = await createFile(2, 2, 10 * KIB);
  const links = linksOfPart(contentKey, { from: 3, to: 8 }, { blocks, signal: never });
  t.like(await t.throwsAsync(links), { failure: 'mismatch' });
});
