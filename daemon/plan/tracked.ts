import { SlotIndex } from './slot-index.ts';

/** What is known of the contents that are tracked, each in a slot of its own that the next one gets when it is dropped. */
export class Tracked {
  /** In bytes, at least 1. */
  readonly sizes: Float32Array;
  readonly #keys: string[] = [];
  readonly #reads: Uint32Array;
  readonly #lastReadSeconds: Uint32Array;
  readonly #lastReadSteadySeconds: Uint32Array;
  readonly #index: SlotIndex;
  readonly #free: number[] = [];
  /** Slots from here on were never used. */
  used = 0;

  constructor(slots: number, seed: number) {
    this.sizes = new Float32Array(slots);
    this.#reads = new Uint32Array(slots);
    this.#lastReadSeconds = new Uint32Array(slots);
    this.#lastReadSteadySeconds = new Uint32Array(slots);
    this.#index = new SlotIndex(slots, this.#keys, seed);
  }

  get size(): number {
    return this.#index.size;
  }

  isFull(): boolean {
    return this.size >= this.sizes.length;
  }

  slotOf(contentKey: string): number | undefined {
    return this.#index.get(contentKey);
  }

  keyOf(slot: number): string {
    return this.#keys[slot] ?? '';
  }

  sizeBytesOf(slot: number): number {
    return this.sizes[slot] ?? 1;
  }

  readsOf(slot: number): number {
    return this.#reads[slot] ?? 0;
  }

  /** By the wall's clock, to the second. */
  lastReadMsOf(slot: number): number {
    return (this.#lastReadSeconds[slot] ?? 0) * 1_000;
  }

  /** By the steady time, to the second. */
  lastReadSteadyMsOf(slot: number): number {
    return (this.#lastReadSteadySeconds[slot] ?? 0) * 1_000;
  }

  /** The content must not be tracked, and there must be room. */
  add(contentKey: string, sizeBytes: number): number {
    const slot = this.#free.pop() ?? this.used++;
    this.#keys[slot] = contentKey;
    this.#index.add(slot);
    this.#reads[slot] = 0;
    this.resize(slot, sizeBytes);
    return slot;
  }

  drop(slot: number): void {
    this.#index.delete(this.keyOf(slot));
    this.#keys[slot] = '';
    this.#free.push(slot);
  }

  /** As far as a float can tell. */
  isOfSize(slot: number, sizeBytes: number): boolean {
    return this.sizes[slot] === Math.fround(Math.max(1, sizeBytes));
  }

  resize(slot: number, sizeBytes: number): void {
    this.sizes[slot] = Math.max(1, sizeBytes);
  }

  setReads(slot: number, reads: number, lastReadMs: number, lastReadSteadyMs: number): void {
    this.#reads[slot] = reads;
    this.#lastReadSeconds[slot] = Math.max(0, lastReadMs / 1_000);
    this.#lastReadSteadySeconds[slot] = lastReadSteadyMs / 1_000;
  }
}
