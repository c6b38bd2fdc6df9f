import type { CID } from 'multiformats/cid';

import type { BlockIndexing } from '../../domain/block-index-port.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { Op, Store } from '../../domain/ports.ts';
import { type IndexRecord, indexKeys, packFingerprints } from './keys.ts';

export interface IndexingOptions {
  store: Store;
  contentKey: string;
  /** Undefined of what is not indexed. */
  fingerprintOf: (cid: CID) => string | undefined;
  /** An id that no index has. */
  newId: () => Promise<string>;
  /** Entries of a commit. */
  partEntries: number;
}

/** The index as this walk has left it; the version is null before the first commit. */
interface KnownIndex extends IndexRecord {
  version: number | null;
}

/**
 * Writes the index of one content, a part at a time: while one is being written the next one is filled, and who adds more
 * waits. Every commit expects the content's record as the last one left it, so whoever drops the index or writes it from
 * another walk ends this one.
 */
export class Indexing implements BlockIndexing {
  readonly #options: IndexingOptions;
  #filling = new Set<string>();
  #hasBlocks = false;
  /** The commits of this walk, one after the other; never rejects. */
  #written: Promise<void> = Promise.resolve();
  #index: KnownIndex | undefined;
  #state: 'open' | 'overtaken' | 'stopped' = 'open';
  #failure: { error: unknown } | undefined;

  constructor(options: IndexingOptions) {
    this.#options = options;
  }

  add(cid: CID): Promise<void> | undefined {
    if (!this.#mayWrite) return undefined;
    const fingerprint = this.#options.fingerprintOf(cid);
    if (fingerprint === undefined) return undefined;
    this.#hasBlocks = true;
    this.#filling.add(fingerprint);
    if (this.#filling.size < this.#options.partEntries) return undefined;
    const before = this.#written;
    this.#write(false);
    return before;
  }

  async finish(): Promise<boolean> {
    // Of a content of a single block nothing is read either.
    if (this.#hasBlocks) this.#write(true);
    await this.#written;
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#state === 'open';
  }

  async stop(): Promise<void> {
    if (this.#state === 'open') this.#state = 'stopped';
    this.#filling.clear();
    await this.#written;
  }

  get #mayWrite(): boolean {
    return this.#state === 'open' && this.#failure === undefined;
  }

  #write(whole: boolean): void {
    const fingerprints = [...this.#filling];
    this.#filling = new Set();
    this.#written = this.#written.then(async () => {
      if (!this.#mayWrite) return;
      try {
        await this.#commit(fingerprints, whole);
      } catch (error) {
        if (isFbpdError(error, 'CONFLICT')) this.#state = 'overtaken';
        else this.#failure = { error };
      }
    });
  }

  async #commit(fingerprints: readonly string[], whole: boolean): Promise<void> {
    const { store, contentKey } = this.#options;
    this.#index ??= await this.#load();
    const { id, parts, version } = this.#index;
    // What hangs below a CID never changes.
    if (this.#index.whole) return;
    const fresh = await this.#withoutKnown(fingerprints);
    if (fresh.length === 0 && !whole) return;
    const record: IndexRecord = { id, parts: fresh.length === 0 ? parts : parts + 1, whole };
    const ops: Op[] = fresh.map((fingerprint) => ({ put: indexKeys.entry(fingerprint, id), value: NOTHING }));
    if (fresh.length > 0) ops.push({ put: indexKeys.part(id, parts), value: packFingerprints(fresh) });
    if (version === null) ops.push({ put: indexKeys.owner(id), value: { contentKey } });
    const key = indexKeys.index(contentKey);
    ops.push({ put: key, value: record });
    this.#index = { ...record, version: await store.commit({ expect: { [key]: version }, ops, sync: false }) };
  }

  async #load(): Promise<KnownIndex> {
    const { store, contentKey, newId } = this.#options;
    const stored = await store.get<IndexRecord>(indexKeys.index(contentKey));
    if (stored !== undefined) return { ...stored.value, version: stored.version };
    return { id: await newId(), parts: 0, whole: false, version: null };
  }

  /** No block is in two parts, so that a part and its entries can be deleted without looking at the others. */
  async #withoutKnown(fingerprints: readonly string[]): Promise<readonly string[]> {
    const { id, parts } = this.#index ?? { id: '', parts: 0 };
    if (parts === 0) return fingerprints;
    const known = await this.#options.store.getMany(fingerprints.map((fingerprint) => indexKeys.entry(fingerprint, id)));
    return fingerprints.filter((_, index) => known[index] === undefined);
  }
}

const NOTHING = new Uint8Array(0);
