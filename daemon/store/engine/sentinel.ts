import { randomUUID } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { damaged } from './level-errors.ts';

/**
 * `<state>/store.json`, beside the LevelDB directory: it says that there is a store, which one, and whether its
 * creation was finished. LevelDB opens *empty* without an error when its `CURRENT` is gone; with this file a store
 * that vanished is refused by name.
 */
export interface Sentinel {
  /** UUID; the same is inside LevelDB. */
  id: string;
  schema: number;
  createdMs: number;
  /** `creating` until LevelDB holds the same id: until then nothing else was ever written. */
  state: 'creating' | 'ready';
}

export const SENTINEL_FILE = 'store.json';
/** LevelDB's directory within the state directory. */
export const LEVEL_DIR = 'store';

export function newSentinel(schema: number, nowMs: number): Sentinel {
  return { id: randomUUID(), schema, createdMs: nowMs, state: 'creating' };
}

/**
 * @returns undefined when there is no such file
 * @throws FbpdError `STORE_DAMAGED` when it is there and cannot be understood
 */
export async function readSentinel(dir: string): Promise<Sentinel | undefined> {
  const path = join(dir, SENTINEL_FILE);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const sentinel = parseJson(text);
  if (!isSentinel(sentinel)) {
    throw damaged(`${path} cannot be understood`, 'Restore that file from a backup: it is small and never changes once the store is made.');
  }
  return sentinel;
}

/** Writes it whole or not at all, and synced. */
export async function writeSentinel(dir: string, sentinel: Sentinel): Promise<void> {
  const path = join(dir, SENTINEL_FILE);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(sentinel)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  await syncDir(dir);
}

/** Makes creations, renames and removals in a directory durable. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSentinel(value: unknown): value is Sentinel {
  if (typeof value !== 'object' || value === null) return false;
  const { id, schema, createdMs, state } = value as Partial<Record<keyof Sentinel, unknown>>;
  return typeof id === 'string' && Number.isInteger(schema) && Number.isFinite(createdMs) && (state === 'creating' || state === 'ready');
}
