import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from '../../daemon/domain/units.ts';

for (const [text, ms] of [
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1.5h', 5_400_000],
  ['30d', 2_592_000_000],
  [' 5 m ', 300_000],
] as const) {
  test(`${text} is ${ms} ms`, (t) => t.is(parseDurationMs(text), ms));
}

for (const [text, bytes] of [
  ['0B', 0],
  ['512B', 512],
  ['64KiB', 65_536],
  ['31GiB', 33_285_996_544],
  ['1.5TB', 1_500_000_000_000],
  ['1kB', 1_000],
] as const) {
  test(`${text} is ${bytes} bytes`, (t) => t.is(parseSizeBytes(text), bytes));
}

for (const text of ['', '5', 'm', '-5m', '5 minutes', '1e3s', '5mm', '5M', 'constructor', '9999999999999d']) {
  test(`${JSON.stringify(text)} is no duration`, (t) => t.is(parseDurationMs(text), undefined));
}

for (const text of ['', '5', 'GiB', '-1GiB', '1gib', '1,5GiB', '5 gigs', '99999999TiB', '1toString']) {
  test(`${JSON.stringify(text)} is no size`, (t) => t.is(parseSizeBytes(text), undefined));
}

testProp('no text makes the parsers throw, and what they return is a whole number', [fc.string()], (t, text) => {
  for (const value of [parseDurationMs(text), parseSizeBytes(text)]) t.true(value === undefined || Number.isSafeInteger(value));
});

testProp(
  'a whole number of any unit comes back exactly',
  [fc.nat(10_000), fc.constantFrom('B', 'KiB', 'MiB', 'GiB')],
  (t, amount, unit) => {
    const factor = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit] ?? 0;
    t.is(parseSizeBytes(`${amount}${unit}`), amount * factor);
  },
);

test('sizes are shown in the largest unit that leaves at least one', (t) => {
  t.deepEqual([0, 512, 1023, 1024, 1536, 33_285_996_544, 2 ** 50].map(formatSize), [
    '0 B',
    '512 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '31 GiB',
    '1 PiB',
  ]);
});

test('durations are shown in at most two units', (t) => {
  t.deepEqual([0, 250, 1_000, 90_000, 300_000, 86_400_000, 187_200_000, 86_460_000].map(formatDuration), [
    '0ms',
    '250ms',
    '1s',
    '1m 30s',
    '5m',
    '1d',
    '2d 4h',
    '1d',
  ]);
});
