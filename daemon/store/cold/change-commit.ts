import type { Change, ColdChange } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Piece, PieceMember } from '../../domain/piece.ts';
import type { Op, StoredValue, Versioned } from '../../domain/ports.ts';
import {
  decodeDeal,
  encodeAtto,
  encodeCandidate,
  encodeChain,
  encodeDay,
  encodeDeal,
  encodePiece,
  encodeProvider,
  type MembersRecord,
  type StoredDeal,
  type StoredPiece,
} from './codecs.ts';
import { type ContentStep, contentAfter, contentOps } from './content-records.ts';
import { encodeEscrowBook, encodeEscrowLine } from './escrow-codec.ts';
import { entriesOfDeal, entriesOfPiece, entryOps } from './indexes.ts';
import { type ContentRecord, coldKeys } from './keys.ts';
import type { SpendEntry } from './spend-lines.ts';
import { type Sums, withDeal, withPiece } from './totals.ts';

/** The records that a change is about, as they are in the store, by key. */
export type ReadRecords = ReadonlyMap<string, Versioned<StoredValue> | undefined>;

/** What a change comes to. */
export interface PlannedChange {
  expect: Record<string, number | null>;
  ops: Op[];
  sums: Sums;
  /** To be in the spend log before the commit. */
  spend: SpendEntry[];
}

/** Keys that have to be read to plan the change. */
export function keysOf(change: ColdChange): string[] {
  const contents = [...(change.wait ?? []), ...(change.unwait ?? [])].map(({ contentKey }) => coldKeys.content(contentKey));
  const listed = (change.list ?? []).map(coldKeys.listed);
  const pieces = (change.pieces ?? []).flatMap((piece) => {
    const id = idOf(piece);
    const members = [...(piece.before?.value.members ?? []), ...(piece.after?.members ?? [])];
    return membersStay(piece)
      ? [coldKeys.piece(id)]
      : [coldKeys.piece(id), coldKeys.members(id), ...members.map(({ contentKey }) => coldKeys.content(contentKey))];
  });
  return [...new Set([...expectedOf(change).keys(), ...pieces, ...contents, ...listed])];
}

/**
 * What is to be written for the change, decided on the records as they are: the lists are derived from what lies in the
 * store and not from what the caller holds for it.
 *
 * @throws FbpdError `CONFLICT` when something is no longer what it was
 */
export function planChange(change: ColdChange, read: ReadRecords, sums: Sums, nowMs: number): PlannedChange {
  const expect: Record<string, number | null> = {};
  for (const [key, version] of expectedOf(change)) {
    const found = read.get(key)?.version ?? null;
    if (found !== version) throw conflict(key, version, found);
    expect[key] = version;
  }
  const planned: PlannedChange = { expect, ops: [], sums, spend: [] };
  for (const deal of change.deals ?? []) planDeal(planned, deal, read, nowMs);
  for (const piece of change.pieces ?? []) planPiece(planned, piece, read);
  planContents(planned, change, read);
  for (const { before, after } of change.providers ?? []) {
    planned.ops.push(put(coldKeys.provider((after ?? before?.value)?.id ?? ''), after && encodeProvider(after)));
  }
  for (const candidate of change.candidates ?? [])
    planned.ops.push(put(coldKeys.candidate(idOf(candidate)), candidate.after && encodeCandidate(candidate.after)));
  const { day, breaker, chain, scan, looked, list } = change;
  if (day !== undefined) planned.ops.push(put(coldKeys.day((day.after ?? day.before?.value)?.day ?? 0), day.after && encodeDay(day.after)));
  if (breaker !== undefined) planned.ops.push(put(coldKeys.breaker, breaker.after));
  if (chain !== undefined) planned.ops.push(put(coldKeys.chain, chain.after && encodeChain(chain.after)));
  const { escrow, escrowLines = [] } = change;
  if (escrow !== undefined) planned.ops.push(put(coldKeys.escrow, escrow.after && encodeEscrowBook(escrow.after)));
  for (const line of escrowLines) planned.ops.push(put(coldKeys.escrowLine(line.number), encodeEscrowLine(line)));
  if (scan !== undefined) planned.ops.push(put(coldKeys.scan, scan.after));
  for (const { contentKey } of looked ?? []) planned.ops.push({ del: coldKeys.listed(contentKey) });
  for (const contentKey of list ?? []) planned.ops.push({ put: coldKeys.listed(contentKey), value: {} });
  return planned;
}

/** The version that every record of the change must have. */
function expectedOf(change: ColdChange): Map<string, number | null> {
  const expected = new Map<string, number | null>();
  const add = <T>(key: string, { before }: Change<T>): void => {
    if (expected.has(key)) throw new TypeError(`store: a change names ${key} twice`);
    expected.set(key, before?.version ?? null);
  };
  for (const piece of change.pieces ?? []) add(coldKeys.piece(idOf(piece)), piece);
  for (const deal of change.deals ?? []) add(coldKeys.deal(idOf(deal)), deal);
  for (const provider of change.providers ?? []) add(coldKeys.provider(idOf(provider)), provider);
  for (const candidate of change.candidates ?? []) add(coldKeys.candidate(idOf(candidate)), candidate);
  if (change.scan !== undefined) add(coldKeys.scan, change.scan);
  if (change.day !== undefined) add(coldKeys.day((change.day.after ?? change.day.before?.value)?.day ?? 0), change.day);
  if (change.breaker !== undefined) add(coldKeys.breaker, change.breaker);
  if (change.chain !== undefined) add(coldKeys.chain, change.chain);
  if (change.escrow !== undefined) add(coldKeys.escrow, change.escrow);
  for (const { number } of change.escrowLines ?? []) expected.set(coldKeys.escrowLine(number), null);
  for (const { contentKey, version } of change.looked ?? []) expected.set(coldKeys.listed(contentKey), version);
  return expected;
}

