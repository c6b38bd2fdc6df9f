import type { Op, Store } from '../../domain/ports.ts';
import { segmentOfKey, under } from '../pins/keys.ts';
import { indexKeys, unpackFingerprints } from './keys.ts';
import { pagesOf } from './pages.ts';

/** Parts, or ids of dropped indexes, that are read at a time. */
const READ_AT_ONCE = 16;

/** Deletes the entries of every dropped index, one part a commit. Resolves with how many entries went. */
export async function sweepDropped(store: Store, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  const pages = pagesOf(
    (range) => store.keys(range),
    (key) => key,
    under('id'),
    READ_AT_ONCE,
  );
  for await (const page of pages) {
    for (const key of page) {
      deleted += await deleteParts(store, segmentOfKey(key, 1), signal);
      if (signal.aborted) return deleted;
      await store.commit({ ops: [{ del: key }], sync: false });
    }
  }
  return deleted;
}

async function deleteParts(store: Store, id: string, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  const pages = pagesOf(
    (range) => store.range<Uint8Array>(range),
    ([key]) => key,
    under('if', id),
    READ_AT_ONCE,
  );
  for await (const page of pages) {
    for (const [key, { value }] of page) {
      if (signal.aborted) return deleted;
      const ops: Op[] = unpackFingerprints(value).map((fingerprint) => ({ del: indexKeys.entry(fingerprint, id) }));
      await store.commit({ ops: [...ops, { del: key }], sync: false });
      deleted += ops.length;
    }
  }
  return deleted;
}
