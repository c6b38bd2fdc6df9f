import { FbpdError } from '../../daemon/domain/errors.ts';
import type { Commit, Store } from '../../daemon/domain/ports.ts';

/** A store whose disk can be full for a while: commits are refused then, and nothing of them is written. */
export class FlakyStore {
  readonly #store: Store;
  /** So many commits are still refused. */
  fullFor = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  port(): Store {
    const store = this.#store;
    return {
      get: (key) => store.get(key),
      getMany: (keys) => store.getMany(keys),
      range: (range) => store.range(range),
      keys: (range) => store.keys(range),
      counts: () => store.counts(),
      commit: (commit: Commit) => this.#commit(commit),
    };
  }

  async #commit(commit: Commit): Promise<number> {
    if (this.fullFor === 0) return this.#store.commit(commit);
    this.fullFor -= 1;
    throw new FbpdError('STORAGE_FULL', 'the disk is full');
  }
}
