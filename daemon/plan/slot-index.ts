/**
 * Slots by key, for keys that are kept by slot elsewhere: eight bytes a slot, where a `Map` has up to 56. Open addressing,
 * at most half full. Nobody who does not know `seed` can make keys that meet in one place.
 */
export class SlotIndex {
  /** Slot + 1, or 0. */
  readonly #places: Int32Array;
  readonly #mask: number;
  readonly #keys: readonly string[];
  readonly #seed: number;
  size = 0;

  /** `keys` by slot; a key must be there before `add`, and until after `delete`. */
  constructor(slots: number, keys: readonly string[], seed: number) {
    const places = 2 ** Math.ceil(Math.log2(2 * slots));
    this.#places = new Int32Array(places);
    this.#mask = places - 1;
    this.#keys = keys;
    this.#seed = seed;
  }

  get(key: string): number | undefined {
    const held = this.#places[this.#find(key)] ?? 0;
    return held === 0 ? undefined : held - 1;
  }

  /** The key of the slot must not be in it. */
  add(slot: number): void {
    this.#places[this.#find(this.#keys[slot] ?? '')] = slot + 1;
    this.size += 1;
  }

  /** The key must be in it. What stands behind it moves up, so that nobody meets a gap before finding it. */
  delete(key: string): void {
    let gap = this.#find(key);
    this.#places[gap] = 0;
    this.size -= 1;
    for (let place = (gap + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const held = this.#places[place] ?? 0;
      if (held === 0) return;
      const home = this.#homeOf(this.#keys[held - 1] ?? '');
      if (((place - home) & this.#mask) < ((place - gap) & this.#mask)) continue;
      this.#places[gap] = held;
      this.#places[place] = 0;
      gap = place;
    }
  }

  /** Where it is, or would be put. */
  #find(key: string): number {
    let place = this.#homeOf(key);
    for (;;) {
      const held = this.#places[place] ?? 0;
      if (held === 0 || this.#keys[held - 1] === key) return place;
      place = (place + 1) & this.#mask;
    }
  }

  #homeOf(key: string): number {
    let hash = this.#seed;
    for (let index = 0; index < key.length; index += 1) {
      hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1e995);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}
