import type { Commit, Range, Store, StoredValue, Versioned } from '../../daemon/domain/ports.ts';

/** Where a process dies: at its n-th commit, before or after that is on disk. */
export interface Death {
  commits: number;
  when: 'before' | 'after';
}

/** What everybody gets who deals with a store whose process has died. */
export class Dead extends Error {}

/** A store that is there until the process "dies": whatever was not answered by then is never answered. */
export class MortalStore implements Store {
  readonly #store: Store;
  readonly #death: Death | undefined;
  #commits = 0;
  #isDead = false;

  constructor(store: Store, death?: Death) {
    this.#store = store;
    this.#death = death;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  async get<T extends StoredValue>(key: string): Promise<Versioned<T> | undefined> {
    return this.#answer(this.#store.get<T>(key));
  }

  async getMany<T extends StoredValue>(keys: readonly string[]): Promise<(Versioned<T> | undefined)[]> {
    return this.#answer(this.#store.getMany<T>(keys));
  }

  async *range<T extends StoredValue>(range: Range): AsyncGenerator<[key: string, record: Versioned<T>]> {
    for await (const record of this.#store.range<T>(range)) yield await this.#answer(Promise.resolve(record));
  }

  async *keys(range: Range): AsyncGenerator<string> {
    for await (const key of this.#store.keys(range)) yield await this.#answer(Promise.resolve(key));
  }

  async commit(commit: Commit): Promise<number> {
    if (this.#isDead) throw new Dead();
    this.#commits += 1;
    const dies = this.#commits === this.#death?.commits;
    if (dies && this.#death?.when === 'before') {
      this.#isDead = true;
      throw new Dead();
    }
    const sequence = await this.#store.commit(commit);
    if (dies) this.#isDead = true;
    if (this.#isDead) throw new Dead();
    return sequence;
  }

  counts(): Readonly<Record<string, number>> {
    return this.#store.counts();
  }

  async #answer<T>(answer: Promise<T>): Promise<T> {
    if (this.#isDead) throw new Dead();
    const value = await answer;
    if (this.#isDead) throw new Dead();
    return value;
  }
}
