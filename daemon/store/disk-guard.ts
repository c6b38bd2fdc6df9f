import { join } from 'node:path';

import type { Log } from '../log.ts';
import { type Ballast, dropBallast, ensureBallast } from './ballast.ts';
import { freeBytes } from './engine/disk-space.ts';

export type DiskState =
  | 'ok'
  /** Below `min_free`: no fetch is begun, so that what is accepted still has room. */
  | 'low'
  /** Below the floor: new pins are refused with `STORAGE_FULL`; removing and reconciling go on with what is left. */
  | 'full';

export interface DiskGuardOptions {
  /** Any directory of the file system that is watched: the state directory. */
  dir: string;
  minFreeBytes: number;
  /** Default 256 MiB, or `minFreeBytes` if that is less. */
  floorBytes?: number;
  /** Of the ballast, a file in `dir`; 0 for none. */
  ballastBytes: number;
  log: Log;
  /** Where the free bytes come from; default is the file system. */
  measure?: (dir: string) => Promise<number>;
}

export interface DiskGuard {
  /** As of the last check. */
  readonly state: DiskState;
  /** Measures now. */
  freeBytes(): Promise<number>;
  /**
   * Measures, and makes the ballast again when there is room for it. Never rejects: when the disk cannot be measured
   * the state stays as it was.
   */
  check(): Promise<DiskState>;
  /** Gives the ballast up. For the store, when it cannot be opened on a full disk. Never rejects. */
  makeRoom(): Promise<void>;
}

const BALLAST_FILE = 'ballast';
const FLOOR_BYTES = 256 << 20;
/** A better state begins only so much above its threshold, so that it does not flicker. */
const MARGIN = 1 / 16;

/** Watches the room on the disk, and keeps the ballast. Somebody calls `check` every few seconds. */
export function createDiskGuard(options: DiskGuardOptions): DiskGuard {
  return new FileSystemGuard(options);
}

class FileSystemGuard implements DiskGuard {
  readonly #options: DiskGuardOptions;
  readonly #ballast: Ballast;
  readonly #thresholds: Thresholds;
  #state: DiskState = 'ok';

  constructor(options: DiskGuardOptions) {
    this.#options = options;
    this.#ballast = { path: join(options.dir, BALLAST_FILE), sizeBytes: options.ballastBytes };
    this.#thresholds = {
      minFreeBytes: options.minFreeBytes,
      floorBytes: Math.min(options.floorBytes ?? FLOOR_BYTES, options.minFreeBytes),
    };
  }

  get state(): DiskState {
    return this.#state;
  }

  freeBytes(): Promise<number> {
    return (this.#options.measure ?? freeBytes)(this.#options.dir);
  }

  async check(): Promise<DiskState> {
    const { dir, log } = this.#options;
    const free = await this.freeBytes().catch((error: unknown) => {
      log.warn({ err: error, dir }, 'disk: the free space cannot be measured');
      return undefined;
    });
    if (free === undefined) return this.#state;
    const state = judgeDisk(free, this.#thresholds, this.#state);
    if (state !== this.#state) {
      this.#state = state;
      log[state === 'ok' ? 'info' : 'warn']({ freeBytes: free, ...this.#thresholds }, `disk: ${state}`);
    }
    if (free > this.#thresholds.minFreeBytes + this.#ballast.sizeBytes) await this.#keepBallast();
    return state;
  }

  async makeRoom(): Promise<void> {
    const { log } = this.#options;
    const dropped = await dropBallast(this.#ballast).catch((error: unknown) => {
      log.error({ err: error }, 'disk: the ballast cannot be removed');
      return false;
    });
    if (dropped) log.warn({ sizeBytes: this.#ballast.sizeBytes }, 'disk: full; the ballast was given up');
  }

  async #keepBallast(): Promise<void> {
    const { log } = this.#options;
    try {
      if (await ensureBallast(this.#ballast)) log.info({ sizeBytes: this.#ballast.sizeBytes }, 'disk: the ballast is there');
    } catch (error) {
      log.warn({ err: error }, 'disk: the ballast cannot be made');
    }
  }
}

interface Thresholds {
  minFreeBytes: number;
  floorBytes: number;
}

/** Worse at once, better only with a margin. */
export function judgeDisk(freeBytes: number, thresholds: Thresholds, before: DiskState): DiskState {
  const reaches = (threshold: number, worse: readonly DiskState[]) => freeBytes >= threshold * (worse.includes(before) ? 1 + MARGIN : 1);
  if (!reaches(thresholds.floorBytes, ['full'])) return 'full';
  return reaches(thresholds.minFreeBytes, ['full', 'low']) ? 'ok' : 'low';
}
