import test from 'ava';
import { InvalidArgumentError } from 'commander';

import { collect, collectPairs, durationSeconds, durationSecondsUpTo, positiveInteger, wordsOf } from '../../daemon/cli/options.ts';

test('counts, durations and words are read', (t) => {
  t.is(positiveInteger('50'), 50);
  t.is(durationSeconds('30d'), 2_592_000);
  t.is(durationSecondsUpTo('30d')('30d'), 2_592_000);
  t.deepEqual(wordsOf(['a', 'b'])('b, a'), ['b', 'a']);
});

test('what may be repeated is collected', (t) => {
  t.deepEqual(collect('b', collect('a')), ['a', 'b']);
  t.deepEqual(collectPairs('k=x=y', collectPairs('a=1')), { a: '1', k: 'x=y' });
});

for (const [what, read] of [
  ['a count of 0', () => positiveInteger('0')],
  ['a count with a sign', () => positiveInteger('-1')],
  ['a count that is a word', () => positiveInteger('ten')],
  ['a duration without a unit', () => durationSeconds('30')],
  ['a duration of no length', () => durationSeconds('1ms')],
  ['a duration beyond the most', () => durationSecondsUpTo('30d')('31d')],
  ['a word that is none', () => wordsOf(['a'])('a,c')],
  ['a pair without a key', () => collectPairs('=x')],
  ['a pair without a value', () => collectPairs('x')],
] as const) {
  test(`${what} is refused`, (t) => t.throws(read, { instanceOf: InvalidArgumentError }));
}
