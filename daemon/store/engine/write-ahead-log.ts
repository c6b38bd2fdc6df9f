import { crc32c, unmaskCrc } from './crc32c.ts';

/**
 * A reader of LevelDB's log format (https://github.com/google/leveldb/blob/main/doc/log_format.md), which its
 * write-ahead log and its manifest share. LevelDB's own reader passes over what it cannot read without a word; this
 * one says where the good part ends and whether anything good comes after.
 */

/** One whole logical record. */
export interface LogRecord {
  /** Where its first fragment begins in the file. */
  offset: number;
  payload: Buffer;
}

export interface ParsedLog {
  /** The records before the first thing that cannot be read. */
  records: readonly LogRecord[];
  /** Bytes up to the end of the last of them. */
  goodSizeBytes: number;
  /** Whole records found behind something that cannot be read: a torn write at the end has none. */
  stranded: readonly LogRecord[];
}

const BLOCK_SIZE_BYTES = 32_768;
const HEADER_SIZE_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const MIDDLE = 3;
const LAST = 4;

/** A piece of a record within one block. */
interface Fragment {
  offset: number;
  end: number;
  type: number;
}

export function parseLog(file: Buffer): ParsedLog {
  const records: LogRecord[] = [];
  const stranded: LogRecord[] = [];
  let goodSizeBytes = 0;
  let broken = false;
  let open: Fragment[] = [];
  let at = 0;
  for (;;) {
    at = skipTrailer(at);
    if (at >= file.length) break;
    const fragment = readFragment(file, at);
    if (fragment === undefined || !continues(open, fragment)) {
      broken = true;
      open = [];
    }
    if (fragment === undefined) {
      at = resync(file, at);
      continue;
    }
    at = fragment.end;
    // What is left of a record whose beginning is lost.
    if (open.length === 0 && (fragment.type === MIDDLE || fragment.type === LAST)) continue;
    open.push(fragment);
    if (fragment.type === FIRST || fragment.type === MIDDLE) continue;
    (broken ? stranded : records).push(joined(file, open));
    if (!broken) goodSizeBytes = at;
    open = [];
  }
  return { records, goodSizeBytes, stranded };
}

/** Fewer bytes than a header at the end of a block are padding. */
function skipTrailer(at: number): number {
  const leftInBlock = BLOCK_SIZE_BYTES - (at % BLOCK_SIZE_BYTES);
  return leftInBlock < HEADER_SIZE_BYTES ? at + leftInBlock : at;
}

function readFragment(file: Buffer, at: number): Fragment | undefined {
  const blockEnd = Math.min(file.length, at - (at % BLOCK_SIZE_BYTES) + BLOCK_SIZE_BYTES);
  if (at + HEADER_SIZE_BYTES > blockEnd) return undefined;
  const end = at + HEADER_SIZE_BYTES + file.readUInt16LE(at + 4);
  const type = file.readUInt8(at + 6);
  if (type < FULL || type > LAST || end > blockEnd) return undefined;
  if (unmaskCrc(file.readUInt32LE(at)) !== crc32c(file, at + 6, end)) return undefined;
  return { offset: at, end, type };
}

/** Whether a fragment may follow those of a record that is not complete yet. */
function continues(open: readonly Fragment[], fragment: Fragment): boolean {
  const begins = fragment.type === FULL || fragment.type === FIRST;
  return begins === (open.length === 0);
}

/**
 * The next place where a fragment can be read. Unlike LevelDB we don't give the rest of the block up: a flipped bit in
 * a small log must not look like a torn end.
 */
function resync(file: Buffer, broken: number): number {
  const blockEnd = broken - (broken % BLOCK_SIZE_BYTES) + BLOCK_SIZE_BYTES;
  for (let at = broken + 1; at + HEADER_SIZE_BYTES < Math.min(blockEnd, file.length); at += 1) {
    if (readFragment(file, at) !== undefined) return at;
  }
  return blockEnd;
}

function joined(file: Buffer, fragments: readonly Fragment[]): LogRecord {
  const payloads = fragments.map(({ offset, end }) => file.subarray(offset + HEADER_SIZE_BYTES, end));
  const [only] = payloads;
  return { offset: fragments[0]?.offset ?? 0, payload: payloads.length === 1 && only !== undefined ? only : Buffer.concat(payloads) };
}
