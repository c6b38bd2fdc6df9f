import type { Hash64 } from './keyed-hash.ts';
import { foldColumn, type NameColumn } from './names.ts';
import { packRosterEntry, type RosterEntry, rosterEntry } from './roster-entry.ts';

/** Rows of a full block: small enough to scan in well under a millisecond, large enough that there are few. */
export const BLOCK_ROWS = 4096;

/** Status of a row whose pin was removed; the others are indexes into `PIN_STATUSES`. */
export const GONE = 4;

const FIRST_ROWS = 8;
const ASCII_END = 0x80;

/**
 * Up to {@link BLOCK_ROWS} pins of one account as columns, oldest first. About 30 bytes a pin, its name, and 8 bytes
 * a meta pair. Rows are appended; a removed one stays as `GONE` until the block is {@link compacted}.
 */
export class RosterBlock {
  created = new Float64Array(FIRST_ROWS);
  status = new Uint8Array(FIRST_ROWS);
  /** Low and high half of each row's content hash. */
  content = new Uint32Array(FIRST_ROWS * 2);
  /** Low and high halves of the hashes of meta pairs, all rows'. */
  meta = new Uint32Array(0);
  /** Where each row's part of `meta` ends. */
  metaEnds = new Uint32Array(FIRST_ROWS);
  /** Rows per status; the last counts those that are gone. */
  readonly counts = new Uint16Array(GONE + 1);
  rows = 0;

  #nameBytes: Buffer = Buffer.alloc(0);
  #nameEnds = new Uint32Array(FIRST_ROWS);
  #ascii = true;
  #folded: NameColumn | undefined;

  get live(): number {
    return this.rows - (this.counts[GONE] ?? 0);
  }

  get firstMs(): number {
    return this.created[0] ?? 0;
  }

  get lastMs(): number {
    return this.created[this.rows - 1] ?? 0;
  }

  names(): NameColumn {
    const size = this.#nameEnd();
    return { bytes: this.#nameBytes.subarray(0, size), ends: this.#nameEnds, rows: this.rows, ascii: this.#ascii };
  }

  /** Folding ASCII is as quick as copying it; the result for anything else is kept. */
  foldedNames(scratch: Buffer): NameColumn {
    if (this.#ascii) return foldColumn(this.names(), scratch);
    this.#folded ??= foldColumn(this.names(), scratch);
    return this.#folded;
  }

  /** @param createdMs after every row here */
  append(createdMs: number, status: number, entry: RosterEntry): void {
    const row = this.rows;
    if (row === this.created.length) this.#resizeRows(Math.min(row * 2, BLOCK_ROWS));
    this.created[row] = createdMs;
    this.status[row] = status;
    this.content[2 * row] = rosterEntry.hashHalf(entry, 0);
    this.content[2 * row + 1] = rosterEntry.hashHalf(entry, 1);
    this.#appendMeta(row, entry);
    this.#appendName(row, entry);
    this.rows = row + 1;
    this.counts[status] = (this.counts[status] ?? 0) + 1;
    if (this.rows === BLOCK_ROWS) this.#trim();
  }

  setStatus(row: number, status: number): void {
    const before = this.status[row] ?? GONE;
    this.status[row] = status;
    this.counts[before] = (this.counts[before] ?? 0) - 1;
    this.counts[status] = (this.counts[status] ?? 0) + 1;
  }

  /** The first row created at or after that time; `rows` if there is none. */
  rowAt(createdMs: number): number {
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.created[middle] ?? 0) < createdMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  entryOf(row: number): RosterEntry {
    const metaFrom = row === 0 ? 0 : (this.metaEnds[row - 1] ?? 0);
    const pairs: Hash64[] = [];
    for (let at = metaFrom; at < (this.metaEnds[row] ?? 0); at += 2) pairs.push({ lo: this.meta[at] ?? 0, hi: this.meta[at + 1] ?? 0 });
    const name = this.#nameBytes.subarray(row === 0 ? 0 : this.#nameEnds[row - 1], this.#nameEnds[row]);
    return packRosterEntry({ lo: this.content[2 * row] ?? 0, hi: this.content[2 * row + 1] ?? 0 }, pairs, name);
  }

  /** The same pins without those that are gone. */
  compacted(): RosterBlock {
    const block = new RosterBlock();
    for (let row = 0; row < this.rows; row++) {
      const status = this.status[row] ?? GONE;
      if (status !== GONE) block.append(this.created[row] ?? 0, status, this.entryOf(row));
    }
    return block;
  }

  #appendMeta(row: number, entry: RosterEntry): void {
    const from = row === 0 ? 0 : (this.metaEnds[row - 1] ?? 0);
    const halves = 2 * rosterEntry.metaPairs(entry);
    if (from + halves > this.meta.length) {
      this.meta = resized(this.meta, (length) => new Uint32Array(length), roomFor(from + halves));
    }
    for (let half = 0; half < halves; half++) this.meta[from + half] = rosterEntry.hashHalf(entry, 2 + half);
    this.metaEnds[row] = from + halves;
  }

  #appendName(row: number, entry: RosterEntry): void {
    const from = this.#nameEnd();
    const offset = rosterEntry.nameOffset(entry);
    const size = entry.length - offset;
    if (from + size > this.#nameBytes.length) {
      this.#nameBytes = resized(this.#nameBytes, (length) => Buffer.alloc(length), roomFor(from + size));
    }
    for (let index = 0; index < size; index++) {
      const byte = entry[offset + index] ?? 0;
      if (byte >= ASCII_END) this.#ascii = false;
      this.#nameBytes[from + index] = byte;
    }
    this.#nameEnds[row] = from + size;
    this.#folded = undefined;
  }

  #nameEnd(): number {
    return this.rows === 0 ? 0 : (this.#nameEnds[this.rows - 1] ?? 0);
  }

  #resizeRows(rows: number): void {
    this.created = resized(this.created, (length) => new Float64Array(length), rows);
    this.status = resized(this.status, (length) => new Uint8Array(length), rows);
    this.content = resized(this.content, (length) => new Uint32Array(length), 2 * rows);
    this.metaEnds = resized(this.metaEnds, (length) => new Uint32Array(length), rows);
    this.#nameEnds = resized(this.#nameEnds, (length) => new Uint32Array(length), rows);
  }

  /** A full block grows no more. */
  #trim(): void {
    this.meta = this.meta.slice(0, this.metaEnds[this.rows - 1] ?? 0);
    this.#nameBytes = resized(this.#nameBytes, (length) => Buffer.alloc(length), this.#nameEnd());
  }
}

/** More than is needed now, so that appending row by row does not copy every time. */
function roomFor(length: number): number {
  return Math.ceil(length * 1.5);
}

/** A copy of that length, cut or filled up with zeros. */
function resized<T extends Float64Array | Uint8Array | Uint32Array>(column: T, make: (length: number) => T, length: number): T {
  const copy = make(length);
  copy.set(column.length > length ? column.subarray(0, length) : column);
  return copy;
}
