import { open, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import { createLog } from '../../daemon/log.ts';
import { dropBallast, ensureBallast } from '../../daemon/store/ballast.ts';
import { createDiskGuard, judgeDisk } from '../../daemon/store/disk-guard.ts';
import { createTestDir } from '../fixtures/create-store.ts';

const MIB = 1 << 20;

test('the ballast takes up real blocks, is made once, and is made again when it is sparse or cut short', async (t) => {
  const ballast = { path: join(await createTestDir(t), 'ballast'), sizeBytes: 2 * MIB + 5 };
  t.true(await ensureBallast(ballast));
  const { size, blocks } = await stat(ballast.path);
  t.is(size, ballast.sizeBytes);
  t.true(blocks * 512 >= size);
  t.false(await ensureBallast(ballast));
  await truncate(ballast.path, MIB);
  t.true(await ensureBallast(ballast));
  const sparse = await open(ballast.path, 'w');
  await sparse.truncate(ballast.sizeBytes);
  await sparse.close();
  t.true(await ensureBallast(ballast));
  t.true((await stat(ballast.path)).blocks * 512 >= size);
});

test('the ballast is given up once, and one of size 0 is none', async (t) => {
  const ballast = { path: join(await createTestDir(t), 'ballast'), sizeBytes: MIB };
  t.false(await dropBallast(ballast));
  await ensureBallast(ballast);
  await writeFile(`${ballast.path}.new`, 'left behind by a crash');
  t.true(await dropBallast(ballast));
  for (const path of [ballast.path, `${ballast.path}.new`]) await t.throwsAsync(stat(path), { code: 'ENOENT' });
  await ensureBallast(ballast);
  t.false(await ensureBallast({ ...ballast, sizeBytes: 0 }));
  await t.throwsAsync(stat(ballast.path), { code: 'ENOENT' });
});

test('the disk is low below min_free and full below the floor, and better only with a margin', (t) => {
  const thresholds = { minFreeBytes: 160 * MIB, floorBytes: 16 * MIB };
  t.is(judgeDisk(160 * MIB, thresholds, 'ok'), 'ok');
  t.is(judgeDisk(160 * MIB - 1, thresholds, 'ok'), 'low');
  t.is(judgeDisk(160 * MIB, thresholds, 'low'), 'low');
  t.is(judgeDisk(170 * MIB, thresholds, 'low'), 'ok');
  t.is(judgeDisk(16 * MIB - 1, thresholds, 'ok'), 'full');
  t.is(judgeDisk(16 * MIB, thresholds, 'full'), 'full');
  t.is(judgeDisk(17 * MIB, thresholds, 'full'), 'low');
  t.is(judgeDisk(1000 * MIB, thresholds, 'full'), 'ok');
});

test('the guard keeps a ballast while there is room for it beyond min_free, and gives it up when asked', async (t) => {
  const dir = await createTestDir(t);
  let free = 11 * MIB;
  const guard = createDiskGuard({
    dir,
    minFreeBytes: 10 * MIB,
    floorBytes: MIB,
    ballastBytes: 2 * MIB,
    log: createLog('silent'),
    measure: async () => free,
  });
  const ballastThere = () =>
    stat(join(dir, 'ballast')).then(
      () => true,
      () => false,
    );
  t.is(await guard.check(), 'ok');
  t.false(await ballastThere(), 'with it less than min_free would be left');
  free = 100 * MIB;
  t.is(await guard.check(), 'ok');
  t.true(await ballastThere());
  free = MIB / 2;
  t.is(await guard.check(), 'full');
  t.true(await ballastThere(), 'it is kept until the store needs the room');
  await guard.makeRoom();
  await guard.makeRoom();
  t.false(await ballastThere());
  free = 3 * MIB;
  t.is(await guard.check(), 'low');
  t.false(await ballastThere());
  free = 100 * MIB;
  t.is(await guard.check(), 'ok');
  t.true(await ballastThere());
});

test('a disk that cannot be measured stays in the state it was in', async (t) => {
  let broken = false;
  const guard = createDiskGuard({
    dir: await createTestDir(t),
    minFreeBytes: 10 * MIB,
    ballastBytes: 0,
    log: createLog('silent'),
    measure: async () => {
      if (broken) throw new Error('EIO');
      return 9 * MIB;
    },
  });
  t.is(await guard.check(), 'full', 'the floor is never above min_free');
  broken = true;
  t.is(await guard.check(), 'full');
});

test('the real free space of a file system is measured', async (t) => {
  const guard = createDiskGuard({ dir: await createTestDir(t), minFreeBytes: 1, ballastBytes: 0, log: createLog('silent') });
  t.true((await guard.freeBytes()) > 0);
  t.is(await guard.check(), 'ok');
});
