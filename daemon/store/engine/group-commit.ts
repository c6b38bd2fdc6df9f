import { FbpdError } from '../../domain/errors.ts';
import type { Commit } from '../../domain/ports.ts';
import { type OpenRecord, openRecord, sealRecord } from './codec.ts';
import { type JournalEntry, OWN_PREFIX, sealJournalEntry } from './journal-ring.ts';

/** A commit as it was handed in: checked, its values encoded. */
export interface PreparedCommit {
  expect: readonly (readonly [key: string, version: number | null])[];
  ops: readonly PreparedOp[];
  sync: boolean;
  sizeBytes: number;
}

export type PreparedOp = { key: string; record: OpenRecord } | { key: string; record?: undefined };

export type BatchOp = { type: 'put'; key: string; value: Buffer } | { type: 'del'; key: string };

/** What the judge found: one verdict a commit, in order, and what is to be written for those that go ahead. */
export interface Judgement {
  verdicts: readonly Verdict[];
  batch: readonly BatchOp[];
  /** The journal's entry of the group; undefined when no commit goes ahead. */
  entry: JournalEntry | undefined;
  sync: boolean;
}

export type StoredVersion = number | null | FbpdError;

export type Verdict = { sequence: number } | { error: FbpdError };

/** The type of a key: its first path segment. */
export function typeOfKey(key: string): string {
  const end = key.indexOf('/');
  return end === -1 ? key : key.slice(0, end);
}

/**
 * Checks and encodes a commit.
 *
 * @throws TypeError when the caller has a bug: a malformed or reserved key, a counted key without its expectation
 */
export function prepareCommit(commit: Commit, isCounted: (type: string) => boolean): PreparedCommit {
  const expect = Object.entries(commit.expect ?? {});
  let sizeBytes = 0;
  const ops = commit.ops.map((op): PreparedOp => {
    const key = 'put' in op ? op.put : op.del;
    assertKey(key);
    if (isCounted(typeOfKey(key)) && commit.expect?.[key] === undefined) {
      throw new TypeError(`commit: ${JSON.stringify(key)} is of a counted type and has no expectation`);
    }
    sizeBytes += key.length + OP_OVERHEAD_BYTES;
    if ('del' in op) return { key };
    const record = openRecord(op.value);
    sizeBytes += record.byteLength;
    return { key, record };
  });
  return { expect, ops, sync: commit.sync ?? true, sizeBytes };
}

/**
 * Judges the commits of a group in order, each against the store and all that go ahead before it.
 *
 * @param stored version of every key that is expected anywhere in the group; absent keys are `null`, and a record that
 *   cannot be read is its error
 */
export function judge(
  commits: readonly PreparedCommit[],
  stored: ReadonlyMap<string, StoredVersion>,
  head: JournalEntry,
  options: { isCounted: (type: string) => boolean; synced: number; slots: number },
): Judgement {
  const overlay = new Map(stored);
  const counts: Record<string, number> = { ...head.counts };
  const batch: BatchOp[] = [];
  let sequence = head.last;
  let sync = false;
  const verdicts = commits.map((commit): Verdict => {
    const error = refusal(commit, overlay);
    if (error !== undefined) return { error };
    sequence += 1;
    sync ||= commit.sync;
    for (const op of commit.ops) {
      const type = typeOfKey(op.key);
      if (options.isCounted(type)) {
        const before = overlay.get(op.key) === null ? 0 : 1;
        counts[type] = (counts[type] ?? 0) + (op.record === undefined ? 0 : 1) - before;
      }
      overlay.set(op.key, op.record === undefined ? null : sequence);
      batch.push(
        op.record === undefined
          ? { type: 'del', key: op.key }
          : { type: 'put', key: op.key, value: sealRecord(op.key, op.record, sequence) },
      );
    }
    return { sequence };
  });
  if (sequence === head.last) return { verdicts, batch, entry: undefined, sync };
  const entry: JournalEntry = {
    group: head.group + 1,
    first: head.last + 1,
    last: sequence,
    synced: sync ? head.last : options.synced,
    counts,
  };
  const { key, record } = sealJournalEntry(entry, options.slots);
  batch.push({ type: 'put', key, value: record });
  return { verdicts, batch, entry, sync };
}

/** What an operation costs beside its key and value. */
const OP_OVERHEAD_BYTES = 32;

function assertKey(key: string): void {
  if (key === '' || key >= OWN_PREFIX || !key.isWellFormed()) {
    throw new TypeError(`commit: ${JSON.stringify(key)} cannot be a key`);
  }
}

function refusal(commit: PreparedCommit, overlay: ReadonlyMap<string, StoredVersion>): FbpdError | undefined {
  for (const [key, expected] of commit.expect) {
    const found = overlay.get(key) ?? null;
    if (found instanceof FbpdError) return found;
    if (found !== expected) return conflict(key, expected, found);
  }
  return undefined;
}

function conflict(key: string, expected: number | null, found: number | null): FbpdError {
  const say = (version: number | null) => (version === null ? 'absent' : `version ${version}`);
  return new FbpdError('CONFLICT', `commit: ${JSON.stringify(key)} was expected ${say(expected)} and is ${say(found)}`, { subject: key });
}
