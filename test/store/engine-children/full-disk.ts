/**
 * Runs on a small file system of its own, given in argv[2]: fills it under load, frees it, and asserts all the way. Says
 * what it saw as one line of JSON.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../../../daemon/clock.ts';
import { isFbpdError } from '../../../daemon/domain/errors.ts';
import { createLog } from '../../../daemon/log.ts';
import { createDiskGuard } from '../../../daemon/store/disk-guard.ts';
import { type LevelStore, openLevelStore } from '../../../daemon/store/level-store.ts';
import { verifyStore } from '../../../daemon/store/verify.ts';

const MIB = 1 << 20;
const [, , mount = ''] = process.argv;
const filler = join(mount, 'filler');
const log = createLog('silent');
const guard = createDiskGuard({ dir: mount, minFreeBytes: 2 * MIB, floorBytes: MIB, ballastBytes: 12 * MIB, log });

function openStore(): Promise<LevelStore> {
  return openLevelStore({
    dir: mount,
    create: true,
    countedTypes: ['p'],
    schema: 1,
    log,
    clock: systemClock,
    onFatal: (error) => assert.fail(error),
    makeRoom: () => guard.makeRoom(),
    resumeFreeBytes: 3 * MIB,
  });
}

/** Takes all room but `leaveBytes`. */
async function fillDisk(leaveBytes: number): Promise<void> {
  const file = await open(filler, 'a');
  for (let chunk = MIB; chunk >= 4096; ) {
    if ((await guard.freeBytes()) - chunk < leaveBytes || !(await writes(file, chunk))) chunk /= 2;
  }
  await file.close();
}

async function writes(file: Awaited<ReturnType<typeof open>>, sizeBytes: number): Promise<boolean> {
  return file.write(Buffer.alloc(sizeBytes, 1)).then(
    ({ bytesWritten }) => bytesWritten === sizeBytes,
    () => false,
  );
}

const there = new Set<string>();
const refused = new Set<string>();
const codes = new Map<string, number>();
let next = 0;

/** One commit of two records; remembers what came of it. */
async function commitOne(store: LevelStore): Promise<boolean> {
  const key = `p/${String(next++).padStart(6, '0')}`;
  try {
    await store.commit({
      expect: { [key]: null },
      ops: [
        { put: key, value: randomBytes(20_000) },
        { put: `x/${key}`, value: {} },
      ],
    });
    there.add(key);
    return true;
  } catch (error) {
    assert.ok(isFbpdError(error), String(error));
    codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    refused.add(key);
    return false;
  }
}

async function load(store: LevelStore, callers: number, until: () => boolean): Promise<void> {
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (!until()) if (!(await commitOne(store))) await sleep(5);
    }),
  );
}

async function assertHonest(store: LevelStore): Promise<void> {
  assert.deepEqual((await verifyStore(store)).problems, []);
  for (const key of there) assert.ok(await store.get(key), `${key} was acknowledged and is gone`);
  for (const key of refused) assert.equal(await store.get(key), undefined, `${key} was refused and is there`);
  let indexed = 0;
  for await (const _ of store.keys({ gte: 'x/', lt: 'x0' })) indexed += 1;
  assert.equal(indexed, there.size);
  assert.equal(store.counts().p, there.size);
}

async function commitsWithin(store: LevelStore, limitMs: number): Promise<void> {
  const deadline = systemClock.nowMs() + limitMs;
  while (!(await commitOne(store))) {
    assert.ok(systemClock.nowMs() < deadline, 'no commit went through though there is room');
    await sleep(20);
  }
}

assert.equal(await guard.check(), 'ok');
const store = await openStore();
await load(store, 4, () => next > 40);
assert.equal(refused.size, 0);

// Full under load, again and again: refused, readable, and going on by itself.
for (let round = 0; round < 3; round += 1) {
  await fillDisk(MIB);
  const before = refused.size;
  await load(store, 4, () => refused.size >= before + 40);
  assert.ok(await store.get('p/000000'), 'reads go on');
  await rm(filler);
  await commitsWithin(store, 30_000);
  await assertHonest(store);
  await guard.check();
}
await store.close();

// A start on a full disk, with a ballast to give up.
assert.equal(await guard.check(), 'ok');
await fillDisk(0);
assert.equal(await guard.check(), 'full');
const again = await openStore();
await assertHonest(again);
const [some = ''] = there;
await again.commit({ expect: { [some]: (await again.get(some))?.version ?? 0 }, ops: [{ del: some }, { del: `x/${some}` }] });
there.delete(some);
await again.close();

// A start on a full disk without: refused, and nothing is lost.
await fillDisk(0);
const outcome = await openStore().catch((error: unknown) => error);
assert.ok(isFbpdError(outcome, 'STORAGE_FULL'), String(outcome));
await rm(filler);
const last = await openStore();
await assertHonest(last);
await last.close();
assert.equal(codes.has('STORE_IO'), false);
process.stdout.write(`${JSON.stringify({ acknowledged: there.size, refused: Object.fromEntries(codes) })}\n`);
