/** Characters at the end of a base32 content key that are taken as its fingerprint: 50 bits of the digest. */
const FINGERPRINT_CHARS = 10;

/**
 * A set of content keys at eight bytes each, for comparing a million pins without holding a million strings. Two
 * keys may share a fingerprint once in 10^15: then a key looks present that is not. Fill it, `seal` it, ask it.
 */
export class KeySet {
  #values = new Float64Array(1024);
  #size = 0;

  add(contentKey: string): void {
    if (this.#size === this.#values.length) {
      const grown = new Float64Array(this.#size * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#size] = fingerprint(contentKey);
    this.#size += 1;
  }

  seal(): void {
    this.#values = this.#values.slice(0, this.#size).sort();
  }

  has(contentKey: string): boolean {
    const wanted = fingerprint(contentKey);
    let low = 0;
    let high = this.#size - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const value = this.#values[middle] ?? 0;
      if (value === wanted) return true;
      if (value < wanted) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }
}

function fingerprint(contentKey: string): number {
  return Number.parseInt(contentKey.slice(-FINGERPRINT_CHARS).replace(/[^a-z2-7]/g, ''), 36);
}
