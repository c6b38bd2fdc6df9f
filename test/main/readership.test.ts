import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { createLog } from '../../daemon/log.ts';
import { openHotCache } from '../../daemon/main/readership.ts';

const NOW_MS = 1_800_000_000_000;

async function createDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-readership-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('who reads what outlives the process that ends well', async (t) => {
  const dir = await createDir(t);
  const log = createLog('silent');
  const first = await openHotCache(dir, log);
  first.cache.read('a', 100, NOW_MS);
  first.cache.read('a', 100, NOW_MS);
  await first.close();
  t.deepEqual(await readdir(dir), ['readership.json']);
  const second = await openHotCache(dir, log);
  t.is(second.cache.explain('a', NOW_MS)?.reads, 2);
  await second.close();
});

test('a file that is no snapshot is as good as none, and a directory that cannot be written stops nothing', async (t) => {
  const dir = await createDir(t);
  const log = createLog('silent');
  await writeFile(join(dir, 'readership.json'), '{"version":1,"rows":[["a"');
  const broken = await openHotCache(dir, log);
  t.is(broken.cache.explain('a', NOW_MS), undefined);
  await broken.close();
  const nowhere = await openHotCache(join(dir, 'not there'), log);
  await t.notThrowsAsync(nowhere.close());
});
