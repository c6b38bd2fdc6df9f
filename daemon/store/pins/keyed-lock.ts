/**
 * Runs tasks that share a key one after the other, in the order in which they came, and others side by side. It keeps
 * a burst of requests for one CID from failing each other's expectations over and over.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Holds all the keys while the task runs. Taking them at once, synchronously, rules out deadlock. */
  async run<T>(lockKeys: readonly string[], task: () => Promise<T>): Promise<T> {
    const unique = [...new Set(lockKeys)];
    const before = unique.flatMap((key) => this.#tails.get(key) ?? []);
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    for (const key of unique) this.#tails.set(key, done);
    try {
      await Promise.all(before);
      return await task();
    } finally {
      release();
      for (const key of unique) if (this.#tails.get(key) === done) this.#tails.delete(key);
    }
  }
}
