import { statfs } from 'node:fs/promises';

/** Bytes that an unprivileged process may still write in the file system of `dir`; 0 when no inode is left. */
export async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize, ffree, files } = await statfs(dir);
  // Some file systems (btrfs) have no fixed number of inodes and report none at all.
  return files > 0 && ffree === 0 ? 0 : bavail * bsize;
}
