/** A value as it was from an epoch on; absent when it was removed then. */
type Entry = [epoch: number, value?: unknown];

/**
 * Chain state with its past: every key has the values it had, by epoch, so that state can be read at any tip set and a
 * reorganisation is a matter of dropping the newest entries. Values are plain JSON and never changed in place.
 */
export class History {
  #entries = new Map<string, Entry[]>();

  /** The value at that epoch, by default the newest. */
  get<T>(key: string, epoch = Number.POSITIVE_INFINITY): T | undefined {
    const entries = this.#entries.get(key);
    if (entries === undefined) return undefined;
    for (let at = entries.length - 1; at >= 0; at -= 1) {
      const entry = entries[at];
      if (entry !== undefined && entry[0] <= epoch) return entry[1] as T | undefined;
    }
    return undefined;
  }

  /** Epochs never go back but by `rollback`. */
  set(key: string, epoch: number, value: unknown): void {
    const entries = this.#entries.get(key);
    const entry: Entry = value === undefined ? [epoch] : [epoch, value];
    if (entries === undefined) this.#entries.set(key, [entry]);
    else if (entries.at(-1)?.[0] === epoch) entries[entries.length - 1] = entry;
    else entries.push(entry);
  }

  /** Keys with that prefix that have a value now. */
  keys(prefix: string): string[] {
    return [...this.#entries].filter(([key, entries]) => key.startsWith(prefix) && entries.at(-1)?.[1] !== undefined).map(([key]) => key);
  }

  /** Forgets everything that came after the epoch. */
  rollback(epoch: number): void {
    for (const [key, entries] of this.#entries) {
      while (entries.length > 0 && (entries.at(-1)?.[0] ?? 0) > epoch) entries.pop();
      if (entries.length === 0) this.#entries.delete(key);
    }
  }

  /** Drops what is only needed to read before the epoch. */
  prune(epoch: number): void {
    for (const [key, entries] of this.#entries) {
      const keep = entries.findLastIndex(([at]) => at <= epoch);
      if (keep > 0) entries.splice(0, keep);
      if (entries.length === 1 && entries[0]?.[1] === undefined && (entries[0]?.[0] ?? 0) <= epoch) this.#entries.delete(key);
    }
  }

  dump(): [string, Entry[]][] {
    return [...this.#entries];
  }

  load(dumped: readonly [string, Entry[]][]): void {
    this.#entries = new Map(dumped);
  }
}
