import { constants, type FileHandle, mkdir, open, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { createTarDecoder, type ParsedTarEntry } from 'modern-tar';

import { CliError, EXIT } from './exit.ts';
import { printable } from './output.ts';

export interface UnpackOptions {
  /** What must not be there yet: it becomes the file or directory. */
  target: string;
  /** Links that lead out are left out and named to `onLeftOut`; else they are refused. */
  skipLinks: boolean;
  onLeftOut: (name: string) => void;
  /** Bytes of files so far. */
  onBytes: (bytes: number) => void;
}

interface Link {
  names: readonly string[];
  to: string;
}

/**
 * Unpacks an archive of which the outermost entry is one file or directory. Nothing is written but at and below the target,
 * nothing that is there is written over, and links are made last, so that nothing is written through one. Rejects for an
 * archive that is cut, damaged, or names what it should not; what was written until then is the caller's to remove.
 */
export async function unpack(archive: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  const links: Link[] = [];
  let bytes = 0;
  let isFirst = true;
  for await (const { header, body } of entriesOf(archive)) {
    const names = namesBelow(header.name);
    if (isFirst !== (names.length === 0)) throw unfit(header.name, 'the archive is not one file or directory');
    isFirst = false;
    const path = join(options.target, ...names);
    if (header.type === 'directory') await once(header.name, mkdir(path));
    else if (header.type === 'symlink' && names.length === 0) throw onlyALink(header.linkname);
    else if (header.type === 'symlink') links.push({ names, to: header.linkname ?? '' });
    else if (header.type === 'file') {
      const isProgram = ((header.mode ?? 0) & 0o111) !== 0;
      const file = await once(header.name, open(path, 'wx', isProgram ? 0o777 : 0o666));
      await writeAll(header.name, file, body, (written) => {
        bytes += written;
        options.onBytes(bytes);
      });
    } else throw unfit(header.name, `a ${header.type}, where only files, directories and links can be`);
  }
  if (isFirst) throw new CliError(EXIT.failed, 'nothing came');
  for (const link of links) await makeLink(link, options);
}

/** The one file that an archive holds, as it comes. Rejects for everything else. */
export async function* onlyFile(archive: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let isFirst = true;
  for await (const { header, body } of entriesOf(archive)) {
    if (header.type === 'symlink') throw onlyALink(header.linkname);
    if (!isFirst || header.type !== 'file')
      throw new CliError(EXIT.wrongUse, 'this is a directory, and only one file can be written there; -o DIR names a directory for it');
    isFirst = false;
    yield* body;
  }
}

/** The one file that an archive holds, into a device, a pipe or the like, which is there and stays what it is. */
export async function writeInto(target: string, archive: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): Promise<void> {
  const file = await once(target, open(target, constants.O_WRONLY));
  let bytes = 0;
  await writeAll(target, file, onlyFile(archive), (written) => {
    bytes += written;
    onBytes(bytes);
  });
}

/** Strict: an archive that is cut, or of which a header is damaged, is an error and no end. */
function entriesOf(archive: AsyncIterable<Uint8Array>): AsyncIterable<ParsedTarEntry> {
  return Readable.toWeb(Readable.from(archive, { objectMode: false })).pipeThrough(createTarDecoder({ strict: true }));
}

/** What follows the outermost name, which is the content's and not ours. */
function namesBelow(name: string): string[] {
  const [first, ...names] = name.replace(/\/$/, '').split('/');
  const isBad = (one: string | undefined): boolean => one === undefined || one === '' || one === '.' || one === '..' || one.includes('\0');
  if (isBad(first) || names.some(isBad)) throw unfit(name, 'a name that leads elsewhere');
  return names;
}

/** Closes the file. A CliError says what could not be written, by `name`. */
async function writeAll(
  name: string,
  file: FileHandle,
  body: AsyncIterable<Uint8Array>,
  onWritten: (bytes: number) => void,
): Promise<void> {
  try {
    for await (const chunk of body) {
      for (let at = 0; at < chunk.length; ) at += (await once(name, file.write(chunk, at))).bytesWritten;
      onWritten(chunk.length);
    }
  } finally {
    await file.close();
  }
}

async function makeLink({ names, to }: Link, { target, skipLinks, onLeftOut }: UnpackOptions): Promise<void> {
  const name = names.join('/');
  if (staysInside(names, to)) {
    const path = join(target, ...names);
    await once(name, symlink(to, path));
    return;
  }
  if (!skipLinks)
    throw new CliError(
      EXIT.refused,
      `${printable(name)} is a link to ${printable(to)}, out of what is fetched; --skip-links leaves such links out`,
    );
  onLeftOut(name);
}

/**
 * Whether a link leads nowhere but to what lies beside it. It may go up first, as its own directory is a real one, and then only
 * down: going up again behind a name that may be a link itself could end anywhere.
 */
function staysInside(names: readonly string[], to: string): boolean {
  const steps = to.split('/').filter((step) => step !== '' && step !== '.');
  const up = steps.findIndex((step) => step !== '..');
  const ups = up === -1 ? steps.length : up;
  return to !== '' && !to.startsWith('/') && ups <= names.length - 1 && !steps.slice(ups).includes('..');
}

async function once<T>(name: string, making: Promise<T>): Promise<T> {
  try {
    return await making;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code === 'EEXIST') throw unfit(name, 'there is one of that name already');
    throw new CliError(EXIT.environment, `${printable(name)} cannot be written: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** Where it leads is beside what is fetched, so there is nothing that could be made of it here. */
function onlyALink(to = ''): CliError {
  return new CliError(EXIT.refused, `this is a link to ${printable(to)} and no file; name what it leads to by its own path`);
}

function unfit(name: string, why: string): CliError {
  return new CliError(EXIT.refused, `${printable(name)}: ${why}`);
}
