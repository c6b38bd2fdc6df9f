import { areOpinionScores, type OpinionScores } from './opinions.ts';

const VERSION = 1;
/** Logarithms are written as whole thousandths. */
const LOG_STEPS = 1_000;
/** A snapshot of contents with names as long as a CID may be is shorter than this. */
const MAX_SNAPSHOT_BYTES = 32 * 2 ** 20;

/** A tracked content, as it is written down. */
export interface CacheRecord {
  contentKey: string;
  sizeBytes: number;
  hot: boolean;
  reads: number;
  lastReadMs: number;
  /** By the steady time. */
  lastReadSteadyMs: number;
  /** Logarithms, to base 2, of its reads as each opinion counts them. */
  logReads: readonly number[];
}

export interface CacheState {
  records: readonly CacheRecord[];
  steadyMs: number;
  /** Infinity as long as nothing had to go. */
  roomBytes: number;
  opinions: OpinionScores;
}

/** JSON, a row a content: about 120 bytes of it. */
export function encodeCacheState({ records, steadyMs, roomBytes, opinions }: CacheState): Uint8Array {
  const rows = records.map((record) => [
    record.contentKey,
    record.sizeBytes,
    record.hot ? 1 : 0,
    record.reads,
    record.lastReadMs / 1_000,
    record.lastReadSteadyMs / 1_000,
    ...record.logReads.map((value) => Math.round(value * LOG_STEPS)),
  ]);
  const { scores, lead } = opinions;
  const room = Number.isFinite(roomBytes) ? roomBytes : null;
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, steadyMs, room, scores, lead, rows }));
}

/** Undefined when it is not what was written, or was written by another version. */
export function decodeCacheState(bytes: Uint8Array): CacheState | undefined {
  if (bytes.length > MAX_SNAPSHOT_BYTES) return undefined;
  const parsed = parseObject(bytes);
  if (parsed === undefined || parsed.version !== VERSION) return undefined;
  const { steadyMs, room, scores, lead, rows } = parsed;
  if (!isAmount(steadyMs) || !(room === null || isAmount(room)) || !isAmount(lead) || !Array.isArray(rows)) return undefined;
  if (!Array.isArray(scores) || !scores.every(isAmount)) return undefined;
  const opinions = { scores, lead };
  if (!areOpinionScores(opinions)) return undefined;
  const records = rows.map((row) => recordOf(row, scores.length)).filter((record) => record !== undefined);
  if (records.length !== rows.length || new Set(records.map(({ contentKey }) => contentKey)).size !== rows.length) return undefined;
  return { records, steadyMs, roomBytes: room ?? Number.POSITIVE_INFINITY, opinions };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // not text, or not JSON
  }
}

function recordOf(row: unknown, opinions: number): CacheRecord | undefined {
  if (!Array.isArray(row)) return undefined;
  const [contentKey, sizeBytes, hot, reads, lastReadSeconds, lastReadSteadySeconds, ...logReads]: unknown[] = row;
  if (typeof contentKey !== 'string' || contentKey === '' || !isAmount(sizeBytes) || !isAmount(reads)) return undefined;
  if (!isAmount(lastReadSeconds) || !isAmount(lastReadSteadySeconds) || (hot !== 0 && hot !== 1)) return undefined;
  if (logReads.length !== opinions || !logReads.every((value) => Number.isFinite(value))) return undefined;
  return {
    contentKey,
    sizeBytes,
    hot: hot === 1,
    reads,
    lastReadMs: lastReadSeconds * 1_000,
    lastReadSteadyMs: lastReadSteadySeconds * 1_000,
    logReads: logReads.map((value) => Number(value) / LOG_STEPS),
  };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
