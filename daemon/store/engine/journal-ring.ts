import { FbpdError } from '../../domain/errors.ts';
import { decodeRecord, openRecord, sealRecord } from './codec.ts';

/**
 * What every group of commits writes about itself, in the same batch. The newest entry is the head: it says how far
 * the store has come and how many records of each counted type there are. Together the entries are a ring whose
 * slots are overwritten in place: an entry missing in the middle shows that LevelDB has dropped a batch.
 */
export interface JournalEntry {
  /** 1, 2, 3 … without a gap. */
  group: number;
  /** First and last sequence number of the commits in the group; a group has at least one. */
  first: number;
  last: number;
  /** Every commit up to this one was synced before the group was written. */
  synced: number;
  /** Records per counted type, with this group. */
  counts: Readonly<Record<string, number>>;
}

const EMPTY_JOURNAL: JournalEntry = { group: 0, first: 0, last: 0, synced: 0, counts: {} };

/** Keys of the engine's own start with this; everybody else's sort before it. */
export const OWN_PREFIX = '~';
/** The store's id and schema, as in its sentinel. */
export const IDENTITY_KEY = '~store';
export const JOURNAL_PREFIX = '~journal/';
/** After every key of the ring: `0` is the character after `/`. */
export const JOURNAL_END = '~journal0';

/** Entries kept. More than fit into a log that LevelDB has not yet turned into tables, in any ordinary use. */
export const JOURNAL_SLOTS = 16_384;

function journalKey(group: number, slots: number): string {
  return JOURNAL_PREFIX + (group % slots).toString(16).padStart(4, '0');
}

export function sealJournalEntry(entry: JournalEntry, slots: number): { key: string; record: Buffer } {
  const key = journalKey(entry.group, slots);
  return { key, record: sealRecord(key, openRecord(entry), entry.last) };
}

/**
 * The newest entry of a ring that has no gap.
 *
 * @param ring every record under {@link JOURNAL_PREFIX}
 * @throws FbpdError `STORE_DAMAGED` that says which groups are missing
 */
export function headOfJournal(ring: readonly (readonly [key: string, record: Buffer])[], slots: number): JournalEntry {
  const entries = ring.map(([key, record]) => decodeRecord<JournalEntry>(key, record).value).sort((a, b) => a.group - b.group);
  const head = entries.at(-1) ?? EMPTY_JOURNAL;
  const oldest = Math.max(1, head.group - slots + 1);
  let previous: JournalEntry | undefined;
  let wanted = oldest;
  for (const entry of entries) {
    if (entry.group !== wanted) throw journalGap(wanted, entry);
    if (previous !== undefined && entry.first !== previous.last + 1) throw journalGap(wanted, entry);
    previous = entry;
    wanted += 1;
  }
  return head;
}

function journalGap(wanted: number, found: JournalEntry): FbpdError {
  return new FbpdError(
    'STORE_DAMAGED',
    `store: commits are missing in the middle: group ${wanted} of the journal is lost while group ${found.group} (commits ${found.first} to ${found.last}) is there: restore the store from a backup`,
  );
}
