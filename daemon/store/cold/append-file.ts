import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncDir } from '../engine/sentinel.ts';

/** A file that grows at its end. */
export interface AppendFile {
  /** Undefined while there is none. */
  sizeBytes(): Promise<number | undefined>;
  /** So many bytes from there; fewer where it ends. */
  read(atByte: number, sizeBytes: number): Promise<Buffer>;
  /** Resolves when the bytes are on disk. Makes the file where there is none. */
  append(bytes: Buffer): Promise<void>;
  /** Cuts off what lies behind, on disk. */
  truncate(sizeBytes: number): Promise<void>;
}

/** An {@link AppendFile} on disk. It is opened for each use: it is used a few times a minute, and nothing has to be closed. */
export function appendFileAt(path: string): AppendFile {
  const using = async <T>(flags: string, use: (file: FileHandle) => Promise<T>): Promise<T> => {
    const file = await open(path, flags, 0o600);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  };
  return {
    sizeBytes: () => unlessMissing(using('r', async (file) => (await file.stat()).size)),
    read: (atByte, sizeBytes) =>
      using('r', async (file) => {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(sizeBytes), 0, sizeBytes, atByte);
        return buffer.subarray(0, bytesRead);
      }),
    async append(bytes) {
      const isNew = await using('a', async (file) => {
        const { size } = await file.stat();
        await file.appendFile(bytes);
        await file.datasync();
        return size === 0;
      });
      // A new name is on disk only when its directory is.
      if (isNew) await syncDir(dirname(path));
    },
    truncate: (sizeBytes) =>
      using('r+', async (file) => {
        await file.truncate(sizeBytes);
        await file.datasync();
      }),
  };
}

async function unlessMissing<T>(task: Promise<T>): Promise<T | undefined> {
  return task.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
