import { setTimeout as sleep } from 'node:timers/promises';

import type { CID } from 'multiformats/cid';

import type { BlockIntake } from '../domain/retrieval-ports.ts';

export interface WantsOptions {
  intake: Pick<BlockIntake, 'wanted' | 'put'>;
  /** Whether anybody reads this content now: else nothing that kubo waits for is for us to bring. */
  hasReaders(): boolean;
  /** Brings one block in under the CID that is waited for. False when it is not to be had here. */
  fetch(cid: CID): Promise<boolean>;
  /** So many looks a block has to be waited for before it is fetched; default 0. */
  afterLooks?(): number;
  signal: AbortSignal;
}

/** Readers go down a path block by block, and each waits for the last: so much is added to each step at most. */
const LOOK_EVERY_MS = 5;
const IDLE_LOOK_EVERY_MS = 50;
/** Blocks that are not here are not asked for again and again; kubo's other fetches wait for many. */
const ELSEWHERE_MAX = 10_000;
/** What was just put in is still on the list for a moment. */
const AGAIN_AFTER_LOOKS = 20;

/**
 * Brings in what kubo waits for on behalf of readers, as it asks: for a range the blocks of the range, for a path those on it,
 * for the head of a file no leaves. Ends with the signal.
 */
export async function serveWants({ intake, hasReaders, fetch, afterLooks = () => 0, signal }: WantsOptions): Promise<void> {
  const elsewhere = new Set<string>();
  const brought = new Map<string, number>();
  let waited = new Map<string, number>();
  for (let look = 0; !signal.aborted; look++) {
    if (!hasReaders()) {
      await sleep(IDLE_LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const all = await intake.wanted(signal);
    waited = new Map(all.map((cid) => [cid.toString(), (waited.get(cid.toString()) ?? -1) + 1]));
    const wanted = all.filter((cid) => {
      const key = cid.toString();
      if ((waited.get(key) ?? 0) < afterLooks()) return false;
      return !elsewhere.has(key) && look - (brought.get(key) ?? Number.NEGATIVE_INFINITY) > AGAIN_AFTER_LOOKS;
    });
    await Promise.all(
      wanted.map(async (cid) => {
        const key = cid.toString();
        if (await fetch(cid)) brought.set(key, look);
        else if (elsewhere.size < ELSEWHERE_MAX) elsewhere.add(key);
      }),
    );
    for (const [key, at] of brought) if (look - at > AGAIN_AFTER_LOOKS) brought.delete(key);
    if (wanted.length === 0) await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
