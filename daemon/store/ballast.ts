import { randomFillSync } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncDir } from './engine/sentinel.ts';

/**
 * A file that only takes up room. On a full disk it is given up, so that the store can be opened, pins can be removed and
 * the daemon can say what is wrong.
 */
export interface Ballast {
  path: string;
  sizeBytes: number;
}

/**
 * Makes the file unless it is there with all its blocks; removes it when its size is 0.
 *
 * @returns true when it was made
 * @throws the file system's error, `ENOSPC` among them; nothing is left behind then
 */
export async function ensureBallast({ path, sizeBytes }: Ballast): Promise<boolean> {
  if (sizeBytes === 0) await rm(path, { force: true });
  if (sizeBytes === 0 || (await isWhole(path, sizeBytes))) return false;
  const draft = `${path}.new`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await fill(file, sizeBytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncDir(dirname(path));
  return true;
}

/** @returns true when there was one to give up */
export async function dropBallast({ path }: Ballast): Promise<boolean> {
  await rm(`${path}.new`, { force: true });
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  if (!there) return false;
  await rm(path, { force: true });
  // Some file systems hand freed blocks out again only once the removal is on disk.
  await syncDir(dirname(path));
  return true;
}

/** A sparse file, or one that was cut short, holds no room. */
async function isWhole(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.size === sizeBytes && found.blocks * STAT_BLOCK_SIZE_BYTES >= sizeBytes;
}

/** Random and never twice the same, so that no file system compresses or shares the blocks. */
async function fill(file: FileHandle, sizeBytes: number): Promise<void> {
  const chunk = Buffer.alloc(Math.min(CHUNK_SIZE_BYTES, sizeBytes));
  for (let at = 0; at < sizeBytes; at += chunk.length) {
    randomFillSync(chunk);
    await file.write(chunk, 0, Math.min(chunk.length, sizeBytes - at));
  }
}

const CHUNK_SIZE_BYTES = 1 << 20;
const STAT_BLOCK_SIZE_BYTES = 512;
