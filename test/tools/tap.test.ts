import test from 'ava';

import { recap, summary, TapReader } from './tap.ts';

function read(chunks: readonly string[]): { tally: TapReader['tally']; lines: string[]; failures: string[] } {
  const lines: string[] = [];
  const reader = new TapReader((line) => lines.push(line));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return { tally: reader.tally, lines, failures: reader.failures };
}

const TAP = `TAP version 13
ok 1 - a › works
#   something it said
not ok 2 - b › breaks
  ---
  message: 'not ok 9 - is only a message'
  ...
ok 3 - c › waits # SKIP
not ok 4 - d › comes later # TODO
ok 5 - e › speaks of \\# SKIP

1..5
# tests 5
# pass 2
# fail 1`;

test('tests are counted by what became of them', (t) => {
  t.deepEqual(read([TAP]).tally, { passed: 2, failed: 1, skipped: 2 });
});

test('it does not matter how the text is cut', (t) => {
  t.deepEqual(read([...TAP]), read([TAP]));
});

test('failures bring their diagnostics, and the counts of the end are left out', (t) => {
  t.deepEqual(read([TAP]).lines, [
    '✔ a › works',
    '#   something it said',
    '✘ b › breaks',
    '  ---',
    "  message: 'not ok 9 - is only a message'",
    '  ...',
    '- c › waits # SKIP',
    '- d › comes later # TODO',
    '✔ e › speaks of \\# SKIP',
  ]);
});

test('what failed is said once more at the end, shortened', (t) => {
  const { failures } = read([
    TAP,
    '\nok 6 - f › works\n',
    'not ok 7 - g › breaks too\n',
    '  ---\n',
    ...Array.from({ length: 30 }, (_, i) => `  ${i}\n`),
  ]);
  t.deepEqual(recap(failures).split('\n').slice(0, 6), [
    '✘ b › breaks',
    '  ---',
    "  message: 'not ok 9 - is only a message'",
    '  ...',
    '✘ g › breaks too',
    '  ---',
  ]);
  t.true(recap(failures).endsWith('  17\n  … 12 more lines above\n'));
  t.is(recap([]), '');
});

test('the last line is the count, with skipped ones only where there are any', (t) => {
  t.is(summary({ passed: 5, failed: 0, skipped: 0 }), '5 passed, 0 failed');
  t.is(summary({ passed: 5, failed: 1, skipped: 2 }), '5 passed, 1 failed, 2 skipped');
});
