import test from 'ava';

import { type Commp, commpOf, openCommp, pieceSizeOf, unpaddedBytes } from '../../../daemon/cold/pieces/commp.ts';
import { createHashPool } from '../../../daemon/cold/pieces/hash-pool.ts';
import { CHUNK_BYTES } from '../../../daemon/cold/pieces/subtree.ts';
import { randomBytes } from '../../fixtures/create-dag.ts';
import { createRandom, type Random, testSeed } from '../../fixtures/random.ts';
import { commpByDataSegment, commpByFr32 } from './other-commp.ts';

const seed = testSeed();
const pool = createHashPool(2);
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
test.after.always(() => pool.close());

const without = ({ bytes: _, ...rest }: Commp): Omit<Commp, 'bytes'> => rest;

/** In pieces of chance, as a stream comes. */
async function streamed(bytes: Uint8Array, random: Random, pieceSizeBytesMin?: number): Promise<Commp> {
  const stream = openCommp(pool);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(random.pick([10, 5_000, 2_000_000]));
    await stream.write(bytes.subarray(at, at + size));
    at += size;
  }
  return await stream.finish(pieceSizeBytesMin);
}

for (let exponent = 0; exponent <= 13; exponent++) {
  const quads = 2 ** exponent;
  test(`around ${quads} quads it is what two other implementations say`, async (t) => {
    const random = createRandom(seed).fork(exponent);
    const near = [-128, -127, -1, 0, 1, 127].map((by) => quads * 127 + by);
    const sizes = [...near, random.below(quads * 127), random.below(quads * 127)].filter((size) => size >= 65);
    for (const size of sizes) {
      const bytes = randomBytes(size, random);
      const ours = commpOf(bytes);
      t.is(ours.bytes, size);
      t.is(ours.pieceSizeBytes, pieceSizeOf(size));
      t.deepEqual(without(ours), commpByFr32(bytes), `${size} bytes`);
      if (size < 200_000) t.deepEqual(without(ours), commpByDataSegment(bytes), `${size} bytes`);
      t.deepEqual(await streamed(bytes, random), ours, `${size} bytes as a stream`);
    }
  });
}

test('above a chunk, where threads share the work, too', async (t) => {
  const random = createRandom(seed).fork('chunks');
  for (const size of [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + random.below(CHUNK_BYTES)]) {
    const bytes = randomBytes(size, random);
    const expected = commpByFr32(bytes);
    t.deepEqual(without(await streamed(bytes, random)), expected, `${size} bytes`);
    t.deepEqual(without(commpOf(bytes)), expected, `${size} bytes`);
  }
});

test('of less than a quad, and of nothing, it is that of the bytes and zeros', async (t) => {
  const zeros = commpOf(new Uint8Array(127));
  // All of Filecoin knows this one: 64 nodes of zeros in a piece of 128 bytes.
  t.is(zeros.pieceCid, 'baga6ea4seaqdomn3tgwgrh3g532zopskstnbrd2n3sxfqbze7rxt7vqn7veigmy');
  t.deepEqual(commpOf(new Uint8Array()), { ...zeros, bytes: 0 });
  t.deepEqual(await openCommp(pool).finish(), { ...zeros, bytes: 0 });
  t.is(zeros.pieceSizeBytes, 128);
  const few = Uint8Array.of(1, 2, 3);
  t.is(commpOf(few).pieceCid, commpOf(Buffer.concat([few, Buffer.alloc(124)])).pieceCid);
});

test('a larger piece is the bytes and zeros to its size', async (t) => {
  const random = createRandom(seed).fork('larger');
  for (const size of [100, 5_000, CHUNK_BYTES + 5]) {
    const bytes = randomBytes(size, random);
    const larger = 4 * pieceSizeOf(size);
    const whole = Buffer.concat([bytes, Buffer.alloc(unpaddedBytes(larger) - size)]);
    t.deepEqual(await streamed(bytes, random, larger), { ...commpOf(whole), bytes: size });
  }
});

test('streams side by side do not mix, and what was given may be changed at once', async (t) => {
  const random = createRandom(seed).fork('beside');
  const inputs = [300, 40_000, CHUNK_BYTES + 1, 7].map((size) => randomBytes(size, random));
  const results = await Promise.all(
    inputs.map(async (bytes) => {
      const stream = openCommp(pool);
      const copy = Uint8Array.from(bytes);
      const written = stream.write(copy);
      copy.fill(0xff);
      await written;
      return await stream.finish();
    }),
  );
  t.deepEqual(results, inputs.map(commpOf));
});

test('the event loop goes on while threads hash', async (t) => {
  const random = createRandom(seed).fork('loop');
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await streamed(randomBytes(4 * CHUNK_BYTES, random), random);
  isDone = true;
  t.true(turns > 20, `${turns} turns`);
});

test('threads that were ended reject what they were at, and are started anew', async (t) => {
  const own = createHashPool(1);
  t.teardown(() => own.close());
  const stream = openCommp(own);
  await stream.write(new Uint8Array(CHUNK_BYTES + 1));
  const finished = t.throwsAsync(stream.finish(), { message: /thread/ });
  await own.close();
  await finished;
  const again = openCommp(own);
  await again.write(new Uint8Array(5));
  t.is((await again.finish()).pieceSizeBytes, 128);
});
