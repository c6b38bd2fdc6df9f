import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';

import { createTestDir } from '../fixtures/create-store.ts';

const run = promisify(execFile);
const CHILD = new URL('engine-children/full-disk.ts', import.meta.url).pathname;
const SIZE_MIB = 128;

/** Runs a command on a small file system that only it sees and that goes with it. */
function onSmallDisk(dir: string, command: readonly string[]) {
  const script = `mount -t tmpfs -o size=${SIZE_MIB}m tmpfs "$0" && exec "$@"`;
  return run('unshare', ['--map-root-user', '--mount', 'sh', '-c', script, dir, ...command], { maxBuffer: 1 << 24 });
}

test('a full disk: refused with STORAGE_FULL, readable, healed when there is room, and nothing acknowledged is lost', async (t) => {
  t.timeout(240_000);
  const dir = await createTestDir(t);
  const impossible = await onSmallDisk(dir, ['true']).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (impossible !== undefined) {
    t.log(`skipped: no small file system can be mounted here: ${impossible}`);
    t.pass();
    return;
  }
  const { stdout } = await onSmallDisk(dir, [process.execPath, CHILD, dir]);
  const { acknowledged, refused } = JSON.parse(stdout);
  t.true(acknowledged > 0);
  t.true(refused.STORAGE_FULL > 0);
  t.log(stdout.trim());
});
