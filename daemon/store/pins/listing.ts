import type { Pin, PinPage, PinQuery } from '../../domain/pin.ts';
import { PIN_STATUSES } from '../../domain/pin.ts';
import type { Store } from '../../domain/ports.ts';
import { type StoredContent, statusOf } from './fate.ts';
import type { KeyedHash } from './keyed-hash.ts';
import { keys, type PinRecord } from './keys.ts';
import { pinOf, type StoredPin } from './records.ts';
import type { Roster } from './roster.ts';
import { rowFilter } from './row-filter.ts';

type Row = StoredPin & { status: Pin['status'] };

/**
 * One page of an account's pins. The roster says which; only records that are returned are read. Each pin has the
 * status with which it passed the filter. Matching: a pin without a name counts as having the empty one.
 */
export async function listPins(
  context: { store: Store; hash: KeyedHash; roster: Roster },
  accountId: string,
  query: PinQuery,
): Promise<PinPage> {
  const { store, hash, roster } = context;
  const { count, rows } = await roster.scan(rowFilter(query, hash), query.limit);
  const records = await store.getMany<PinRecord>(rows.map(({ createdMs }) => keys.pin(accountId, createdMs)));
  const found = rows.flatMap(({ createdMs, status }, index): Row[] => {
    const record = records[index]?.value;
    const name = PIN_STATUSES[status];
    return record === undefined || name === undefined || !isMatch(record, query) ? [] : [{ accountId, createdMs, record, status: name }];
  });
  const reasons = await readReasons(store, found);
  return {
    // Rows that turned out to be gone, or to be another's hash, do not count.
    count: count - (rows.length - found.length),
    pins: found.map((row) => withReason(row, reasons.get(row.record.contentKey))),
  };
}

/** Makes sure of what the roster knows by hash. */
function isMatch(record: PinRecord, { contentKeys, meta }: PinQuery): boolean {
  if (contentKeys !== undefined && !contentKeys.includes(record.contentKey)) return false;
  return Object.entries(meta ?? {}).every(
    ([key, value]) => record.meta !== undefined && Object.hasOwn(record.meta, key) && record.meta[key] === value,
  );
}

/** Held pins have nothing to explain. */
async function readReasons(store: Store, rows: readonly Row[]): Promise<Map<string, StoredContent>> {
  const contentKeys = [...new Set(rows.filter(({ status }) => status !== 'pinned').map(({ record }) => record.contentKey))];
  const contents = await store.getMany<StoredContent>(contentKeys.map((contentKey) => keys.content(contentKey)));
  return new Map(contents.flatMap((content) => (content === undefined ? [] : [[content.value.key, content.value] as const])));
}

function withReason(row: Row, content: StoredContent | undefined): Pin {
  return pinOf(row, row.status, content !== undefined && statusOf(content) === row.status ? content.reason : undefined);
}
