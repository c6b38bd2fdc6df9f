import { type CacheRecord, decodeCacheState, encodeCacheState } from './cache-snapshot.ts';
import { Opinions } from './opinions.ts';
import { ascending, SlotHeap } from './slot-heap.ts';
import { SteadyTime } from './steady-time.ts';
import { Tracked } from './tracked.ts';

const MAX_TRACKED = 131_072;
/** Under two megabytes. */
const MAX_SNAPSHOT_RECORDS = 16_384;

/** What people are told of a content that is tracked. */
export interface CacheStanding {
  /** As far as is known here; the store has the fact. */
  hot: boolean;
  /** Since it is tracked. */
  reads: number;
  /** The same, half as many for each eight turnovers that they are old; a turnover is as many reads as there are hot contents. */
  readsLately: number;
  /** By the wall's clock. */
  lastReadMs: number;
  /** Without time in which the daemon stood still, and leaps of the clock. */
  idleMs: number;
  /** It is among what is worth the room there is. */
  wouldKeep: boolean;
  /** Hot tracked contents that go before it, of so many. Those that are not tracked go before all. */
  goesAfter: number;
  tracked: number;
  /** After how many turnovers a read counts half, at present: 0.5 when new things are read, 64 when always the same. */
  halfLife: number;
}

export interface HotCacheOptions {
  /** Contents that are remembered at most, hot or not. */
  maxTracked?: number;
  /** Any number that outsiders do not know. Nothing that is decided depends on it. */
  seed?: number;
  /** What `snapshot` gave. What is not a snapshot is as good as none. */
  snapshot?: Uint8Array | undefined;
}

/**
 * Which hot contents go when room is needed: those worth least, where worth is reads, recent ones counting more, by the
 * root of the size. How fast a read loses weight is not fixed: several opinions play on shadows of the hot tier what they
 * would have kept, and the one that would have answered most lately is followed. What it would not keep goes first.
 *
 * Only what was read is tracked, hot or not, and of that a bounded number. A hot content that is not tracked was never
 * read as far as is known, and goes before all that are, in the order of the store, which knows these. So who needs room
 * 1. goes through the store's hot contents, and takes of those for which `came` answers false what may go;
 * 2. then goes through `victims()`, and takes what may go;
 * 3. calls `left` for each that has gone, and for each that turns out not to be hot.
 *
 * Nothing here knows whether a content may go, and the clock decides nothing but what `idleMs` answers. Takes about 180
 * bytes a tracked content.
 */
export class HotCache {
  readonly #tracked: Tracked;
  readonly #opinions: Opinions;
  /** Tracked and hot, tracked and not hot: the next to go, and the next to be forgotten, on top. */
  readonly #hot: SlotHeap;
  readonly #cold: SlotHeap;
  #hotBytes = 0;
  /** What the tracked contents had together when one had to go last. */
  #roomBytes: number;
  readonly #steady: SteadyTime;

  constructor({ maxTracked = MAX_TRACKED, seed = 0, snapshot }: HotCacheOptions = {}) {
    const state = snapshot === undefined ? undefined : decodeCacheState(snapshot);
    this.#tracked = new Tracked(maxTracked, seed);
    this.#opinions = new Opinions(this.#tracked.sizes, state?.opinions);
    const goesBefore = (a: number, b: number): boolean => this.#opinions.goesBefore(a, b);
    this.#hot = new SlotHeap(maxTracked, goesBefore);
    this.#cold = new SlotHeap(maxTracked, goesBefore);
    this.#roomBytes = state?.roomBytes ?? Number.POSITIVE_INFINITY;
    this.#steady = new SteadyTime(state?.steadyMs);
    this.#load(state?.records.slice(0, maxTracked) ?? []);
  }

  /** Contents that are tracked, hot or not. */
  get size(): number {
    return this.#tracked.size;
  }

  /** Of these the hot ones: with this many hot contents on the box there are none that are not tracked. */
  get hotSize(): number {
    return this.#hot.size;
  }

