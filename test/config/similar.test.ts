import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { closest, editDistance } from '../../daemon/config/similar.ts';

test('a slip of the finger is understood, another word is not', (t) => {
  const names = ['state.dir', 'state.min_free', 'hot.capacity', 'limits.dag_bytes'];
  t.is(closest('hot.capasity', names), 'hot.capacity');
  t.is(closest('state.minfree', names), 'state.min_free');
  t.is(closest('hot.dag_bytes', names), 'limits.dag_bytes');
  t.is(closest('hot.colour', names), undefined);
});

testProp(
  'the distance is a metric that one edit changes by one',
  [fc.string(), fc.string(), fc.string({ minLength: 1, maxLength: 1 })],
  (t, a, b, c) => {
    t.is(editDistance(a, a), 0);
    t.is(editDistance(a, b), editDistance(b, a));
    t.is(editDistance(a, a + c), 1);
    t.true(editDistance(a, b) <= Math.max(a.length, b.length));
    t.true(editDistance(a, b) >= Math.abs(a.length - b.length));
  },
);
