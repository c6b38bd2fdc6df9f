import test from 'ava';

import { Turns } from '../../daemon/plan/turns.ts';

const NOW_MS = 1_000_000;

function lineOf(turns: Turns, nowMs = NOW_MS): string[] {
  return [...turns.line(nowMs)];
}

test('accounts stand in the order in which they joined, and joining again changes nothing', (t) => {
  const turns = new Turns();
  for (const id of ['a', 'b', 'c', 'a']) turns.join(id);
  t.deepEqual(lineOf(turns), ['a', 'b', 'c']);
});

test('who was served goes behind all others', (t) => {
  const turns = new Turns();
  for (const id of ['a', 'b', 'c']) turns.join(id);
  turns.leave('a');
  turns.join('a');
  t.deepEqual(lineOf(turns), ['b', 'c', 'a']);
});

test('a rest ends at its time, or when something comes before', (t) => {
  const turns = new Turns();
  for (const id of ['a', 'b', 'c']) {
    turns.join(id);
    turns.leave(id);
  }
  turns.rest('a', NOW_MS + 20);
  turns.rest('b', NOW_MS + 10);
  t.deepEqual(lineOf(turns), []);
  t.is(turns.nextMs(), NOW_MS + 10);
  t.deepEqual(lineOf(turns, NOW_MS + 10), ['b']);
  t.is(turns.nextMs(), NOW_MS + 20);
  turns.join('a');
  t.deepEqual(lineOf(turns, NOW_MS + 10), ['b', 'a']);
});

test('what came while an account was looked at is not overlooked', (t) => {
  const turns = new Turns();
  turns.join('a');
  turns.leave('a');
  turns.join('a');
  turns.rest('a', NOW_MS + 60_000);
  t.deepEqual(lineOf(turns), ['a']);
});

test('a clock that was set back ends all rests', (t) => {
  const turns = new Turns();
  turns.line(NOW_MS);
  turns.rest('a', NOW_MS + 60_000);
  t.deepEqual(lineOf(turns, NOW_MS + 1), []);
  t.deepEqual(lineOf(turns, NOW_MS - 3_600_000), ['a']);
});
