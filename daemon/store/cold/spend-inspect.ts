import { crc32 } from 'node:zlib';

import type { AppendFile } from './append-file.ts';
import { type FoundLine, parseSpendLines } from './spend-lines.ts';
import type { SpendLogState } from './totals.ts';

const READ_BYTES = 1 << 20;

/** What was found of the file at open. */
export interface FoundLog {
  problem: string | undefined;
  end: SpendLogState;
  voids: number[];
  /** Behind the end: a line that was never whole. */
  tornBytes: number;
  startsInLine: boolean;
}

/** Compares the file with how far the store knows of it. */
export async function inspectSpendLog(file: AppendFile, known: SpendLogState, hasDeals: boolean): Promise<FoundLog> {
  const size = await file.sizeBytes();
  if (size === undefined || size < known.bytes) {
    const problem = size === undefined ? 'it is missing although deals were made' : `it has ${size} bytes and had ${known.bytes}`;
    const isNew = size === undefined && known.bytes === 0 && !hasDeals;
    return damagedFound(file, size ?? 0, known, isNew ? undefined : problem);
  }
  const crc = await checksum(file, 0, known.bytes, 0);
  if (crc !== known.crc) return damagedFound(file, size, known, 'it was changed, or is damaged, before its end');
  const tailBytes = await readBytes(file, known.bytes, size);
  const tail = judgeTail(parseSpendLines(tailBytes));
  if (tail.problem !== undefined) return damagedFound(file, size, { ...known, serial: tail.serial }, tail.problem);
  const wholeBytes = tail.tornAt ?? tailBytes.length;
  return {
    problem: undefined,
    end: {
      bytes: known.bytes + wholeBytes,
      crc: crc32(tailBytes.subarray(0, wholeBytes), crc),
      serial: Math.max(known.serial, tail.serial),
    },
    voids: tail.voids,
    tornBytes: tailBytes.length - wholeBytes,
    startsInLine: false,
  };
}

/** The file as it is; what comes is written behind it. */
async function damagedFound(file: AppendFile, size: number, known: SpendLogState, problem: string | undefined): Promise<FoundLog> {
  const end = { bytes: size, crc: await checksum(file, 0, size, 0), serial: known.serial };
  const last = size === 0 ? undefined : (await file.read(size - 1, 1))[0];
  return { problem, end, voids: [], tornBytes: 0, startsInLine: last !== undefined && last !== 0x0a };
}

/**
 * What lies behind the last line that the store knows: nothing, or the lines of one write that the crash has cut off
 * before its commit, torn perhaps. Lines of a second write prove that the first one was committed once, and is lost.
 */
export function judgeTail(lines: readonly FoundLine[]): { problem?: string; serial: number; voids: number[]; tornAt?: number } {
  const voided = new Set(lines.flatMap(({ line }) => (line?.t === 'void' ? [line.c] : [])));
  const open = new Set(lines.flatMap(({ line }) => (line === undefined || line.t === 'void' || voided.has(line.c) ? [] : [line.c])));
  const serial = Math.max(0, ...lines.map(({ line }) => line?.c ?? 0));
  if (open.size > 1) {
    const ids = lines.flatMap(({ line }) => (line?.t === 'intent' && open.has(line.c) ? [line.id] : []));
    const named = ids.length === 0 ? '' : `, among them ${ids.slice(0, 3).join(', ')}`;
    return {
      problem: `${lines.length} of its lines are unknown to the store${named}: the store is older than what was spent`,
      serial,
      voids: [],
    };
  }
  const torn = lines.findIndex(({ line }) => line === undefined);
  const behind = torn === -1 ? [] : lines.slice(torn + 1).filter(({ line }) => line !== undefined && !open.has(line.c));
  if (behind.length > 0) return { problem: 'a line in the middle of it is damaged', serial, voids: [] };
  const tornAt = torn === -1 ? undefined : lines[torn]?.at;
  const kept =
    torn === -1 ? open : new Set(lines.slice(0, torn).flatMap(({ line }) => (line !== undefined && open.has(line.c) ? [line.c] : [])));
  return { serial, voids: [...kept], ...(tornAt === undefined ? {} : { tornAt }) };
}

async function checksum(file: AppendFile, from: number, to: number, before: number): Promise<number> {
  let crc = before;
  for (let at = from; at < to; ) {
    const chunk = await file.read(at, Math.min(READ_BYTES, to - at));
    if (chunk.length === 0) break;
    crc = crc32(chunk, crc);
    at += chunk.length;
  }
  return crc;
}

export async function readBytes(file: AppendFile, from: number, to: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let at = from; at < to; ) {
    const chunk = await file.read(at, Math.min(READ_BYTES, to - at));
    if (chunk.length === 0) break;
    chunks.push(chunk);
    at += chunk.length;
  }
  return Buffer.concat(chunks);
}
