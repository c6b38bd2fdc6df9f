import { randomFillSync } from 'node:crypto';

import test from 'ava';

import { openCommp, pieceSizeOf } from '../../../daemon/cold/pieces/commp.ts';
import { createHashPool } from '../../../daemon/cold/pieces/hash-pool.ts';
import { createRandom, testSeed } from '../../fixtures/random.ts';
import { commpByDataSegment, commpByFr32 } from './other-commp.ts';

const seed = testSeed();
const pool = createHashPool(2);
test.before((t) => t.log(`FBPD_TEST_SEED=${seed}`));
test.after.always(() => pool.close());

/** The slower of the two others is asked up to here. */
const DATA_SEGMENT_BYTES_MAX = 17 * 2 ** 20;

for (let exponent = 14; exponent <= 19; exponent++) {
  const quads = 2 ** exponent;
  test.serial(`around ${quads / 8192} MiB of piece it is what two other implementations say`, async (t) => {
    t.timeout(300_000);
    const random = createRandom(seed).fork(exponent);
    for (const size of [quads * 127 - 1, quads * 127, quads * 127 + 1, random.below(quads * 127)]) {
      const bytes = randomFillSync(Buffer.alloc(size));
      const stream = openCommp(pool);
      for (let at = 0; at < size; ) {
        const part = 1 + random.below(3_000_000);
        await stream.write(bytes.subarray(at, at + part));
        at += part;
      }
      const { pieceCid, pieceSizeBytes } = await stream.finish();
      t.is(pieceSizeBytes, pieceSizeOf(size));
      t.deepEqual({ pieceCid, pieceSizeBytes }, commpByFr32(bytes), `${size} bytes`);
      if (size <= DATA_SEGMENT_BYTES_MAX) t.deepEqual({ pieceCid, pieceSizeBytes }, commpByDataSegment(bytes), `${size} bytes`);
    }
  });
}
