import { crc32 } from 'node:zlib';

import { FbpdError } from '../../domain/errors.ts';
import type { Log } from '../../log.ts';
import type { AppendFile } from './append-file.ts';
import { type FoundLog, inspectSpendLog } from './spend-inspect.ts';
import { encodeSpendLine, type SpendEntry, type SpendLine } from './spend-lines.ts';
import type { SpendLogState } from './totals.ts';

/** Lines that are on disk, for a commit that is not yet. */
export interface AppendedLines {
  /** Belongs into the commit. */
  state: SpendLogState;
  serial: number;
}

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

  private constructor(file: AppendFile, log: Log, known: SpendLogState, found: FoundLog) {
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
   * @param options `known`: as far as the store knows of it; `hasDeals`: the store has, or had, deals
   * @throws FbpdError `BAD_ENVIRONMENT` when the file is there and cannot be read
   */
  static async open(file: AppendFile, options: { known: SpendLogState; hasDeals: boolean; log: Log }): Promise<SpendLog> {
    const found = await inspectSpendLog(file, options.known, options.hasDeals).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FbpdError('BAD_ENVIRONMENT', `spend log: it cannot be read (${why}); give it back to this user, or its disk`, { cause });
    });
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
  async append(entries: readonly SpendEntry[]): Promise<AppendedLines> {
    const serial = this.#end.serial + 1;
    const voids = this.#voids.map((c): SpendLine => ({ t: 'void', c }));
    const lines: SpendLine[] = [...voids, ...entries.map((entry) => ({ ...entry, c: serial }))];
    const bytes = Buffer.from((this.#startsInLine ? '\n' : '') + lines.map(encodeSpendLine).join(''));
    await this.#write(bytes);
    this.#voids = [];
    this.#startsInLine = false;
    this.#end = { bytes: this.#end.bytes + bytes.length, crc: crc32(bytes, this.#end.crc), serial };
    return { state: this.#problem === undefined ? this.#end : this.#known, serial };
  }

  /** The operator goes on with the store as it is, which has so many deals. */
  async reset(deals: number, atMs: number): Promise<AppendedLines> {
    const { serial } = await this.append([{ t: 'reset', deals, atMs }]);
    return { state: this.#end, serial };
  }

  /** The commit with these lines is on disk. */
  committed({ state }: AppendedLines, isReset: boolean): void {
    this.#known = state;
    if (isReset) this.#problem = undefined;
  }

  /** The commit that they were for was refused. */
  refused({ serial }: AppendedLines): void {
    this.#voids.push(serial);
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
