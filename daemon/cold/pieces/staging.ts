import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { diskError, type Place, syncDirectory } from './disk-error.ts';

/**
 * The staging directory. A whole CAR is called `<piece id>.<bytes>.<piece CID>.car`, which the rename that finishes it
 * gives it in one step; what is being written is called `<piece id>.part`. Other files are not ours and left alone.
 */
export interface Staging {
  /** Whole files of the piece, as their names have it, whose size is still that of their name. */
  whole(pieceId: string): Promise<StagedFile[]>;
  /** Writes a file from the beginning, in place of what was left of the last attempt. */
  begin(pieceId: string): Promise<StagingFile>;
  /** Removes all that there is of the piece. */
  drop(pieceId: string): Promise<void>;
  /** Ids of pieces of which there is something, whole or not. */
  list(): Promise<string[]>;
}

export interface StagedFile {
  path: string;
  pieceCid: string;
}

/** A file that is being written. Ends with `keep` or `discard`. */
export interface StagingFile {
  write(bytes: Uint8Array): Promise<void>;
  /** On disk for good, under its name; other files of the piece are removed. */
  keep(pieceCid: string): Promise<StagedFile>;
  discard(): Promise<void>;
}

const STAGING: Place = { name: 'the staging directory', elsewhere: 'set cold.staging to a directory on a larger disk' };

const WHOLE = /^(?<id>[\w-]+)\.(?<bytes>\d+)\.(?<pieceCid>[a-z0-9]+)\.car$/;
const PART = /^(?<id>[\w-]+)\.part$/;
/** Written at a time: blocks may be small. */
const BUFFER_BYTES = 1024 * 1024;

/** Who makes deals runs as another user of our group, whatever umask we are run with. */
const FILE_MODE = 0o640;

async function openShared(path: string): Promise<FileHandle> {
  const handle = await open(path, 'w', FILE_MODE);
  await handle.chmod(FILE_MODE);
  return handle;
}

export function createStaging(dir: string): Staging {
  async function names(): Promise<string[]> {
    return await readdir(dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw diskError(error, STAGING);
    });
  }

  async function whole(pieceId: string): Promise<StagedFile[]> {
    const found: StagedFile[] = [];
    for (const name of await names()) {
      const { id, bytes, pieceCid } = WHOLE.exec(name)?.groups ?? {};
      const path = join(dir, name);
      if (id !== pieceId || pieceCid === undefined) continue;
      const size = await stat(path).then(
        (stats) => (stats.isFile() ? stats.size : undefined),
        () => undefined,
      );
      if (size === Number(bytes)) found.push({ path, pieceCid });
    }
    return found;
  }

  async function remove(pieceId: string, except?: string): Promise<void> {
    for (const name of await names()) {
      if (idOf(name) === pieceId && name !== except) await rm(join(dir, name), { force: true }).catch(throwDiskError);
    }
  }

  return {
    whole,
    drop: (pieceId) => remove(pieceId),
    async list() {
      const ids = (await names()).map(idOf).filter((id) => id !== undefined);
      return [...new Set(ids)].sort();
    },
    async begin(pieceId) {
      if (!/^[\w-]+$/.test(pieceId)) throw new TypeError(`${JSON.stringify(pieceId)} is no piece id`);
      const part = join(dir, `${pieceId}.part`);
      try {
        await mkdir(dir, { recursive: true });
        return writeFile(await openShared(part), part, async (name) => {
          await rename(part, join(dir, name));
          await syncDirectory(dir);
          await remove(pieceId, name);
        });
      } catch (error) {
        throw diskError(error, STAGING);
      }
    },
  };
}

function idOf(name: string): string | undefined {
  return (WHOLE.exec(name) ?? PART.exec(name))?.groups?.id;
}

function writeFile(handle: FileHandle, part: string, finish: (name: string) => Promise<void>): StagingFile {
  const pieceId = idOf(part.slice(dirname(part).length + 1)) ?? '';
  const buffer = Buffer.alloc(BUFFER_BYTES);
  let filled = 0;
  let bytes = 0;

  async function flush(): Promise<void> {
    await handle.writeFile(buffer.subarray(0, filled)).catch(throwDiskError);
    bytes += filled;
    filled = 0;
  }

  return {
    async write(input) {
      for (let at = 0; at < input.length; ) {
        if (filled === BUFFER_BYTES) await flush();
        const part = input.subarray(at, at + BUFFER_BYTES - filled);
        buffer.set(part, filled);
        filled += part.length;
        at += part.length;
      }
    },
    async keep(pieceCid) {
      await flush();
      try {
        await handle.sync();
        await handle.close();
        const name = `${pieceId}.${bytes}.${pieceCid}.car`;
        await finish(name);
        return { path: join(dirname(part), name), pieceCid };
      } catch (error) {
        throw diskError(error, STAGING);
      }
    },
    async discard() {
      // It may be closed already; and what cannot be removed now is listed and dropped later.
      await handle.close().catch(() => undefined);
      await rm(part, { force: true }).catch(() => undefined);
    },
  };
}

function throwDiskError(error: unknown): never {
  throw diskError(error, STAGING);
}
