import { crc32 } from 'node:zlib';

import { FbpdError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { AppendFile } from './append-file.ts';
import { encodeSpendLine, type FoundLine, parseSpendLines, type SpendEntry, type SpendLine } from './spend-lines.ts';
import type { SpendLogState } from './totals.ts';

const READ_BYTES = 1 << 20;

/**
 * What was about to be spent, written and synced before the commit that spends: a store that has lost a commit, or was
 * put back from a backup, says less than this file, and then nothing is spent until the operator has looked. Every
 * commit with lines holds how far the file goes, and the checksum of it so far, so that one pass over its bytes at open
 * compares it with the store.
 *
 * It grows by some 350 bytes a deal. To rotate it: in one commit move the state to an empty file whose first line is a
 * `reset`, and keep the old one.
 */
export class SpendLog {
  readonly #file: AppendFile;
  readonly #log: Log;
  /** The end of what is on disk. */
  #end: SpendLogState;
  /** How far the store knows of it; stands still while they do not agree. */
  #known: SpendLogState;
  #problem: string | undefined;
  /** Writes that have lines and did not come to be. */
  #voids: number[];
  /** Bytes that were not acknowledged may lie behind the end. */
  #isTorn = false;
  #startsInLine = false;

  private constructor(file: AppendFile, log: Log, known: SpendLogState, found: Found) {
    this.#file = file;
    this.#log = log;
    this.#known = known;
    this.#problem = found.problem;
    this.#end = found.end;
    this.#voids = found.voids;
    this.#startsInLine = found.startsInLine;
  }

  /**
   * Compares the file with what the store knows of it.
   *
   * @param hasDeals that the store has, or had, deals
   */
  static async open(file: AppendFile, options: { known: SpendLogState; hasDeals: boolean; log: Log }): Promise<SpendLog> {
    const found = await inspect(file, options.known, options.hasDeals);
    if (found.tornBytes > 0 && found.problem === undefined) {
      options.log.warn({ bytes: found.tornBytes }, 'spend log: a line that was being written when the daemon ended is cut off');
      await file.truncate(found.end.bytes);
    }
    for (const serial of found.voids)
      options.log.warn({ serial }, 'spend log: a deal was about to be made when the daemon ended; it was not');
    return new SpendLog(file, options.log, options.known, found);
  }

  /** Why the file and the store do not belong together; undefined when they do. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What the store is to know of the file. */
  get known(): SpendLogState {
    return this.#known;
  }

  /**
   * Writes the lines of one write. Resolves when they are on disk; the state goes into the write's commit.
   *
   * @throws FbpdError `STORAGE_FULL` or `UNAVAILABLE`: nothing was written then
   */
  async append(entries: readonly SpendEntry[]): Promise<{ state: SpendLogState; serial: number }> {
    const serial = this.#end.serial + 1;
    const lines: SpendLine[] = [
      ...this.#voids.map((c): SpendLine => ({ t: 'void', c })),
      ...entries.map((entry) => ({ ...entry, c: serial })),
    ];
    const bytes = Buffer.from((this.#startsInLine ? '\n' : '') + lines.map(encodeSpendLine).join(''));
    await this.#write(bytes);
    this.#voids = [];
    this.#startsInLine = false;
    this.#end = { bytes: this.#end.bytes + bytes.length, crc: crc32(bytes, this.#end.crc), serial };
    return { state: this.#problem === undefined ? this.#end : this.#known, serial };
  }

  /** The commit with these lines is on disk. */
  committed(state: SpendLogState): void {
    this.#known = state;
  }

  /** The commit that they were for was refused. */
  refused(serial: number): void {
    this.#voids.push(serial);
  }

  /** The operator goes on with the store as it is. Returns the state for the commit that says so. */
  async reset(deals: number, atMs: number): Promise<{ state: SpendLogState; serial: number }> {
    const { serial } = await this.append([{ t: 'reset', deals, atMs }]);
    return { state: this.#end, serial };
  }

  /** The commit with the reset is on disk. */
  wasReset(state: SpendLogState): void {
    this.#problem = undefined;
    this.#known = state;
  }

  async #write(bytes: Buffer): Promise<void> {
    try {
      if (this.#isTorn) await this.#file.truncate(this.#end.bytes);
      this.#isTorn = true;
      await this.#file.append(bytes);
      this.#isTorn = false;
    } catch (cause) {
      this.#log.error({ err: cause }, 'spend log: a line could not be written, so no deal is made');
      if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') {
        throw new FbpdError('STORAGE_FULL', 'spend log: the disk is full, so no deal is made; free some space', { cause });
      }
      throw new FbpdError('UNAVAILABLE', 'spend log: it cannot be written, so no deal is made; see the log', { cause });
    }
  }
}

interface Found {
  problem: string | undefined;
  end: SpendLogState;
  voids: number[];
  /** Behind the end: a line that was never whole. */
  tornBytes: number;
  startsInLine: boolean;
}

async function inspect(file: AppendFile, known: SpendLogState, hasDeals: boolean): Promise<Found> {
  const size = await file.sizeBytes();
  if (size === undefined || size < known.bytes) {
    const problem = size === undefined ? 'it is missing although deals were made' : `it has ${size} bytes and had ${known.bytes}`;
    const isNew = size === undefined && known.bytes === 0 && !hasDeals;
    return damagedFound(file, size ?? 0, known, isNew ? undefined : problem);
  }
  const crc = await checksum(file, 0, known.bytes, 0);
  if (crc !== known.crc) return damagedFound(file, size, known, 'it was changed, or is damaged, before its end');
  const tailBytes = await readAll(file, known.bytes, size);
  const tail = judgeTail(parseSpendLines(tailBytes));
  if (tail.problem !== undefined) return damagedFound(file, size, { ...known, serial: tail.serial }, tail.problem);
  const wholeBytes = tail.tornAt ?? tailBytes.length;
  return {
    problem: undefined,
    end: {
      bytes: known.bytes + wholeBytes,
      crc: crc32(tailBytes.subarray(0, wholeBytes), crc),
      serial: Math.max(known.serial, tail.serial),
    },
    voids: tail.voids,
    tornBytes: tailBytes.length - wholeBytes,
    startsInLine: false,
  };
}

/** The file as it is; what comes is written behind it. */
async function damagedFound(file: AppendFile, size: number, known: SpendLogState, problem: string | undefined): Promise<Found> {
  const end = { bytes: size, crc: await checksum(file, 0, size, 0), serial: known.serial };
  const last = size === 0 ? undefined : (await file.read(size - 1, 1))[0];
  return { problem, end, voids: [], tornBytes: 0, startsInLine: last !== undefined && last !== 0x0a };
}

/**
 * What lies behind the last line that the store knows: nothing, or the lines of one write that the crash has cut off
 * before its commit, torn perhaps. Lines of a second write prove that the first one was committed once, and is lost.
 */
function judgeTail(lines: readonly FoundLine[]): { problem?: string; serial: number; voids: number[]; tornAt?: number } {
  const voided = new Set(lines.flatMap(({ line }) => (line?.t === 'void' ? [line.c] : [])));
  const open = new Set(lines.flatMap(({ line }) => (line === undefined || line.t === 'void' || voided.has(line.c) ? [] : [line.c])));
  const serial = Math.max(0, ...lines.map(({ line }) => line?.c ?? 0));
  if (open.size > 1) {
    const ids = lines.flatMap(({ line }) => (line?.t === 'intent' && open.has(line.c) ? [line.id] : []));
    const named = ids.length === 0 ? '' : `, among them ${ids.slice(0, 3).join(', ')}`;
    return {
      problem: `${lines.length} of its lines are unknown to the store${named}: the store is older than what was spent`,
      serial,
      voids: [],
    };
  }
  const torn = lines.findIndex(({ line }) => line === undefined);
  const behind = torn === -1 ? [] : lines.slice(torn + 1).filter(({ line }) => line !== undefined && !open.has(line.c));
  if (behind.length > 0) return { problem: 'a line in the middle of it is damaged', serial, voids: [] };
  const tornAt = torn === -1 ? undefined : lines[torn]?.at;
  const kept =
    torn === -1 ? open : new Set(lines.slice(0, torn).flatMap(({ line }) => (line !== undefined && open.has(line.c) ? [line.c] : [])));
  return { serial, voids: [...kept], ...(tornAt === undefined ? {} : { tornAt }) };
}

async function checksum(file: AppendFile, from: number, to: number, before: number): Promise<number> {
  let crc = before;
  for (let at = from; at < to; ) {
    const chunk = await file.read(at, Math.min(READ_BYTES, to - at));
    if (chunk.length === 0) break;
    crc = crc32(chunk, crc);
    at += chunk.length;
  }
  return crc;
}

async function readAll(file: AppendFile, from: number, to: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let at = from; at < to; ) {
    const chunk = await file.read(at, Math.min(READ_BYTES, to - at));
    if (chunk.length === 0) break;
    chunks.push(chunk);
    at += chunk.length;
  }
  return Buffer.concat(chunks);
}