  /**
   * A content was read, hot or not. From now on it is taken to be hot, as a cold one is made hot because of it: call `left`
   * when that fails. Not for contents that are not to be kept.
   */
  read(contentKey: string, sizeBytes: number, nowMs: number): void {
    const known = this.#tracked.slotOf(contentKey);
    const slot = known ?? this.#track(contentKey, sizeBytes);
    if (known !== undefined) this.#takeOut(slot, sizeBytes);
    this.#opinions.rebase(this.#tracked.used);
    const room = { contents: this.#hot.size, bytes: this.#roomBytes };
    const isReordered = this.#opinions.read(slot, known !== undefined, this.#tracked.sizeBytesOf(slot), room, (other) =>
      this.#moved(other),
    );
    if (isReordered) {
      this.#hot.rebuild();
      this.#cold.rebuild();
    }
    this.#tracked.setReads(slot, this.#tracked.readsOf(slot) + 1, nowMs, this.#steady.at(nowMs));
    this.#addHot(slot);
  }

  /**
   * A content is hot without having been read: it was pinned, or the store says so. True when it is tracked, and so has
   * its place among the `victims`. A pin is not a read: what is not tracked stays so.
   */
  came(contentKey: string, sizeBytes: number): boolean {
    const slot = this.#tracked.slotOf(contentKey);
    if (slot === undefined) return false;
    if (this.#hot.has(slot)) return true;
    this.#takeOut(slot, sizeBytes);
    this.#addHot(slot);
    return true;
  }

  /** It was fetched back, which took its time: it is not idle, though it was not read once more. */
  returned(contentKey: string, nowMs: number): void {
    const slot = this.#tracked.slotOf(contentKey);
    if (slot === undefined) return;
    this.#tracked.setReads(slot, this.#tracked.readsOf(slot), this.#tracked.lastReadMsOf(slot), this.#steady.at(nowMs));
  }

  /** It is not hot any more, or never was. Its reads are remembered for when it is read again. */
  left(contentKey: string): void {
    const slot = this.#tracked.slotOf(contentKey);
    if (slot === undefined || !this.#hot.has(slot)) return;
    this.#takeOut(slot);
    this.#cold.add(slot);
    this.#roomBytes = this.#hotBytes;
  }

  /** Nobody pins it any more: nothing of it is remembered. */
  gone(contentKey: string): void {
    const slot = this.#tracked.slotOf(contentKey);
    if (slot === undefined) return;
    this.#takeOut(slot);
    this.#opinions.forget(slot);
    this.#tracked.drop(slot);
  }

  /**
   * Hot tracked contents, those that should go first in front; none twice, unless it left and came between. May be walked
   * through as slowly as need be: what is read, leaves or is gone meanwhile is passed over.
   */
  *victims(): Generator<string, void, undefined> {
    let spared: string | undefined;
    // As long as each is taken at once the next one is on top, and nothing needs to be copied.
    for (let key = this.#firstToGo(); key !== undefined && key !== spared; key = this.#firstToGo()) {
      spared = key;
      yield key;
    }
    const slots = this.#hot.slots().slice();
    const places = Float64Array.from(slots, (slot) => this.#opinions.placeOf(slot));
    const reads = Uint32Array.from(slots, (slot) => this.#tracked.readsOf(slot));
    const keys = Array.from(slots, (slot) => this.#tracked.keyOf(slot));
    for (const index of ascending(places)) {
      const key = keys[index] ?? '';
      const slot = this.#tracked.slotOf(key);
      if (slot !== undefined && key !== spared && this.#hot.has(slot) && this.#tracked.readsOf(slot) === reads[index]) yield key;
    }
  }

  /** When it was read last by the wall's clock, to the second. Undefined when it is not tracked. */
  lastReadMs(contentKey: string): number | undefined {
    const slot = this.#tracked.slotOf(contentKey);
    return slot === undefined ? undefined : this.#tracked.lastReadMsOf(slot);
  }

  /**
   * For how long it was neither read nor fetched back, to the second; undefined when it is not tracked. To decide by: a clock that is set makes
   * nothing idle, nor does time in which nobody called. So this, or `read`, wants to be called at least once an hour.
   */
  idleMs(contentKey: string, nowMs: number): number | undefined {
    const steadyMs = this.#steady.at(nowMs);
    const slot = this.#tracked.slotOf(contentKey);
    return slot === undefined ? undefined : Math.max(0, steadyMs - this.#tracked.lastReadSteadyMsOf(slot));
  }

  /** For people: looks at every hot tracked content. Undefined when it is not tracked. */
  explain(contentKey: string, nowMs: number): CacheStanding | undefined {
    const idleMs = this.idleMs(contentKey, nowMs);
    const slot = this.#tracked.slotOf(contentKey);
    if (slot === undefined || idleMs === undefined) return undefined;
    return {
      hot: this.#hot.has(slot),
      reads: this.#tracked.readsOf(slot),
      readsLately: this.#opinions.readsLately(slot),
      lastReadMs: this.#tracked.lastReadMsOf(slot),
      idleMs,
      wouldKeep: this.#opinions.wouldKeep(slot),
      goesAfter: this.#hot.slots().reduce((count, other) => count + (this.#opinions.goesBefore(other, slot) ? 1 : 0), 0),
      tracked: this.#hot.size,
      halfLife: this.#opinions.halfLife,
    };
  }

  /** To be written down now and then, and given to the constructor: what is known of the contents that would go last. */
  snapshot(maxRecords: number = MAX_SNAPSHOT_RECORDS): Uint8Array {
    const slots = new Int32Array(this.#hot.size + this.#cold.size);
    slots.set(this.#hot.slots());
    slots.set(this.#cold.slots(), this.#hot.size);
    const places = new Float64Array(slots.length);
    for (const [index, slot] of slots.entries()) places[index] = this.#opinions.placeOf(slot);
    const least = places.toSorted().at(-maxRecords) ?? Number.NEGATIVE_INFINITY;
    const kept = slots.filter((_, index) => (places[index] ?? 0) >= least).subarray(0, maxRecords);
    return encodeCacheState({
      records: Array.from(kept, (slot) => this.#recordOf(slot)),
      steadyMs: this.#steady.passedMs,
      roomBytes: this.#roomBytes,
      opinions: this.#opinions.state,
    });
  }

  #recordOf(slot: number): CacheRecord {
    return {
      contentKey: this.#tracked.keyOf(slot),
      sizeBytes: this.#tracked.sizeBytesOf(slot),
      hot: this.#hot.has(slot),
      reads: this.#tracked.readsOf(slot),
      lastReadMs: this.#tracked.lastReadMsOf(slot),
      lastReadSteadyMs: this.#tracked.lastReadSteadyMsOf(slot),
      logReads: this.#opinions.logReads(slot),
    };
  }

  /** The shadows are not written down: they begin with what each opinion likes best. */
  #load(records: readonly CacheRecord[]): void {
    const loaded = records.map((record) => {
      const slot = this.#tracked.add(record.contentKey, record.sizeBytes);
      this.#tracked.setReads(slot, record.reads, record.lastReadMs, record.lastReadSteadyMs);
      this.#opinions.begin(slot, record.logReads);
      return { slot, hot: record.hot };
    });
    this.#opinions.fill(
      loaded.map(({ slot }) => slot),
      this.#roomBytes,
    );
    for (const { slot, hot } of loaded) {
      if (hot) this.#addHot(slot);
      else this.#cold.add(slot);
    }
  }

  #firstToGo(): string | undefined {
    const top = this.#hot.top();
    return top === undefined ? undefined : this.#tracked.keyOf(top);
  }

  /** Another place in the order. What is just being read is in neither heap. */
  #moved(slot: number): void {
    if (this.#hot.has(slot)) this.#hot.moved(slot);
    else if (this.#cold.has(slot)) this.#cold.moved(slot);
  }

  /** Room for a new one is made by forgetting what is not hot, and if there is nothing, what would go first. */
  #track(contentKey: string, sizeBytes: number): number {
    const least = this.#tracked.isFull() ? (this.#cold.top() ?? this.#hot.top()) : undefined;
    if (least !== undefined) this.gone(this.#tracked.keyOf(least));
    return this.#tracked.add(contentKey, sizeBytes);
  }

  #addHot(slot: number): void {
    this.#hot.add(slot);
    this.#hotBytes += this.#tracked.sizeBytesOf(slot);
  }

  /** Out of the hot or the cold ones. When another size was said before, the shadows see it as one that is new to them. */
  #takeOut(slot: number, sizeBytes?: number): void {
    if (this.#hot.has(slot)) {
      this.#hot.remove(slot);
      this.#hotBytes = this.#hot.size === 0 ? 0 : this.#hotBytes - this.#tracked.sizeBytesOf(slot);
    } else this.#cold.remove(slot);
    if (sizeBytes === undefined || this.#tracked.isOfSize(slot, sizeBytes)) return;
    const logReads = this.#opinions.logReads(slot);
    this.#opinions.forget(slot);
    this.#tracked.resize(slot, sizeBytes);
    this.#opinions.begin(slot, logReads);
  }
}
