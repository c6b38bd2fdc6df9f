import test from 'ava';

import { formatTimestamp, parseTimestamp } from '../../api/timestamps.ts';

const NOON_MS = Date.UTC(2020, 6, 27, 12, 0, 0);

test('reads what RFC 3339 allows', (t) => {
  const exact = { between: false };
  for (const [text, ms] of [
    ['2020-07-27T12:00:00Z', NOON_MS],
    ['2020-07-27t12:00:00z', NOON_MS],
    ['2020-07-27T12:00:00.7Z', NOON_MS + 700],
    ['2020-07-27T12:00:00.74Z', NOON_MS + 740],
    ['2020-07-27T12:00:00.276Z', NOON_MS + 276],
    ['2020-07-27T12:00:00.276000Z', NOON_MS + 276],
    ['2020-07-27T14:00:00+02:00', NOON_MS],
    ['2020-07-27T14:00:00 02:00', NOON_MS],
    ['2020-07-27T06:30:00.5-05:30', NOON_MS + 500],
    ['2020-07-27T12:00:00-00:00', NOON_MS],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['0001-01-01T00:00:00Z', Date.parse('0001-01-01T00:00:00Z')],
    ['9999-12-31T23:59:59.999Z', Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ] as const) {
    t.deepEqual(parseTimestamp(text), { ms, ...exact }, text);
  }
});

test('knows when a time is finer than a millisecond', (t) => {
  t.deepEqual(parseTimestamp('2020-07-27T12:00:00.276001Z'), { ms: NOON_MS + 276, between: true });
  t.deepEqual(parseTimestamp('2020-07-27T12:00:00.000000001+00:00'), { ms: NOON_MS, between: true });
});

test('refuses everything else', (t) => {
  for (const text of [
    '',
    'now',
    '2020-07-27',
    '2020-07-27T12:00:00',
    '2020-07-27T12:00Z',
    '2020-07-27 12:00:00Z',
    '2020-7-27T12:00:00Z',
    '2020-02-30T12:00:00Z',
    '2023-02-29T12:00:00Z',
    '2020-13-01T12:00:00Z',
    '2020-00-01T12:00:00Z',
    '2020-07-27T24:00:00Z',
    '2020-07-27T12:60:00Z',
    '2020-07-27T12:00:61Z',
    '2020-07-27T12:00:00.Z',
    '2020-07-27T12:00:00+2:00',
    '2020-07-27T12:00:00+0200',
    '2020-07-27T12:00:00+24:00',
    '2020-07-27T12:00:00+02:60',
    '+002020-07-27T12:00:00Z',
    ' 2020-07-27T12:00:00Z',
    '2020-07-27T12:00:00Z\n',
    `2020-07-27T12:00:00.${'1'.repeat(65)}Z`,
  ]) {
    t.is(parseTimestamp(text), undefined, JSON.stringify(text));
  }
});

test('writes UTC to the millisecond, always with three digits', (t) => {
  t.is(formatTimestamp(NOON_MS), '2020-07-27T12:00:00.000Z');
  t.is(formatTimestamp(NOON_MS + 40), '2020-07-27T12:00:00.040Z');
});
