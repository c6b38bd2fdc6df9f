import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, type FileHandle, lstat, open, readdir, readlink, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { CliError, EXIT } from './exit.ts';
import { printable } from './output.ts';

/** A file, directory or link that is to be sent. */
export type Entry = { name: string; path: string } & (
  | { kind: 'directory' }
  | { kind: 'link'; to: string }
  | { kind: 'file'; sizeBytes: number; modifiedMs: number; inode: number }
);

export interface Listing {
  /** Every directory before what is in it; the first holds all others. */
  entries: readonly Entry[];
  /** Of all files. */
  bytes: number;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * Everything at and below a path, hidden files as well. The path itself is followed when it is a link, those below it are kept
 * as links and lead nowhere here: nothing is sent that does not lie there. Rejects, before anything is sent, with what cannot be
 * read, and with what is neither file, directory nor link.
 */
export async function listFiles(path: string): Promise<Listing> {
  const entries: Entry[] = [];
  const name = basename(resolve(path)) || 'root';
  // Deep trees do not make deep stacks.
  const toList = [{ path, name, follow: true }];
  for (let next = toList.pop(); next !== undefined; next = toList.pop()) {
    const entry = await entryOf(next);
    entries.push(entry);
    if (entry.kind !== 'directory') continue;
    const names = await namesIn(entry.path);
    for (const child of names.reverse()) toList.push({ path: join(entry.path, child), name: `${entry.name}/${child}`, follow: false });
  }
  return { entries, bytes: entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.sizeBytes : 0), 0) };
}

async function entryOf({ path, name, follow }: { path: string; name: string; follow: boolean }): Promise<Entry> {
  const found = await orUnreadable(path, follow ? stat(path) : lstat(path));
  if (found.isDirectory()) return { kind: 'directory', path, name };
  if (found.isSymbolicLink()) return { kind: 'link', path, name, to: await orUnreadable(path, readlink(path)) };
  if (!found.isFile())
    throw new CliError(EXIT.failed, `${printable(path)} is ${whatItIs(found)}: only files, directories and links can be sent`);
  await orUnreadable(path, access(path, constants.R_OK));
  return { kind: 'file', path, name, sizeBytes: found.size, modifiedMs: found.mtimeMs, inode: found.ino };
}

/** In the order of their bytes, so that the same directory is sent in the same way. */
async function namesIn(dir: string): Promise<string[]> {
  const names = await orUnreadable(dir, readdir(dir, { encoding: 'buffer' }));
  const broken = names.find((name) => !isUtf8(name));
  if (broken !== undefined)
    throw new CliError(
      EXIT.failed,
      `${printable(join(dir, broken.toString()))}: a name that is not UTF-8 cannot be kept as it is; rename it`,
    );
  return names.sort(Buffer.compare).map(String);
}

function whatItIs(found: Stats): string {
  if (found.isFIFO()) return 'a pipe';
  if (found.isSocket()) return 'a socket';
  return found.isCharacterDevice() || found.isBlockDevice() ? 'a device' : 'nothing that is known';
}

/** The form that carries them, as kubo's `add` reads it. `onBytes` hears how many of the files' bytes have been sent. */
export function formOf(
  entries: readonly Entry[],
  onBytes: (bytes: number) => void,
): { contentType: string; parts: AsyncGenerator<Uint8Array> } {
  const boundary = randomBytes(24).toString('hex');
  return { contentType: `multipart/form-data; boundary=${boundary}`, parts: formParts(entries, boundary, onBytes) };
}

const TYPES = { file: 'application/octet-stream', directory: 'application/x-directory', link: 'application/symlink' } as const;

async function* formParts(entries: readonly Entry[], boundary: string, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for (const entry of entries) {
    const head = [
      `--${boundary}`,
      `Content-Disposition: form-data; name="file"; filename="${encodeURIComponent(entry.name)}"`,
      `Content-Type: ${TYPES[entry.kind]}`,
    ];
    yield Buffer.from(`${head.join('\r\n')}\r\n\r\n`);
    if (entry.kind === 'link') yield Buffer.from(entry.to);
    if (entry.kind === 'file') {
      for await (const chunk of unchanged(entry)) {
        yield chunk;
        sent += chunk.length;
        onBytes(sent);
      }
    }
    yield Buffer.from('\r\n');
  }
  yield Buffer.from(`--${boundary}--\r\n`);
}

/** Its bytes, unless it is another file by now, or becomes one meanwhile. */
async function* unchanged(file: Entry & { kind: 'file' }): AsyncGenerator<Uint8Array> {
  const handle = await orUnreadable(file.path, open(file.path, 'r'));
  try {
    await assertSame(file, handle);
    let bytes = 0;
    for (;;) {
      const { bytesRead, buffer } = await orUnreadable(file.path, handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, null));
      if (bytesRead === 0) break;
      bytes += bytesRead;
      // One that grows faster than it is sent would never end.
      if (bytes > file.sizeBytes) throw changed(file);
      yield buffer.subarray(0, bytesRead);
    }
    if (bytes !== file.sizeBytes) throw changed(file);
    await assertSame(file, handle);
  } finally {
    await handle.close();
  }
}

async function assertSame(file: Entry & { kind: 'file' }, handle: FileHandle): Promise<void> {
  const { size, mtimeMs, ino } = await handle.stat();
  if (size !== file.sizeBytes || mtimeMs !== file.modifiedMs || ino !== file.inode) throw changed(file);
}

function changed({ path }: Entry): CliError {
  return new CliError(EXIT.failed, `${printable(path)} changed while it was sent, so nothing was pinned; run it again`);
}

async function orUnreadable<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    const why = code === 'EACCES' ? 'no permission to read it' : code === 'ENOENT' ? 'it is not there' : String(cause);
    throw new CliError(EXIT.failed, `${printable(path)}: ${why}`);
  }
}