function planDeal(planned: PlannedChange, change: Change<Deal>, read: ReadRecords, nowMs: number): void {
  const key = coldKeys.deal(idOf(change));
  const stored = read.get(key)?.value as StoredDeal | undefined;
  const before = stored === undefined ? undefined : decodeDeal(stored);
  const { after } = change;
  planned.ops.push(put(key, after && encodeDeal(after)));
  planned.ops.push(...entryOps(before === undefined ? [] : entriesOfDeal(before), after === undefined ? [] : entriesOfDeal(after)));
  planned.sums = withDeal(planned.sums, before, after);
  planned.spend.push(...spendEntries(before, after, nowMs));
}

function spendEntries(before: Deal | undefined, after: Deal | undefined, atMs: number): SpendEntry[] {
  if (after === undefined) return before === undefined ? [] : [{ t: 'removed', id: before.id }];
  const { id, pieceId: piece, provider, proposalCid: proposal, budgetDay: day } = after;
  const entries: SpendEntry[] = [];
  if (before === undefined) entries.push({ t: 'intent', id, piece, provider, cost: encodeAtto(after.costAtto), proposal, day, atMs });
  if ((before?.sends ?? 0) === 0 && after.sends > 0) entries.push({ t: 'sent', id, proposal });
  return entries;
}

function planPiece(planned: PlannedChange, change: Change<Piece>, read: ReadRecords): void {
  const key = coldKeys.piece(idOf(change));
  const before = read.get(key)?.value as StoredPiece | undefined;
  const { after } = change;
  planned.ops.push(put(key, after && encodePiece(after)));
  planned.ops.push(...entryOps(before === undefined ? [] : entriesOfPiece(before), after === undefined ? [] : entriesOfPiece(after)));
  planned.sums = withPiece(planned.sums, before, after);
  if (membersStay(change)) return;
  const record: MembersRecord | undefined = after && { members: after.members };
  planned.ops.push(put(coldKeys.members(idOf(change)), record));
}

/** Contents that join or leave pieces, begin to wait or wait no more: one record each. */
function planContents(planned: PlannedChange, change: ColdChange, read: ReadRecords): void {
  for (const step of contentSteps(change, read)) {
    const key = coldKeys.content(step.contentKey);
    const before = read.get(key);
    const record = before?.value as ContentRecord | undefined;
    planned.expect[key] = before?.version ?? null;
    planned.ops.push(...contentOps(step.contentKey, record, contentAfter(record, step)));
  }
}

function contentSteps({ pieces = [], wait = [], unwait = [] }: ColdChange, read: ReadRecords): Iterable<ContentStep> {
  const steps = new Map<string, ContentStep & { joins: string[]; leaves: string[] }>();
  const stepOf = (contentKey: string) => {
    const step = steps.get(contentKey) ?? { contentKey, joins: [], leaves: [], unwait: false };
    steps.set(contentKey, step);
    return step;
  };
  for (const piece of pieces) {
    if (membersStay(piece)) continue;
    const id = idOf(piece);
    const stored = (read.get(coldKeys.members(id))?.value as MembersRecord | undefined)?.members ?? [];
    const [was, is] = [keysOfMembers(stored), keysOfMembers(piece.after?.members ?? [])];
    for (const contentKey of is) if (!was.has(contentKey)) stepOf(contentKey).joins.push(id);
    for (const contentKey of was) if (!is.has(contentKey)) stepOf(contentKey).leaves.push(id);
  }
  for (const { contentKey } of unwait) stepOf(contentKey).unwait = true;
  for (const waiting of wait) stepOf(waiting.contentKey).wait = waiting;
  return steps.values();
}

function keysOfMembers(members: readonly PieceMember[]): Set<string> {
  return new Set(members.map(({ contentKey }) => contentKey));
}

/** Members are many and hardly ever change; who hands the same array back has not changed them. */
function membersStay({ before, after }: Change<Piece>): boolean {
  return before !== undefined && after !== undefined && before.value.members === after.members;
}

function idOf<T extends { id: string }>({ before, after }: Change<T>): string {
  const id = (after ?? before?.value)?.id;
  if (id === undefined) throw new TypeError('store: a change is from nothing to nothing');
  if (before !== undefined && before.value.id !== id) throw new TypeError(`store: a change turns ${before.value.id} into ${id}`);
  return id;
}

function put(key: string, value: StoredValue | undefined): Op {
  return value === undefined ? { del: key } : { put: key, value };
}

function conflict(key: string, expected: number | null, found: number | null): FbpdError {
  const say = (version: number | null) => (version === null ? 'absent' : `version ${version}`);
  return new FbpdError('CONFLICT', `store: ${key} was expected ${say(expected)} and is ${say(found)}`, { subject: key });
}
