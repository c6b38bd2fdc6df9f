import type { CID } from 'multiformats/cid';

import type { BlockIndex, ListedContent } from '../domain/block-index-port.ts';
import { parseCid } from '../domain/cid.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Store } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { IndexIds } from './blocks/index-ids.ts';
import { Indexing } from './blocks/indexing.ts';
import { type IndexRecord, indexKeys, type OwnerRecord, PART_ENTRIES } from './blocks/keys.ts';
import { pagesOf } from './blocks/pages.ts';
import { sweepDropped } from './blocks/sweep.ts';
import { retryConflicts } from './pins/context.ts';
import { hasIndex } from './pins/index-list.ts';
import { type KeyedHash, openKeyedHash } from './pins/keyed-hash.ts';
import { segmentOfKey, under } from './pins/keys.ts';
import { listHeld } from './pins/list-held.ts';

export interface BlockIndexOptions {
  store: Store;
  log: Log;
  /** Entries of a commit; only tests choose. */
  partEntries?: number;
}

export interface OpenedBlockIndex extends BlockIndex {
  /** Resolves when no work in the background is under way; it can be cut off at any time. */
  settled(): Promise<void>;
}

const IDENTITY = 0x00;
/** Entries whose contents are asked for at a time: most blocks belong to one content. */
const LOOKED_UP_AT_ONCE = 32;

/**
 * Opens the index of blocks of a store. Reads nothing of it; what was held before there was an index is listed once, in the
 * background.
 */
export async function openBlockIndex({ store, log, partEntries = PART_ENTRIES }: BlockIndexOptions): Promise<OpenedBlockIndex> {
  const hash = await openKeyedHash(store);
  const ids = new IndexIds(store);
  const listing = listHeld({
    store,
    log,
    recordKey: indexKeys.listing,
    listedKey: indexKeys.listed,
    isListed: (content) => content.hot === 'pinned' && hasIndex(content),
    forWhom: 'the index of blocks',
  });
  return {
    contentsOf: (cid, limit) => contentsOf(store, fingerprintOf(hash, cid), limit),
    begin(contentKey) {
      const root = fingerprintOf(hash, parseCid(contentKey));
      const unlessRoot = (cid: CID): string | undefined => {
        const fingerprint = fingerprintOf(hash, cid);
        return fingerprint === root ? undefined : fingerprint;
      };
      return new Indexing({ store, contentKey, fingerprintOf: unlessRoot, newId: () => ids.next(), partEntries });
    },
    isWhole: async (contentKey) => (await store.get<IndexRecord>(indexKeys.index(contentKey)))?.value.whole ?? false,
    drop: (contentKey) => retryConflicts(() => drop(store, contentKey)),
    sweep: (signal) => sweepDropped(store, signal),
    listed: () => listed(store),
    settle: ({ contentKey, version }) => settle(store, contentKey, version),
    settled: () => listing,
  };
}

/** Undefined of an identity CID: no block that anybody could lack. */
function fingerprintOf(hash: KeyedHash, { multihash }: CID): string | undefined {
  return multihash.code === IDENTITY ? undefined : hash.block(multihash.bytes);
}

async function* contentsOf(store: Store, fingerprint: string | undefined, limit: number): AsyncGenerator<string, void, void> {
  if (fingerprint === undefined || limit <= 0) return;
  let left = limit;
  const pages = pagesOf(
    (range) => store.keys(range),
    (key) => key,
    under('i', fingerprint),
    Math.min(limit, LOOKED_UP_AT_ONCE),
  );
  for await (const page of pages) {
    const entries = page.slice(0, left);
    const owners = await store.getMany<OwnerRecord>(entries.map((key) => indexKeys.owner(segmentOfKey(key, 2))));
    for (const owner of owners) if (owner !== undefined) yield owner.value.contentKey;
    left -= entries.length;
    if (left === 0) return;
  }
}

async function drop(store: Store, contentKey: string): Promise<void> {
  const key = indexKeys.index(contentKey);
  const stored = await store.get<IndexRecord>(key);
  if (stored === undefined) return;
  const { id } = stored.value;
  const ops = [{ del: key }, { del: indexKeys.owner(id) }, { put: indexKeys.dropped(id), value: {} }];
  await store.commit({ expect: { [key]: stored.version }, ops, sync: false });
}

async function* listed(store: Store): AsyncGenerator<ListedContent> {
  for await (const [key, { version }] of store.range(under('il'))) yield { contentKey: segmentOfKey(key, 1), version };
}

async function settle(store: Store, contentKey: string, version: number): Promise<void> {
  const key = indexKeys.listed(contentKey);
  try {
    await store.commit({ expect: { [key]: version }, ops: [{ del: key }], sync: false });
  } catch (error) {
    if (!isFbpdError(error, 'CONFLICT')) throw error;
  }
}
