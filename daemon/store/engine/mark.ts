import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';

/**
 * `<state>/store.mark`: a sequence number that is known to be synced, written at every clean end and now and then in
 * between. LevelDB can lose its newest commits without a trace (a log or a manifest gone back to an older state looks
 * like a store that never had them); a head older than the mark shows it.
 *
 * The file is one line of fixed length, overwritten in place: that needs no room on a full disk, and a sector is
 * written whole or not at all.
 */
export const MARK_FILE = 'store.mark';
const MARK = /^fbpd-mark ([0-9a-f-]{36}) (\d{16}) ([0-9a-f]{8})\n$/;

/** @returns undefined when there is none that can be read, or it belongs to another store */
export async function readMark(dir: string, storeId: string): Promise<number | undefined> {
  const text = await readFile(join(dir, MARK_FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const [, id, sequence, sum] = MARK.exec(text) ?? [];
  if (id !== storeId || sequence === undefined || sum !== checksum(id, sequence)) return undefined;
  return Number(sequence);
}

export async function writeMark(dir: string, storeId: string, sequence: number): Promise<void> {
  const digits = String(sequence).padStart(16, '0');
  const line = `fbpd-mark ${storeId} ${digits} ${checksum(storeId, digits)}\n`;
  const path = join(dir, MARK_FILE);
  const file = await open(path, 'r+', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return open(path, 'w', 0o600);
    throw error;
  });
  try {
    await file.write(line, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function checksum(id: string, digits: string): string {
  return crc32(digits, crc32(id)).toString(16).padStart(8, '0');
}

/** Keeps the mark behind the synced commits, at most one write a second and never in their way. */
export class MarkKeeper {
  readonly #options: { dir: string; storeId: string; clock: Clock; log: Log };
  #writtenMs = 0;
  #written = 0;
  #running: Promise<void> | undefined;

  constructor(options: { dir: string; storeId: string; clock: Clock; log: Log }) {
    this.#options = options;
  }

  /** Tells that every commit up to this one is synced. */
  note(sequence: number): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#running !== undefined || (nowMs >= this.#writtenMs && nowMs - this.#writtenMs < INTERVAL_MS)) return;
    this.#writtenMs = nowMs;
    this.#running = this.#write(sequence).finally(() => {
      this.#running = undefined;
    });
  }

  /** Writes it now; afterwards nothing runs any more. */
  async flush(sequence: number): Promise<void> {
    await this.#running;
    if (sequence > this.#written) await this.#write(sequence);
  }

  /** A mark that lags is worth a warning, not an end: it can only find less. */
  async #write(sequence: number): Promise<void> {
    try {
      await writeMark(this.#options.dir, this.#options.storeId, sequence);
      this.#written = sequence;
    } catch (error) {
      this.#options.log.warn({ err: error }, 'store: the mark of the newest commit could not be written');
    }
  }
}

const INTERVAL_MS = 1000;
