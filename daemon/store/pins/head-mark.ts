/**
 * Where an ordered list in the store begins. LevelDB walks over every entry ever deleted before the first one that is
 * there (77 ms at the head of a long queue), so a look starts at the mark, and moves it up to what it found.
 */
export class HeadMark {
  #key: string;
  #puts = 0;

  constructor(key: string) {
    this.#key = key;
  }

  /** No entry lies before this key. */
  get key(): string {
    return this.#key;
  }

  /** Changes with every entry that is put. */
  get puts(): number {
    return this.#puts;
  }

  /** An entry has come to the store. */
  put(key: string): void {
    this.#puts += 1;
    if (key < this.#key) this.#key = key;
  }

  /** A look that began when there were so many puts found the list to begin here. True if nothing was put meanwhile. */
  raise(puts: number, key: string): boolean {
    if (puts !== this.#puts) return false;
    this.#key = key;
    return true;
  }
}
