const ROWS = 4;
const MOST = 15;
const SEEDS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

/** Count-min with conservative reading, counters up to 15, all halved after ten reads an entry: how often lately, about. */
export class FrequencySketch {
  readonly #width: number;
  readonly #counters: Uint8Array;
  readonly #sampleSize: number;
  #added = 0;

  constructor(entries: number) {
    this.#width = 4 * 2 ** Math.ceil(Math.log2(Math.max(16, entries)));
    this.#counters = new Uint8Array(ROWS * this.#width);
    this.#sampleSize = 10 * Math.max(1, entries);
  }

  add(key: number): void {
    for (let row = 0; row < ROWS; row += 1) {
      const place = this.#place(key, row);
      const count = this.#counters[place] ?? 0;
      if (count < MOST) this.#counters[place] = count + 1;
    }
    this.#added += 1;
    if (this.#added >= this.#sampleSize) this.#age();
  }

  estimate(key: number): number {
    let least = MOST;
    for (let row = 0; row < ROWS; row += 1) least = Math.min(least, this.#counters[this.#place(key, row)] ?? 0);
    return least;
  }

  #age(): void {
    for (let i = 0; i < this.#counters.length; i += 1) this.#counters[i] = (this.#counters[i] ?? 0) >>> 1;
    this.#added = Math.floor(this.#added / 2);
  }

  #place(key: number, row: number): number {
    let mixed = Math.imul(key ^ (key >>> 15) ^ (SEEDS[row] ?? 0), 0x2c1b3c6d);
    mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
    return row * this.#width + (((mixed ^ (mixed >>> 15)) >>> 0) & (this.#width - 1));
  }
}
