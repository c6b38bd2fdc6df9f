/**
 * A binary heap of slot numbers, the least on top, that can take out or move any of them. `isBefore` may change its mind
 * about a slot only when `moved` or `rebuild` is called after it.
 */
export class SlotHeap {
  /** Slots from place 1 on. */
  readonly #order: Int32Array;
  /** By slot: its place, or 0. Nothing is written before a slot is used, so room that is not needed costs no memory. */
  readonly #places: Int32Array;
  readonly #isBefore: (a: number, b: number) => boolean;
  size = 0;

  constructor(slots: number, isBefore: (a: number, b: number) => boolean) {
    this.#order = new Int32Array(slots + 1);
    this.#places = new Int32Array(slots);
    this.#isBefore = isBefore;
  }

  has(slot: number): boolean {
    return this.#places[slot] !== 0;
  }

  /** Undefined when there is none. */
  top(): number | undefined {
    return this.size === 0 ? undefined : this.#order[1];
  }

  /** In no order but that the first is the top. Valid until the next change. */
  slots(): Int32Array {
    return this.#order.subarray(1, this.size + 1);
  }

  /** The slot must not be in it. */
  add(slot: number): void {
    this.size += 1;
    this.#up(slot, this.size);
  }

  /** The slot must be in it. */
  remove(slot: number): void {
    const place = this.#places[slot] ?? 0;
    const last = this.#order[this.size] ?? 0;
    this.#places[slot] = 0;
    this.size -= 1;
    if (last === slot) return;
    this.#put(last, place);
    this.moved(last);
  }

  /** What the slot is ordered by has changed. */
  moved(slot: number): void {
    this.#up(slot, this.#places[slot] ?? 0);
    this.#down(slot, this.#places[slot] ?? 0);
  }

  /** What any of them is ordered by has changed. */
  rebuild(): void {
    for (let place = this.size >>> 1; place >= 1; place -= 1) this.#down(this.#order[place] ?? 0, place);
  }

  #up(slot: number, from: number): void {
    let place = from;
    while (place > 1) {
      const above = this.#order[place >>> 1] ?? 0;
      if (!this.#isBefore(slot, above)) break;
      this.#put(above, place);
      place >>>= 1;
    }
    this.#put(slot, place);
  }

  #down(slot: number, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place;
      if (below > this.size) break;
      if (below < this.size && this.#isBefore(this.#order[below + 1] ?? 0, this.#order[below] ?? 0)) below += 1;
      const next = this.#order[below] ?? 0;
      if (!this.#isBefore(next, slot)) break;
      this.#put(next, place);
      place = below;
    }
    this.#put(slot, place);
  }

  #put(slot: number, place: number): void {
    this.#order[place] = slot;
    this.#places[slot] = place;
  }
}

/** The indexes of the values, the least value first. Each is found when it is asked for. */
export function* ascending(values: Float64Array): Generator<number, void, undefined> {
  const heap = new SlotHeap(values.length, (a, b) => (values[a] ?? 0) < (values[b] ?? 0));
  for (let index = 0; index < values.length; index += 1) heap.add(index);
  for (let top = heap.top(); top !== undefined; top = heap.top()) {
    heap.remove(top);
    yield top;
  }
}
