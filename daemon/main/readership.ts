import { randomInt } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../domain/ports.ts';
import type { TierView } from '../domain/readership-port.ts';
import type { RetrievalLog } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';
import { HotCache } from '../plan/cache.ts';
import type { Reconcilers } from '../reconcilers/index.ts';

/** In the state directory. */
const FILE = 'readership.json';
const SAVE_EVERY_MS = 10 * 60_000;
const SEEDS = 2 ** 31;

export interface KeptCache {
  cache: HotCache;
  /** Writes it down for the last time. */
  close(): Promise<void>;
}

/**
 * What is known of who reads what, as it was written down last. It is not in the store: to lose it costs some hits, and
 * nothing else.
 */
export async function openHotCache(stateDir: string, log: Log): Promise<KeptCache> {
  const file = join(stateDir, FILE);
  const snapshot = await readFile(file).catch(() => undefined);
  const cache = new HotCache({ seed: randomInt(SEEDS), snapshot });
  let saving: Promise<void> = Promise.resolve();

  async function write(): Promise<void> {
    try {
      await writeFile(`${file}.new`, cache.snapshot(), { mode: 0o600 });
      await rename(`${file}.new`, file);
    } catch (error) {
      await rm(`${file}.new`, { force: true }).catch(() => undefined);
      log.warn({ err: error, file }, 'what is read could not be written down; after the next start other contents may be hot for a while');
    }
  }

  function save(): Promise<void> {
    saving = saving.then(write);
    return saving;
  }

  const timer = setInterval(() => void save(), SAVE_EVERY_MS);
  timer.unref();
  return {
    cache,
    close() {
      clearInterval(timer);
      return save();
    },
  };
}

/** What the operator sees of the hot tier as a cache; nothing where copies are never let go. */
export function tierOf({ evict }: Reconcilers, cache: HotCache, log: RetrievalLog, clock: Clock): { tier?: TierView } {
  if (evict === undefined) return {};
  return {
    tier: {
      why: (contentKey) => evict.why(contentKey),
      reads: (contentKey) => cache.explain(contentKey, clock.nowMs()),
      retrievals: (contentKey) => log.of(contentKey),
    },
  };
}
