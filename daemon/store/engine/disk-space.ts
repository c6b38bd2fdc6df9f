import { statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { type Ballast, dropBallast, ensureBallast } from '../ballast.ts';

/** Bytes that an unprivileged process may still write in the file system of `dir`; 0 when no inode is left. */
export async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize, ffree, files } = await statfs(dir);
  // Some file systems (btrfs) have no fixed number of inodes and report none at all.
  return files > 0 && ffree === 0 ? 0 : bavail * bsize;
}

/** Whether so many bytes can really be written: a quota does not show in the free bytes. */
export async function hasRoomFor(dir: string, sizeBytes: number): Promise<boolean> {
  if ((await freeBytes(dir)) < sizeBytes) return false;
  const probe = probeIn(dir, sizeBytes);
  try {
    await ensureBallast(probe);
    return true;
  } catch {
    return false;
  } finally {
    await dropBallast(probe);
  }
}

/** Removes what a probe has left behind that was killed. */
export async function forgetProbe(dir: string): Promise<void> {
  await dropBallast(probeIn(dir, 0));
}

function probeIn(dir: string, sizeBytes: number): Ballast {
  return { path: join(dir, 'room.tmp'), sizeBytes };
}
