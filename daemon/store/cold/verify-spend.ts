import { decodeRecord, isIntact } from '../engine/codec.ts';
import { under } from '../pins/keys.ts';
import type { AppendFile } from './append-file.ts';
import type { StoredDeal } from './codecs.ts';
import { coldKeys, subjectOfKey } from './keys.ts';
import { judgeTail, readBytes } from './spend-inspect.ts';
import { type FoundLine, parseSpendLines, type SpendLine } from './spend-lines.ts';
import { NO_SPEND_LOG, type SpendLogState, type StoredTotals } from './totals.ts';

/** The part of the store that is read: records as they are on disk. */
export interface RawStore {
  rawBatches(range: { gte: string; lt: string }): AsyncIterable<[key: string, record: Buffer][]>;
}

/** What a deal and its line have in common; unknown of a damaged record, which others name. */
interface SpentDeal {
  identity: string | undefined;
  createdMs: number;
}

/**
 * Compares the spend log with the deals, line by line. In a store in use lines come before their deals, so the file is
 * read last, and what lies behind the state that was read first may have no deal yet.
 */
export async function spendProblems(store: RawStore, file: AppendFile, isLive: boolean): Promise<string[]> {
  const known = await readState(store);
  const deals = await readDeals(store);
  const size = await file.sizeBytes();
  if (size === undefined) return known.bytes > 0 || deals.size > 0 ? ['spend log: it is missing although deals were made'] : [];
  if (size < known.bytes) return [`spend log: it has ${size} bytes and had ${known.bytes}`];
  const lines = parseSpendLines(await readBytes(file, 0, size));
  const ownLines = lines.filter(({ at }) => at < known.bytes);
  const problems = ownLines.filter(({ line }) => line === undefined).map(({ at }) => `the line at byte ${at} is damaged`);
  const tail = isLive ? undefined : judgeTail(lines.filter(({ at }) => at >= known.bytes)).problem;
  if (tail !== undefined) problems.push(tail);
  return [...problems, ...unmatched(lines, deals, known)].map((problem) => `spend log: ${problem}`);
}

/** Lines without their deal, deals without their line, and those that say different things. */
function unmatched(lines: readonly FoundLine[], deals: ReadonlyMap<string, SpentDeal>, known: SpendLogState): string[] {
  const reset = lines.findLast(({ line }) => line?.t === 'reset');
  const sinceMs = reset?.line?.t === 'reset' ? reset.line.atMs : 0;
  const voided = new Set(lines.flatMap(({ line }) => (line?.t === 'void' ? [line.c] : [])));
  const removed = new Set<string>();
  const intents = new Map<string, { at: number; identity: string }>();
  for (const { at, line } of lines) {
    if (line === undefined || voided.has(line.c)) continue;
    if (line.t === 'intent') intents.set(line.id, { at, identity: identityOfLine(line) });
    if (line.t !== 'removed') continue;
    intents.delete(line.id);
    removed.add(line.id);
  }
  const problems: string[] = [];
  for (const [id, { at, identity }] of intents) {
    const deal = deals.get(id);
    if (deal?.identity !== undefined && deal.identity !== identity)
      problems.push(`it says something else of the deal ${id} than its record`);
    if (deal === undefined && at < known.bytes && at > (reset?.at ?? -1)) problems.push(`the deal ${id} has no record`);
  }
  for (const [id, { createdMs }] of deals) {
    if (!intents.has(id) && !removed.has(id) && createdMs >= sinceMs) problems.push(`the deal ${id} is not in it`);
  }
  return problems;
}

async function readState(store: RawStore): Promise<SpendLogState> {
  for await (const batch of store.rawBatches({ gte: coldKeys.totals, lt: `${coldKeys.totals}!` })) {
    for (const [key, record] of batch) if (isIntact(key, record)) return decodeRecord<StoredTotals>(key, record).value.spendLog;
  }
  return NO_SPEND_LOG;
}

async function readDeals(store: RawStore): Promise<Map<string, SpentDeal>> {
  const deals = new Map<string, SpentDeal>();
  for await (const batch of store.rawBatches(under('d'))) {
    for (const [key, record] of batch) deals.set(subjectOfKey(key), spentDeal(key, record));
  }
  return deals;
}

function spentDeal(key: string, record: Buffer): SpentDeal {
  if (!isIntact(key, record)) return { identity: undefined, createdMs: 0 };
  const { id, pieceId, provider, costAtto, proposalCid, createdMs } = decodeRecord<StoredDeal>(key, record).value;
  return { identity: [id, pieceId, provider, costAtto, proposalCid].join(' '), createdMs };
}

function identityOfLine({ id, piece, provider, cost, proposal }: Extract<SpendLine, { t: 'intent' }>): string {
  return [id, piece, provider, cost, proposal].join(' ');
}
