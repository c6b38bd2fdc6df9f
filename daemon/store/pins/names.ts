import type { NameMatch } from '../../domain/pin.ts';

/** The names of consecutive rows, as UTF-8, one after the other. A pin without a name has the empty one. */
export interface NameColumn {
  bytes: Buffer;
  /** Where each row's name ends in `bytes`; it begins where the one before ends. */
  ends: Uint32Array;
  rows: number;
  /** True when every byte is ASCII. */
  ascii: boolean;
}

/** What a `name` filter looks for. */
export interface NameFilter {
  needle: Buffer;
  /** Compare folded names. */
  fold: boolean;
  /** Anywhere in the name; otherwise the whole of it. */
  partial: boolean;
}

/** `exact` and `partial` compare UTF-8 bytes; `iexact` and `ipartial` compare {@link foldName folded} ones. */
export function nameFilter(name: string, match: NameMatch): NameFilter {
  const fold = match === 'iexact' || match === 'ipartial';
  return {
    needle: Buffer.from(fold ? foldName(name) : name),
    fold,
    partial: match === 'partial' || match === 'ipartial',
  };
}

/**
 * What case-insensitive matching compares: Unicode normal form C, then lower case without regard to the language,
 * with the final sigma written as any other, so that what matches does not depend on where a word ends.
 */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ');
}

/** Clears the mask of rows whose name does not match. The column is folded already if the filter wants that. */
export function maskNames(column: NameColumn, filter: NameFilter, mask: Uint8Array): void {
  if (filter.partial) maskContaining(column, filter.needle, mask);
  else maskEqual(column, filter.needle, mask);
}

function maskEqual({ bytes, ends, rows }: NameColumn, needle: Buffer, mask: Uint8Array): void {
  const length = needle.length;
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const end = ends[row] ?? 0;
    if (mask[row] === 1 && (end - start !== length || !matchesAt(bytes, start, needle))) mask[row] = 0;
    start = end;
  }
}

/** As `iexact` on a column of ASCII names, which need not be folded for it: they keep their length. */
export function maskEqualAscii({ bytes, ends, rows }: NameColumn, needle: Buffer, mask: Uint8Array): void {
  const length = needle.length;
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const end = ends[row] ?? 0;
    if (mask[row] === 1 && (end - start !== length || !matchesFoldedAt(bytes, start, needle))) mask[row] = 0;
    start = end;
  }
}

function matchesFoldedAt(bytes: Buffer, start: number, needle: Buffer): boolean {
  for (let index = needle.length - 1; index >= 0; index--) {
    if (lowerByte(bytes[start + index] ?? 0) !== needle[index]) return false;
  }
  return true;
}

function lowerByte(byte: number): number {
  return byte >= UPPER_A && byte <= UPPER_Z ? byte + CASE_DISTANCE : byte;
}

function matchesAt(bytes: Buffer, start: number, needle: Buffer): boolean {
  // Names of one account often begin alike, so the end tells them apart sooner.
  for (let index = needle.length - 1; index >= 0; index--) {
    if (bytes[start + index] !== needle[index]) return false;
  }
  return true;
}

/**
 * Searches all names at once, since the native search is fastest on long runs; hits across two names don't count. Names
 * that match often do so at the same place, so that is tried first.
 */
function maskContaining({ bytes, ends, rows }: NameColumn, needle: Buffer, mask: Uint8Array): void {
  if (needle.length === 0) return;
  let row = 0;
  let from = 0;
  let place = 0;
  while (row < rows) {
    const likely = from + place;
    if (likely + needle.length <= (ends[row] ?? 0) && matchesAt(bytes, likely, needle)) {
      from = ends[row++] ?? 0;
      continue;
    }
    const found = bytes.indexOf(needle, from);
    const hit = found === -1 ? Number.POSITIVE_INFINITY : found;
    while (row < rows && (ends[row] ?? 0) <= hit) mask[row++] = 0;
    if (row === rows) return;
    const end = ends[row] ?? 0;
    if (hit + needle.length <= end) {
      place = hit - (row === 0 ? 0 : (ends[row - 1] ?? 0));
      row += 1;
      from = end;
    } else {
      from = hit + 1;
    }
  }
}

/** The column with every name folded. An ASCII one is folded into `scratch` if that is large enough, and valid until its next use. */
export function foldColumn(column: NameColumn, scratch: Buffer): NameColumn {
  return column.ascii ? foldAscii(column, scratch) : foldUnicode(column);
}

function foldAscii(column: NameColumn, scratch: Buffer): NameColumn {
  const { bytes } = column;
  const size = bytes.length;
  const folded = scratch.length < size ? Buffer.allocUnsafeSlow(size) : scratch.subarray(0, size);
  for (let index = 0; index < size; index++) folded[index] = lowerByte(bytes[index] ?? 0);
  return { ...column, bytes: folded };
}

function foldUnicode({ bytes, ends, rows }: NameColumn): NameColumn {
  const names: string[] = [];
  const foldedEnds = new Uint32Array(rows);
  let start = 0;
  let foldedEnd = 0;
  for (let row = 0; row < rows; row++) {
    const end = ends[row] ?? 0;
    const name = foldName(bytes.toString('utf8', start, end));
    foldedEnd += Buffer.byteLength(name);
    foldedEnds[row] = foldedEnd;
    names.push(name);
    start = end;
  }
  // A lone surrogate can't be here, since UTF-8 has none, so joining does not pair up halves of two names.
  return { bytes: Buffer.from(names.join('')), ends: foldedEnds, rows, ascii: false };
}

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const CASE_DISTANCE = 0x20;
