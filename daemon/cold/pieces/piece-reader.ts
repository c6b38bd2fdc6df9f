import { open } from 'node:fs/promises';

import { CID } from 'multiformats/cid';

import { unlessAborted } from '../../domain/abort.ts';
import { type BlockSource, PieceError, type PieceReader } from '../../domain/cold-ports.ts';
import { HotError } from '../../domain/ports.ts';
import { encodeSectionHead } from './car-format.ts';
import { blockWithin } from './depth-first.ts';
import { type Manifest, ManifestDamage, type Section } from './manifest.ts';

/** A part is as large at most. */
const PART_BYTES = 256 * 1024;
/** Sections smaller than that are given together. */
const SMALL_BYTES = 64 * 1024;
/** Read before their turn, for a reader: so many blocks, of so many bytes together unless one alone has more. */
const BLOCKS_AHEAD = 8;
const AHEAD_BYTES = 2 * 1024 * 1024;

/** The bytes of a piece out of a file. */
export function readPieceFile(path: string, carSizeBytes: number): PieceReader {
  return {
    carSizeBytes,
    async *read(from, to, signal) {
      const file = await open(path, 'r').catch(throwGone);
      try {
        for (let at = from; at < to; ) {
          signal.throwIfAborted();
          const part = Buffer.allocUnsafe(Math.min(PART_BYTES, to - at));
          const { bytesRead } = await file.read(part, 0, part.length, at).catch(throwGone);
          if (bytesRead === 0) throw new PieceError('missing_block', `the file of the piece ends at byte ${at}`);
          at += bytesRead;
          yield part.subarray(0, bytesRead);
        }
      } finally {
        await file.close();
      }
    },
  };
}

function throwGone(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new PieceError('missing_block', `the file of the piece cannot be read: ${why}`, { cause });
}

/**
 * The same bytes out of a manifest and the blocks it names. The source hashes each; that it is as long as it was is seen to here.
 *
 * @param onDamage - the manifest was found damaged on the way
 */
export function readPieceBlocks(manifest: Manifest, blocks: BlockSource, onDamage: (error: ManifestDamage) => Promise<void>): PieceReader {
  return {
    carSizeBytes: manifest.carSizeBytes,
    async *read(from, to, signal) {
      const ended = new AbortController();
      try {
        yield* parts(bytesOf(manifest, { from, to }, blocks, AbortSignal.any([signal, ended.signal])));
      } catch (error) {
        if (!(error instanceof ManifestDamage)) throw error;
        await onDamage(error);
        throw new PieceError('mismatch', `the manifest is damaged: ${error.message}`, { cause: error });
      } finally {
        ended.abort();
      }
    },
  };
}

interface Span {
  from: number;
  /** Not included. */
  to: number;
}

async function* bytesOf(
  manifest: Manifest,
  span: Span,
  blocks: BlockSource,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { header } = manifest;
  if (span.from < header.length) yield header.subarray(span.from, span.to);
  if (span.to <= header.length) return;
  let at = Math.max(span.from, header.length);
  for await (const { section, block } of withBlocks(manifest, span, blocks, signal)) {
    const bytes = await block;
    if (bytes.length !== section.blockBytes)
      throw new PieceError(
        'mismatch',
        `the block ${nameOf(section)} has ${bytes.length} bytes, and had ${section.blockBytes} when the piece was built`,
      );
    const head = encodeSectionHead(section.cid, bytes.length);
    for (const [start, part] of [
      [section.at, head],
      [section.at + head.length, bytes],
    ] as const) {
      const some = part.subarray(Math.max(0, span.from - start), Math.max(0, span.to - start));
      at += some.length;
      if (some.length > 0) yield some;
    }
  }
  if (at !== Math.min(span.to, manifest.carSizeBytes)) throw new ManifestDamage(`its sections end at byte ${at} of the CAR`);
}

interface Reading {
  section: Section;
  block: Promise<Uint8Array>;
}

/** Sections of the span, of which some of the next ones are being read already. */
async function* withBlocks(
  manifest: Manifest,
  { from, to }: Span,
  blocks: BlockSource,
  signal: AbortSignal,
): AsyncGenerator<Reading, void, undefined> {
  const sections = manifest.from(from);
  const ahead: Reading[] = [];
  let aheadBytes = 0;
  let next = await sections.next();
  try {
    for (;;) {
      while (
        next.done !== true &&
        next.value.at < to &&
        (ahead.length === 0 || (ahead.length < BLOCKS_AHEAD && aheadBytes + next.value.blockBytes <= AHEAD_BYTES))
      ) {
        const section = next.value;
        const block = blockOf(section, blocks, signal);
        // Its turn will come, or not.
        block.catch(() => undefined);
        ahead.push({ section, block });
        aheadBytes += section.blockBytes;
        next = await sections.next();
      }
      const first = ahead.shift();
      if (first === undefined) return;
      aheadBytes -= first.section.blockBytes;
      yield first;
    }
  } finally {
    await sections.return();
  }
}

async function blockOf(section: Section, blocks: BlockSource, signal: AbortSignal): Promise<Uint8Array> {
  const here = section.own ?? blockWithin(section.cid);
  if (here !== undefined) return here;
  try {
    return await unlessAborted(blocks.block(nameOf(section), signal), signal);
  } catch (cause) {
    const failure = cause instanceof HotError ? cause.failure : undefined;
    if (signal.aborted || failure === 'aborted') throw new PieceError('aborted', 'reading the piece was stopped', { cause });
    throw new PieceError('missing_block', `a block of the piece could not be read: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

function nameOf({ cid }: Section): string {
  return CID.decode(cid).toString();
}

/** Small ones together, large ones in parts. */
async function* parts(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let small: Uint8Array[] = [];
  let smallBytes = 0;
  for await (const bytes of source) {
    if (bytes.length >= SMALL_BYTES || smallBytes + bytes.length > PART_BYTES) {
      if (smallBytes > 0) yield Buffer.concat(small);
      small = [];
      smallBytes = 0;
    }
    if (bytes.length < SMALL_BYTES) {
      small.push(bytes);
      smallBytes += bytes.length;
    } else for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
  }
  if (smallBytes > 0) yield Buffer.concat(small);
}
