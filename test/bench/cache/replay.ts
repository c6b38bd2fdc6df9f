import type { CachePolicy } from './policy.ts';
import type { Trace } from './traces.ts';

/** Shares of the reads, and of the bytes read, that were hits: from 0 to 1. */
export interface HitRates {
  object: number;
  byte: number;
}

export function replay({ keys, sizes }: Trace, policy: CachePolicy): HitRates {
  let hits = 0;
  let bytes = 0;
  let hitBytes = 0;
  for (const key of keys) {
    const size = sizes?.[key] ?? 1;
    bytes += size;
    if (!policy.read(key, size)) continue;
    hits += 1;
    hitBytes += size;
  }
  return { object: hits / keys.length, byte: hitBytes / bytes };
}
