import { setImmediate } from 'node:timers/promises';

import type { PackedRow } from './pack-codec.ts';
import { BLOCK_ROWS, GONE, RosterBlock } from './roster-block.ts';
import type { RosterEntry } from './roster-entry.ts';
import { countRows, isCounted, maskRows, type RowFilter, type Scratch } from './row-filter.ts';

/** A row that a scan found. */
export interface FoundRow {
  createdMs: number;
  status: number;
}

/** What a scan may do before it lets others run, in bytes and rows: some milliseconds. */
const COST_A_TURN = 1 << 20;
/** Folding a byte of a name that is not ASCII costs as much as searching so many. */
const UNICODE_COST = 16;
/** What is worth keeping for folding names; blocks with more bytes allocate. */
const SCRATCH_BYTES = 1 << 18;

/**
 * The pins of one account in memory, by `created`: what a listing filters and counts without reading the store. Blocks
 * are in order and none is empty.
 */
export class Roster {
  readonly #blocks: RosterBlock[] = [];

  /** Newest `created` among the pins that are there; 0 without any. */
  get lastMs(): number {
    return this.#blocks.at(-1)?.lastMs ?? 0;
  }

  /** Adds a pin. As a rule it is the newest; one that is older finds its place too. */
  append(createdMs: number, status: number, entry: RosterEntry): void {
    const last = this.#blocks.at(-1);
    if (last === undefined || (createdMs > last.lastMs && last.rows === BLOCK_ROWS)) {
      this.#blocks.push(new RosterBlock());
    } else if (createdMs <= last.lastMs) {
      this.#insert(createdMs, status, entry);
      return;
    }
    this.#blocks.at(-1)?.append(createdMs, status, entry);
  }

  /** Returns the status the pin had; undefined when there is no such pin. */
  setStatus(createdMs: number, status: number): number | undefined {
    const place = this.#placeOf(createdMs);
    if (place === undefined) return undefined;
    const before = place.block.status[place.row];
    place.block.setStatus(place.row, status);
    if (status === GONE) this.#tidy(place.index, place.block);
    return before;
  }

  /** Returns the status the pin had; undefined when there is no such pin. */
  remove(createdMs: number): number | undefined {
    return this.setStatus(createdMs, GONE);
  }

  /** The oldest pins from that time on. */
  rows(fromMs: number, limit: number, toMs = Number.POSITIVE_INFINITY): PackedRow[] {
    const found: PackedRow[] = [];
    for (let index = this.#blockAt(fromMs); index < this.#blocks.length; index++) {
      const block = this.#blocks[index];
      if (block === undefined) break;
      for (let row = block.rowAt(fromMs); row < block.rows; row++) {
        const createdMs = block.created[row] ?? 0;
        if (found.length === limit || createdMs > toMs) return found;
        if (block.status[row] !== GONE) found.push({ createdMs, entry: block.entryOf(row) });
      }
    }
    return found;
  }

  /**
   * How many pins pass the filter, and the newest `limit` of them, newest first. Lets others run in between, so pins that
   * come and go meanwhile may or may not be seen.
   */
  async scan(filter: RowFilter, limit: number): Promise<{ count: number; rows: FoundRow[] }> {
    const scratch: Scratch = { mask: new Uint8Array(BLOCK_ROWS), names: Buffer.alloc(0) };
    const rows: FoundRow[] = [];
    let count = 0;
    let cost = 0;
    for (let toMs = filter.toMs; ; ) {
      const block = this.#lastBlockBefore(toMs);
      if (block === undefined || block.lastMs < filter.fromMs) return { count, rows };
      const candidates = countRows(block, filter);
      cost += 1;
      if (isCounted(filter) && rows.length === limit) {
        count += candidates;
      } else if (candidates > 0) {
        count += this.#scanBlock(block, filter, scratch, rows, limit);
        cost += costOf(block, filter);
      }
      // Blocks may be dropped or merged while others run: where to go on is a time, not an index.
      toMs = block.firstMs;
      if (cost >= COST_A_TURN) {
        cost = 0;
        await setImmediate();
      }
    }
  }

  #scanBlock(block: RosterBlock, filter: RowFilter, scratch: Scratch, rows: FoundRow[], limit: number): number {
    if (filter.name?.fold && scratch.names.length === 0) scratch.names = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    const count = maskRows(block, filter, scratch);
    if (count === 0) return 0;
    for (let row = block.rows - 1; row >= 0 && rows.length < limit; row--) {
      if (scratch.mask[row] === 1) rows.push({ createdMs: block.created[row] ?? 0, status: block.status[row] ?? GONE });
    }
    return count;
  }

  /** Index of the first block whose newest row is at or after that time. */
  #blockAt(createdMs: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.lastMs ?? 0) < createdMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #lastBlockBefore(toMs: number): RosterBlock | undefined {
    const index = this.#blockAt(toMs);
    const block = this.#blocks[index];
    return block !== undefined && block.firstMs < toMs ? block : this.#blocks[index - 1];
  }

  #placeOf(createdMs: number): { index: number; block: RosterBlock; row: number } | undefined {
    const index = this.#blockAt(createdMs);
    const block = this.#blocks[index];
    if (block === undefined) return undefined;
    const row = block.rowAt(createdMs);
    return block.created[row] === createdMs && block.status[row] !== GONE ? { index, block, row } : undefined;
  }

  /** Takes rows that are gone out when they are the greater part, and the block with its last pin. */
  #tidy(index: number, block: RosterBlock): void {
    if (block.live === 0) this.#blocks.splice(index, 1);
    else if (block.live * 2 < block.rows) this.#blocks[index] = block.compacted();
  }

  /** Commits resolve in the order of their `created`, so this is the exception; it costs a block's rebuilding. */
  #insert(createdMs: number, status: number, entry: RosterEntry): void {
    const index = this.#blockAt(createdMs);
    const old = this.#blocks[index];
    if (old === undefined) return;
    const at = old.rowAt(createdMs);
    const halves = [new RosterBlock(), new RosterBlock()] as const;
    for (let row = 0; row < old.rows; row++) {
      const half = row < at ? halves[0] : halves[1];
      if (old.status[row] !== GONE) half.append(old.created[row] ?? 0, old.status[row] ?? GONE, old.entryOf(row));
    }
    halves[0].append(createdMs, status, entry);
    this.#blocks.splice(index, 1, ...halves.filter((half) => half.rows > 0));
  }
}

function costOf(block: RosterBlock, { metaPairs, name }: RowFilter): number {
  const columns = block.rows + block.meta.length * metaPairs.length;
  if (name === undefined) return columns;
  const { bytes, ascii } = block.names();
  return columns + bytes.length * (name.fold && !ascii ? UNICODE_COST : 1);
}
