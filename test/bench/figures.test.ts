import test from 'ava';

import { isReached, quantile, renderTable, rounded } from './figures.ts';

test('a quantile is one of the values, by nearest rank', (t) => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  t.is(quantile(values, 0), 1);
  t.is(quantile(values, 0.5), 50);
  t.is(quantile(values, 0.99), 99);
  t.is(quantile(values, 1), 100);
  t.is(quantile([7], 0.99), 7);
  t.is(quantile([], 0.5), Number.NaN);
});

test('a figure is reached at its bound', (t) => {
  t.true(isReached({ name: 'a', value: 25, unit: 'ms', wanted: { atMost: 25 } }));
  t.false(isReached({ name: 'a', value: 25.1, unit: 'ms', wanted: { atMost: 25 } }));
  t.true(isReached({ name: 'a', value: 1_368, unit: '/s', wanted: { atLeast: 1_368 } }));
  t.false(isReached({ name: 'a', value: 1_367, unit: '/s', wanted: { atLeast: 1_368 } }));
  t.false(isReached({ name: 'a', value: Number.NaN, unit: 'ms', wanted: { atMost: 25 } }), 'nothing measured is nothing reached');
  t.is(isReached({ name: 'a', value: 25, unit: 'ms' }), undefined);
});

test('a table shows what was reached, wanted and compared with', (t) => {
  const table = renderTable([
    { name: 'rate', value: 1234.567, unit: '/s', wanted: { atLeast: 2_000 }, baseline: { name: 'disk', value: 9_999.9 } },
    { name: 'other', value: 0.00012345, unit: 's', more: { p50: 0.1 } },
  ]);
  t.is(table, '✘  rate   1235 /s      ≥ 2000  disk: 10000\n   other  0.0001234 s          p50 0.1');
  t.is(rounded(Number.NaN), Number.NaN);
});
