import type { DueContent } from '../../domain/cold-store-port.ts';
import type { Content } from '../../domain/content.ts';
import type { Store } from '../../domain/ports.ts';
import { collect } from '../pins/collect.ts';
import { keys, under } from '../pins/keys.ts';
import { coldKeys, subjectOfKey } from './keys.ts';
import type { ColdQueries } from './queries.ts';

/** Keys kept in memory at most. */
const KNOWN_KEYS_MAX = 10_000;

/**
 * The contents whose cold side is to be looked at, in the order in which they were listed as far as that is known.
 * LevelDB walks over every entry ever taken off, so the list is read only when nothing is known to be on it.
 */
export class DueContents {
  readonly #store: Store;
  readonly #queries: ColdQueries;
  /** On the list, or were; with the number of the listing that said so last. */
  readonly #known = new Map<string, number>();
  #listings = 0;
  /** There may be more in the store than is known. */
  #hasMore = true;
  /** Nobody tells what is listed, so the store has to be asked each time. */
  readonly #isTold: boolean;

  constructor(options: { store: Store; queries: ColdQueries; isTold: boolean }) {
    this.#store = options.store;
    this.#queries = options.queries;
    this.#isTold = options.isTold;
  }

  /** The pin store has put these on the list. */
  listed(contentKeys: Iterable<string>): void {
    this.#listings += 1;
    for (const contentKey of contentKeys) {
      if (this.#known.size < KNOWN_KEYS_MAX || this.#known.has(contentKey)) this.#known.set(contentKey, this.#listings);
      else this.#hasMore = true;
    }
  }

  /**
   * Those that have waited longest, as far as that is known; what stays on the list goes behind the others. A content is
   * read after its entry, so that whatever changes it later changes the entry's version too.
   */
  async look(limit: number): Promise<DueContent[]> {
    for (;;) {
      if (!this.#isTold || (this.#hasMore && this.#known.size < limit)) await this.#readMore(limit);
      const looked = [...this.#known].slice(0, limit);
      const entries = await this.#store.getMany<object>(looked.map(([contentKey]) => coldKeys.listed(contentKey)));
      const versions = new Map<string, number>();
      for (const [index, [contentKey, listing]] of looked.entries()) {
        const entry = entries[index];
        const newest = this.#known.get(contentKey) ?? listing;
        this.#known.delete(contentKey);
        if (entry !== undefined) versions.set(contentKey, entry.version);
        // It may have been listed since it was read.
        if (entry !== undefined || newest !== listing) this.#known.set(contentKey, newest);
      }
      if (versions.size > 0 || looked.length === 0) return this.#dueOf(versions);
    }
  }

  async #readMore(limit: number): Promise<void> {
    this.#hasMore = false;
    const max = Math.max(limit, KNOWN_KEYS_MAX);
    const keysRead = await collect(this.#store.keys({ ...under('l'), limit: this.#isTold ? max : limit }));
    this.listed(keysRead.map(subjectOfKey));
    if (this.#isTold && keysRead.length === max) this.#hasMore = true;
  }

  async #dueOf(versions: ReadonlyMap<string, number>): Promise<DueContent[]> {
    const contentKeys = [...versions.keys()];
    const contents = await this.#store.getMany<Content>(contentKeys.map(keys.content));
    return Promise.all(
      contentKeys.map(async (contentKey, index): Promise<DueContent> => {
        const cold = await this.#queries.content(contentKey);
        return {
          contentKey,
          version: versions.get(contentKey) ?? 0,
          content: contents[index]?.value,
          pieces: await this.#queries.pieces(cold?.pieces ?? []),
          waiting: cold?.waiting,
        };
      }),
    );
  }
}
