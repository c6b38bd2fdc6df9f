import test from 'ava';

import { counted, formatTime, renderFields, renderTable } from '../../daemon/cli/output.ts';

interface Row {
  name: string;
  size: number;
}

const COLUMNS = [
  { heading: 'NAME', cell: ({ name }: Row) => name },
  { heading: 'SIZE', cell: ({ size }: Row) => String(size), align: 'right' },
  { heading: 'LAST', cell: () => '' },
] as const;

test('columns are aligned, numbers to the right, and no line ends in spaces', (t) => {
  const rows = [
    { name: 'a', size: 1 },
    { name: 'long name', size: 12345 },
  ];
  t.is(renderTable(rows, COLUMNS), 'NAME        SIZE  LAST\na              1\nlong name  12345\n');
  t.is(renderTable([], COLUMNS), '');
});

test('what clients wrote cannot steer the terminal', (t) => {
  t.is(renderTable([{ name: 'a\u001b[2Jb\n', size: 1 }], COLUMNS).split('\n')[1], 'a\\x1b[2Jb\\x0a     1');
  t.is(renderFields([['name', '\u0007']]), 'name: \\x07\n');
});

test('fields stand in one column, and those that are not known are left out', (t) => {
  t.is(
    renderFields([
      ['a', '1'],
      ['absent', undefined],
      ['three', '3'],
    ]),
    'a:     1\nthree: 3\n',
  );
  t.is(renderFields([]), '');
});

test('times are in UTC to the second', (t) => t.is(formatTime('2026-01-31T12:00:05.678Z'), '2026-01-31 12:00:05Z'));

test('one pin, two pins', (t) => t.deepEqual([counted(0, 'pin'), counted(1, 'pin'), counted(2, 'pin')], ['0 pins', '1 pin', '2 pins']));
