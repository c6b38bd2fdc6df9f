import { CID } from 'multiformats/cid';

import type { BlockIntake } from '../domain/retrieval-ports.ts';
import type { DagTracker } from './dag-tracker.ts';

/** Where the blocks of one DAG go that were hashed, from whichever source. */
export interface BlockSink {
  /** Takes a block in if it is missing. Waits while many are on their way. True when it was missing. */
  take(cid: CID, bytes: Uint8Array): Promise<boolean>;
  /** Resolves when nothing is on its way; rejects with the first failure there was. */
  settled(): Promise<void>;
}

/** Each is synced by itself: half as many at once bring two thirds of the bytes, twice as many bring no more. */
const AT_ONCE = 16;
const DAG_PB = 0x70;
const SHA2_256 = 0x12;

/**
 * Puts blocks into the hot tier, several at once. A block counts as here when the tier has it: only then are its links
 * followed, so that what is known of a DAG never runs ahead of what is held of it.
 *
 * @param root - may be waited for under either of its CIDs, as readers write it; blocks below it are waited for as they are linked.
 */
export function createSink({ intake, tracker, root, onUseful, signal }: SinkOptions): BlockSink {
  const underWay = new Map<string, Promise<void>>();
  let failed: { error: unknown } | undefined;
  const throwFailed = (): void => {
    if (failed !== undefined) throw failed.error;
  };

  async function store(cid: CID, bytes: Uint8Array): Promise<void> {
    for (const form of formsOf(cid, root)) await intake.put(form, bytes, signal);
    tracker.take(cid, bytes);
    onUseful(bytes.length);
  }

  return {
    async take(cid, bytes) {
      throwFailed();
      const key = cid.toV1().toString();
      if (!tracker.isMissing(cid) || underWay.has(key)) return false;
      const storing = store(cid, bytes)
        .catch((error: unknown) => {
          failed ??= { error };
        })
        .finally(() => underWay.delete(key));
      underWay.set(key, storing);
      // Links of a node must be known before the blocks come that they lead to; leaves have none to wait for.
      if (cid.code !== RAW) await storing;
      else if (underWay.size >= AT_ONCE) await Promise.race(underWay.values());
      throwFailed();
      return true;
    },
    async settled() {
      await Promise.all(underWay.values());
      throwFailed();
    },
  };
}

const RAW = 0x55;

export interface SinkOptions {
  intake: Pick<BlockIntake, 'put'>;
  tracker: DagTracker;
  root: CID;
  onUseful(bytes: number): void;
  /** Of the whole fetch: what one source has sent is taken in also when that source is given up. */
  signal: AbortSignal;
}

function formsOf(cid: CID, root: CID): CID[] {
  if (!cid.toV1().equals(root.toV1())) return [cid];
  const hasV0 = cid.code === DAG_PB && cid.multihash.code === SHA2_256;
  return hasV0 ? [cid.toV1(), CID.createV0(cid.multihash as Parameters<typeof CID.createV0>[0])] : [cid.toV1()];
}
