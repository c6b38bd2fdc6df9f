import test from 'ava';
import fc from 'fast-check';

import { NAME_MATCHES, PIN_STATUSES, type PinQuery } from '../../daemon/domain/pin.ts';
import { createKeyedHash } from '../../daemon/store/pins/keyed-hash.ts';
import { Roster } from '../../daemon/store/pins/roster.ts';
import { BLOCK_ROWS } from '../../daemon/store/pins/roster-block.ts';
import { encodeRosterEntry } from '../../daemon/store/pins/roster-entry.ts';
import { rowFilter } from '../../daemon/store/pins/row-filter.ts';

const hash = createKeyedHash(Buffer.alloc(32, 7));

/** One pin, as a test keeps it in a plain array. */
interface PlainRow {
  createdMs: number;
  status: number;
  contentKey: string;
  name?: string;
  meta?: Record<string, string>;
}

const DEFAULTS: PinQuery = { match: 'exact', limit: 10 };

test('a page has the newest pins first, and the count is of all that match', async (t) => {
  const roster = rosterOf(Array.from({ length: 25 }, (_, index) => ({ createdMs: 100 + index, status: 2, contentKey: `k${index}` })));
  const { count, rows } = await roster.scan(rowFilter({ ...DEFAULTS, limit: 3 }, hash), 3);
  t.is(count, 25);
  t.deepEqual(
    rows.map(({ createdMs }) => createdMs),
    [124, 123, 122],
  );
});

test('before and after are strict, and before is part of the count', async (t) => {
  const roster = rosterOf([1, 2, 3, 4, 5].map((createdMs) => ({ createdMs, status: 2, contentKey: 'k' })));
  t.deepEqual(await roster.scan(rowFilter({ ...DEFAULTS, beforeMs: 4, afterMs: 1 }, hash), 1), {
    count: 2,
    rows: [{ createdMs: 3, status: 2 }],
  });
});

test('every filter agrees with a plain array over several blocks, while pins come, change and go', async (t) => {
  const rows: PlainRow[] = [];
  const roster = new Roster();
  const add = (index: number): void => {
    const row = plainRow(index);
    rows.push(row);
    roster.append(row.createdMs, row.status, encodeRosterEntry(row, hash));
  };
  for (let index = 0; index < 2 * BLOCK_ROWS + 100; index++) add(index);
  await agrees(t, roster, rows, 60);
  for (const row of rows.filter((_row, index) => index % 3 === 0)) {
    row.status = (row.status + 1) % 4;
    roster.setStatus(row.createdMs, row.status);
  }
  await agrees(t, roster, rows, 60);
  // Most of the first block goes, so it is compacted; all of the second goes, so it is dropped.
  const gone = rows.filter((_row, index) => (index < BLOCK_ROWS && index % 5 !== 0) || (index >= BLOCK_ROWS && index < 2 * BLOCK_ROWS));
  for (const row of gone) roster.remove(row.createdMs);
  const left = rows.filter((row) => !gone.includes(row));
  for (let index = 2 * BLOCK_ROWS + 100; index < 2 * BLOCK_ROWS + 200; index++) add(index);
  await agrees(t, roster, [...left, ...rows.slice(2 * BLOCK_ROWS + 100)], 60);
  t.deepEqual(
    roster.rows(left[3]?.createdMs ?? 0, 2),
    left.slice(3, 5).map((row) => ({ createdMs: row.createdMs, entry: encodeRosterEntry(row, hash) })),
  );
});

test('a pin whose commit resolved late finds its place', async (t) => {
  const rows = [10, 30, 50].map((createdMs) => ({ createdMs, status: 0, contentKey: `k${createdMs}` }));
  const roster = rosterOf(rows);
  for (const createdMs of [40, 20, 5]) {
    const row = { createdMs, status: 1, contentKey: `k${createdMs}`, name: `late ${createdMs}` };
    rows.push(row);
    roster.append(createdMs, row.status, encodeRosterEntry(row, hash));
  }
  await agrees(
    t,
    roster,
    rows.sort((a, b) => a.createdMs - b.createdMs),
    100,
  );
});

test('changing or removing a pin that is not there says so', (t) => {
  const roster = rosterOf([{ createdMs: 5, status: 1, contentKey: 'k' }]);
  t.is(roster.setStatus(4, 2), undefined);
  t.is(roster.remove(5), 1);
  t.is(roster.remove(5), undefined);
  t.deepEqual(roster.rows(0, 10), []);
});

function plainRow(index: number): PlainRow {
  return {
    createdMs: 1_000 + index * 2,
    status: index % 7 === 0 ? 3 : index % 4,
    contentKey: `content-${index % 40}`,
    ...(index % 5 === 0 ? {} : { name: index % 11 === 0 ? `ÄPFEL ${index % 100}` : `File_${index % 100}.txt` }),
    ...(index % 2 === 0 ? {} : { meta: { app: `${index % 3}`, ...(index % 4 === 1 ? { tag: 'x' } : {}) } }),
  };
}

function rosterOf(rows: readonly PlainRow[]): Roster {
  const roster = new Roster();
  for (const row of rows) roster.append(row.createdMs, row.status, encodeRosterEntry(row, hash));
  return roster;
}

const anyQuery: fc.Arbitrary<PinQuery> = fc
  .record(
    {
      statuses: fc.subarray([...PIN_STATUSES], { minLength: 1 }),
      contentKeys: fc.uniqueArray(
        fc.nat(45).map((number) => `content-${number}`),
        { minLength: 1, maxLength: 4 },
      ),
      name: fc.constantFrom('File_7.txt', 'file_1', 'FILE_12.TXT', 'äpfel', 'Äpfel 4', '1', 'nothing', ''),
      meta: fc.constantFrom({ app: '1' }, { app: '2', tag: 'x' }, { tag: 'x' }, { tag: 'y' }, {}),
      beforeMs: fc.integer({ min: 900, max: 18_000 }),
      afterMs: fc.integer({ min: 900, max: 18_000 }),
    },
    { requiredKeys: [] },
  )
  .chain((query) =>
    fc.record({ match: fc.constantFrom(...NAME_MATCHES), limit: fc.integer({ min: 1, max: 1000 }) }).map((rest) => ({ ...query, ...rest })),
  );

async function agrees(
  t: { deepEqual: (actual: unknown, expected: unknown) => unknown },
  roster: Roster,
  rows: readonly PlainRow[],
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(anyQuery, async (query) => {
      const expected = rows.filter((row) => passes(row, query)).reverse();
      t.deepEqual(await roster.scan(rowFilter(query, hash), query.limit), {
        count: expected.length,
        rows: expected.slice(0, query.limit).map(({ createdMs, status }) => ({ createdMs, status })),
      });
    }),
    { numRuns },
  );
}

function passes(row: PlainRow, query: PinQuery): boolean {
  const fold = query.match.startsWith('i');
  const name = fold ? (row.name ?? '').toLowerCase() : (row.name ?? '');
  const needle = fold ? query.name?.toLowerCase() : query.name;
  return (
    (query.statuses?.some((status) => PIN_STATUSES.indexOf(status) === row.status) ?? true) &&
    (query.contentKeys?.includes(row.contentKey) ?? true) &&
    (needle === undefined || (query.match.endsWith('partial') ? name.includes(needle) : name === needle)) &&
    Object.entries(query.meta ?? {}).every(([key, value]) => row.meta?.[key] === value) &&
    row.createdMs < (query.beforeMs ?? Number.POSITIVE_INFINITY) &&
    row.createdMs > (query.afterMs ?? 0)
  );
}
