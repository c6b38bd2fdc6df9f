import { rmSync } from 'node:fs';
import { lstat, realpath, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { Command } from 'commander';

import { parseCid } from '../domain/cid.ts';
import { FbpdError } from '../domain/errors.ts';
import type { AdminClient } from './client.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { counted, printable } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import { onlyFile, unpack, writeInto } from './unpack.ts';

const PART = '.part';
/** What file systems take. */
const NAME_BYTES_MAX = 255;
const NAME_BYTES_CUT = 200;

interface GetOptions {
  output?: string;
  force?: boolean;
  skipLinks?: boolean;
}

/** `fbpd get CID[/path]`. */
export function addGetCommand(program: Command): void {
  program
    .command('get <cid[/path]>')
    .description('write what is pinned, a file or a directory, to a file or directory of this machine')
    .option('-o, --output <target>', 'what it becomes, or the directory it is put into; - for standard output. Without it, its name, here')
    .option('--force', 'write over a file that is there, or into a device or pipe')
    .option('--skip-links', 'leave links out that lead out of what is fetched, instead of refusing')
    .action(async (what: string, options: GetOptions, command: Command) => {
      const context = new Context(command);
      const { cid, path } = partsOf(what);
      const toStdout = options.output === '-';
      const { target, isFile } = toStdout
        ? { target: '', isFile: false }
        : await targetFor(options.output ?? '.', basename(path) || cid, options.force ?? false);
      const client = context.client();
      const reply = await client.open('get', '/admin/content/{cid}', { path: { cid }, query: { ...(path === '' ? {} : { path }) } });
      const size = Number(reply.headers['fbpd-content-bytes'] ?? Number.NaN);
      const progress = createProgress({
        label: 'fetching',
        totalBytes: Number.isNaN(size) ? undefined : size,
        screen: process.stderr,
        quiet: context.json || (toStdout && process.stdout.isTTY === true),
      });
      try {
        if (toStdout) await pipeline(onlyFile(reply), counting(progress), process.stdout, { end: false });
        else if (isFile) await write(reply, target, options, progress, context);
        else await writeInto(target, reply, progress.update);
      } catch (error) {
        if (!isBroken(error)) throw error;
        const why = await whyBroken(client, reply);
        throw new CliError(EXIT.failed, `the daemon broke off in the middle${toStdout ? '' : ', and nothing was kept'}: ${why}`);
      } finally {
        progress.end();
        reply.destroy();
      }
      if (!toStdout) context.print({ cid, ...(path === '' ? {} : { path }), target }, () => `${target}\n`);
    });
}

function partsOf(what: string): { cid: string; path: string } {
  const [cid = '', ...names] = what.replace(/^ipfs:\/\/|^\/?ipfs\//, '').split('/');
  try {
    parseCid(cid);
  } catch (cause) {
    throw new CliError(EXIT.wrongUse, cause instanceof FbpdError ? cause.message : `${printable(what)} does not begin with a CID`);
  }
  return { cid, path: names.filter((name) => name !== '').join('/') };
}

interface Target {
  target: string;
  /** Nothing is there, or a file that may be replaced; not a device, a pipe or the like. */
  isFile: boolean;
}

/** Into a directory that is there under the content's own name, as files are copied. */
async function targetFor(output: string, ownName: string, force: boolean): Promise<Target> {
  const into = await stat(output).catch(() => undefined);
  const target = resolve(into?.isDirectory() ? join(output, ownName) : output);
  const there = await lstat(target).catch(() => undefined);
  if (there === undefined) {
    if ((await stat(dirname(target)).catch(() => undefined))?.isDirectory() === true) return { target, isFile: true };
    throw new CliError(EXIT.failed, `there is no directory ${printable(dirname(target))}`);
  }
  const found = await stat(target).catch(() => undefined);
  if (found === undefined) throw new CliError(EXIT.failed, `${printable(target)} is a link that leads nowhere; remove it first`);
  if (found.isDirectory()) throw new CliError(EXIT.failed, `${printable(target)} is a directory, and directories are not written over`);
  const isFile = found.isFile();
  if (!force)
    throw new CliError(
      EXIT.failed,
      isFile
        ? `${printable(target)} is there already; --force writes over it`
        : `${printable(target)} is there and is no file; --force writes into it`,
    );
  // A link stays, and what it leads to is written.
  return { target: isFile && there.isSymbolicLink() ? await realpath(target) : target, isFile };
}

/** Beside the target, and renamed when all of it is there: nobody takes a half for the whole. */
async function write(
  archive: AsyncIterable<Uint8Array>,
  target: string,
  { force, skipLinks }: GetOptions,
  progress: Progress,
  context: Context,
): Promise<void> {
  const part = partOf(target);
  if ((await lstat(part).catch(() => undefined)) !== undefined)
    throw new CliError(EXIT.failed, `${printable(part)} is there: another fetch writes it, or one that was killed left it; remove it then`);
  const clean = (signal: NodeJS.Signals): void => {
    rmSync(part, { recursive: true, force: true });
    // Nobody listens for it any more, so this time it ends the process.
    process.kill(process.pid, signal);
  };
  process.once('SIGINT', clean).once('SIGTERM', clean);
  let leftOut = 0;
  try {
    await unpack(archive, {
      target: part,
      skipLinks: skipLinks ?? false,
      onLeftOut(name) {
        leftOut += 1;
        context.note(`left out, as it leads elsewhere: ${printable(name)}`);
      },
      onBytes: progress.update,
    });
    await moveInto(part, target, force ?? false);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  } finally {
    process.off('SIGINT', clean).off('SIGTERM', clean);
  }
  if (leftOut > 0) context.note(`${counted(leftOut, 'link')} left out`);
}

/** Where a target is put together. A name that would become too long by it is cut, to less than it was: the two are never one. */
export function partOf(target: string): string {
  const name = Buffer.from(basename(target));
  if (name.length + PART.length <= NAME_BYTES_MAX) return target + PART;
  // Of a character that is cut the decoder waits for the rest.
  return join(dirname(target), new TextDecoder().decode(name.subarray(0, NAME_BYTES_CUT), { stream: true }) + PART);
}

async function moveInto(part: string, target: string, force: boolean): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined && !force) throw new CliError(EXIT.failed, `${printable(target)} has come meanwhile; --force writes over it`);
  if (there !== undefined && !there.isFile())
    throw new CliError(EXIT.failed, `${printable(target)} has come meanwhile and is no file, so it is not written over`);
  // A directory in the place of a file cannot be, says the system.
  if (there !== undefined && (await lstat(part)).isDirectory()) await rm(target);
  await rename(part, target);
}

function counting(progress: Progress) {
  return async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      progress.update(bytes);
      yield chunk;
    }
  };
}

/** A connection that breaks has no words. Whoever broke it is asked for them, if it is still there. */
async function whyBroken(client: AdminClient, { headers }: IncomingMessage): Promise<string> {
  try {
    const { error } = await client.call('get', '/admin/readings/{reading}', { path: { reading: String(headers['fbpd-reading']) } });
    return error.details ?? error.reason;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What a connection that broke is called on the way through streams and the archive's reader. */
function isBroken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return (
    code === 'ECONNRESET' ||
    (error instanceof Error && !(error instanceof CliError) && /aborted|truncated|Invalid tar|Invalid EOF/.test(error.message))
  );
}
