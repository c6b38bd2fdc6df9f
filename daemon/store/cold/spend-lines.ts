import { crc32 } from 'node:zlib';

import type { StoredAtto } from './codecs.ts';

/**
 * One line of the spend log. `c` numbers the write it was made for: the lines of one write reach the store together
 * or not at all.
 */
export type SpendLine =
  /** A deal is about to be made. */
  | { t: 'intent'; c: number; id: string; piece: string; provider: string; cost: StoredAtto; proposal: string; day: number; atMs: number }
  /** Its signed bytes are about to leave for the first time. */
  | { t: 'sent'; c: number; id: string; proposal: string }
  /** The deal's record is about to be removed. */
  | { t: 'removed'; c: number; id: string }
  /** The write `c` never came to be. */
  | { t: 'void'; c: number }
  /** The operator has taken the store for right, as it is, with so many deals: nothing before this line is compared any more. */
  | { t: 'reset'; c: number; deals: number; atMs: number };

export type SpendEntry = SpendLine extends infer Line ? (Line extends { c: number } ? Omit<Line, 'c'> : never) : never;

const SUM_DIGITS = 8;
const NEWLINE = 0x0a;

/** JSON, a blank, the CRC-32 of the JSON in hex. */
export function encodeSpendLine(line: SpendLine): string {
  const json = JSON.stringify(line);
  return `${json} ${sumOf(json)}\n`;
}

/** Undefined when the line is not what was written. */
function decodeSpendLine(text: string): SpendLine | undefined {
  const json = text.slice(0, -SUM_DIGITS - 1);
  if (text.at(-SUM_DIGITS - 1) !== ' ' || text.slice(-SUM_DIGITS) !== sumOf(json)) return undefined;
  return JSON.parse(json) as SpendLine;
}

/** A line and where it begins in the bytes; `line` is undefined when it is damaged or has no end. */
export interface FoundLine {
  at: number;
  line: SpendLine | undefined;
}

/** The lines of a part of the log that begins with a line. */
export function parseSpendLines(bytes: Buffer): FoundLine[] {
  const found: FoundLine[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, at);
    const line = end === -1 ? undefined : decodeSpendLine(bytes.toString('utf8', at, end));
    found.push({ at, line });
    at = end === -1 ? bytes.length : end + 1;
  }
  return found;
}

function sumOf(json: string): string {
  return crc32(json).toString(16).padStart(SUM_DIGITS, '0');
}
