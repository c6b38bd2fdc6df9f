/** A cache that is replayed: keys and sizes only, as much room as it was made with. */
export interface CachePolicy {
  /** Someone wants it. True when it was there; if not, it is let in as the policy sees fit. */
  read(key: number, size: number): boolean;
}

/** What a policy is made for. */
export interface CacheRoom {
  /** Sum of the sizes that fit. */
  capacity: number;
  /** Contents that fit, about: for what a policy counts by entries, not by bytes. */
  entries: number;
}

/** An entry of a doubly linked list whose ends are held by `LinkedQueue`. */
export interface Entry {
  key: number;
  size: number;
  /** Where it is, or how often it was wanted: each policy has its own use. */
  mark: number;
  newer: Entry | undefined;
  older: Entry | undefined;
}

export function newEntry(key: number, size: number): Entry {
  return { key, size, mark: 0, newer: undefined, older: undefined };
}

/** A queue from which an entry may leave at any place; it knows the bytes in it. */
export class LinkedQueue {
  newest: Entry | undefined;
  oldest: Entry | undefined;
  bytes = 0;

  push(entry: Entry): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest !== undefined) this.newest.newer = entry;
    this.newest = entry;
    this.oldest ??= entry;
    this.bytes += entry.size;
  }

  remove(entry: Entry): void {
    if (entry.newer === undefined) this.newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
    this.bytes -= entry.size;
  }

  /** To the newest end. */
  renew(entry: Entry): void {
    this.remove(entry);
    this.push(entry);
  }
}
