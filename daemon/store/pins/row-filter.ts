import type { PinQuery } from '../../domain/pin.ts';
import { PIN_STATUSES } from '../../domain/pin.ts';
import type { Hash64, KeyedHash } from './keyed-hash.ts';
import { maskEqualAscii, maskNames, type NameFilter, nameFilter } from './names.ts';
import { GONE, type RosterBlock } from './roster-block.ts';

/** A query in the terms of roster columns. */
export interface RowFilter {
  /** Which statuses are asked for, by status code; `GONE` never is. */
  statuses: readonly boolean[];
  /** Rows created from here on … */
  fromMs: number;
  /** … and before this. */
  toMs: number;
  contents: readonly Hash64[] | undefined;
  /** Every one must be among the row's. */
  metaPairs: readonly Hash64[];
  name: NameFilter | undefined;
}

export function rowFilter(query: PinQuery, hash: KeyedHash): RowFilter {
  const { statuses, contentKeys, meta, name, match } = query;
  return {
    statuses: [...PIN_STATUSES.map((status) => statuses === undefined || statuses.includes(status)), false],
    fromMs: query.afterMs === undefined ? 0 : query.afterMs + 1,
    toMs: query.beforeMs ?? Number.POSITIVE_INFINITY,
    contents: contentKeys?.map((key) => hash.content(key)),
    metaPairs: Object.entries(meta ?? {}).map(([key, value]) => hash.metaPair(key, value)),
    name: name === undefined ? undefined : nameFilter(name, match),
  };
}

/** True when statuses and time are all that is asked for, so that counters give the count. */
export function isCounted({ contents, metaPairs, name }: RowFilter): boolean {
  return contents === undefined && metaPairs.length === 0 && name === undefined;
}

/** Reused from block to block by one scan. */
export interface Scratch {
  mask: Uint8Array;
  names: Buffer;
}

/** Sets the mask to 1 for each row of the block that passes the filter and to 0 for the others; returns how many pass. */
export function maskRows(block: RosterBlock, filter: RowFilter, scratch: Scratch): number {
  const mask = scratch.mask.subarray(0, block.rows);
  maskStatusAndTime(block, filter, mask);
  if (filter.contents !== undefined) maskContents(block, filter.contents, mask);
  for (const pair of filter.metaPairs) maskMetaPair(block, pair, mask);
  if (filter.name !== undefined) maskBlockNames(block, filter.name, scratch.names, mask);
  return ones(mask);
}

/** Rows of the block that pass a filter of statuses and time alone. Reads single rows only where the time range cuts the block. */
export function countRows(block: RosterBlock, filter: RowFilter): number {
  const { counts, status } = block;
  let count = 0;
  if (filter.fromMs <= block.firstMs && block.lastMs < filter.toMs) {
    for (let code = 0; code < GONE; code++) if (filter.statuses[code]) count += counts[code] ?? 0;
    return count;
  }
  const end = block.rowAt(filter.toMs);
  for (let row = block.rowAt(filter.fromMs); row < end; row++) if (filter.statuses[status[row] ?? GONE]) count += 1;
  return count;
}

function maskStatusAndTime(block: RosterBlock, filter: RowFilter, mask: Uint8Array): void {
  const { counts, status } = block;
  const isWhole = filter.fromMs <= block.firstMs && block.lastMs < filter.toMs;
  if (isWhole && filter.statuses.every((wanted, code) => wanted || counts[code] === 0)) {
    mask.fill(1);
    return;
  }
  const wanted = Uint8Array.from(filter.statuses, Number);
  const to = block.rowAt(filter.toMs);
  mask.fill(0);
  for (let row = block.rowAt(filter.fromMs); row < to; row++) mask[row] = wanted[status[row] ?? GONE] ?? 0;
}

/** Most rows are told apart by a byte of their hash, whatever the number of contents. */
function maskContents({ content }: RosterBlock, wanted: readonly Hash64[], mask: Uint8Array): void {
  const bytes = new Uint8Array(256);
  for (const { lo } of wanted) bytes[lo & 0xff] = 1;
  for (let row = 0; row < mask.length; row++) {
    if (mask[row] === 0) continue;
    const lo = content[2 * row] ?? 0;
    if (bytes[lo & 0xff] === 0 || !isAmong(wanted, lo, content[2 * row + 1] ?? 0)) mask[row] = 0;
  }
}

/** A function of its own: a closure in the loop above would be made for every row. */
function isAmong(wanted: readonly Hash64[], lo: number, hi: number): boolean {
  for (const hash of wanted) if (hash.lo === lo && hash.hi === hi) return true;
  return false;
}

function maskMetaPair({ meta, metaEnds }: RosterBlock, { hi, lo }: Hash64, mask: Uint8Array): void {
  let at = 0;
  for (let row = 0; row < mask.length; row++) {
    const end = metaEnds[row] ?? 0;
    let found = 0;
    for (; at < end; at += 2) if (meta[at] === lo && meta[at + 1] === hi) found = 1;
    if (found === 0) mask[row] = 0;
  }
}

function maskBlockNames(block: RosterBlock, filter: NameFilter, scratch: Buffer, mask: Uint8Array): void {
  const names = block.names();
  if (!filter.fold) maskNames(names, filter, mask);
  else if (names.ascii && !filter.partial) maskEqualAscii(names, filter.needle, mask);
  else maskNames(block.foldedNames(scratch), filter, mask);
}

function ones(mask: Uint8Array): number {
  let count = 0;
  for (let row = 0; row < mask.length; row++) count += mask[row] ?? 0;
  return count;
}
