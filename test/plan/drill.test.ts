import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { type DrillContent, planDrill } from '../../daemon/plan/drill.ts';
import { createRandom } from '../fixtures/random.ts';

const MIB = 2 ** 20;

function contentWith(contentKey: string, sizeBytes: number, ...providers: string[]): DrillContent {
  return { contentKey, sizeBytes, copies: providers.map((provider) => ({ provider, dealId: `${contentKey}-${provider}` })) };
}

function plan(drawn: readonly DrillContent[], bytesMax: number, contentsMax = 10): string[] {
  return planDrill(drawn, { bytesMax, contentsMax, random: () => 0.5 }).map(({ dealId }) => dealId);
}

test('each content is asked for from all who have it, and once', (t) => {
  const drawn = [contentWith('a', MIB, 'f01', 'f02'), contentWith('a', MIB, 'f01', 'f02'), contentWith('b', MIB, 'f03')];
  t.deepEqual(plan(drawn, 10 * MIB), ['a-f01', 'a-f02', 'b-f03']);
});

test('where the bytes do not go so far, those are asked who were asked least, and what is too large is passed over', (t) => {
  const drawn = [
    contentWith('a', MIB, 'f01', 'f02'),
    contentWith('huge', 9 * MIB, 'f01'),
    contentWith('b', MIB, 'f02', 'f03'),
    contentWith('c', MIB, 'f01'),
  ];
  t.deepEqual(plan(drawn, 3 * MIB), ['a-f01', 'a-f02', 'b-f03']);
});

test('no more contents are taken than asked for, and those that nobody has are not counted', (t) => {
  const drawn = [contentWith('none', MIB), contentWith('a', MIB, 'f01'), contentWith('b', MIB, 'f01')];
  t.deepEqual(plan(drawn, 10 * MIB, 1), ['a-f01']);
});

test('without a limit everything is asked for, contents without bytes too', (t) => {
  const drawn = [contentWith('a', 0, 'f01', 'f02'), contentWith('b', MIB, 'f01', 'f02')];
  t.is(plan(drawn, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).length, 4);
  t.deepEqual(plan(drawn, 0), ['a-f01', 'a-f02']);
});

const content = fc
  .record({ name: fc.integer({ min: 0, max: 8 }), size: fc.nat(100), providers: fc.uniqueArray(fc.integer({ min: 1, max: 5 })) })
  .map(({ name, size, providers }) => contentWith(`c${name}`, size, ...providers.map((n) => `f0${n}`)));

testProp(
  'never more bytes or contents than allowed, no copy twice, and nothing that was not drawn',
  [fc.array(content, { maxLength: 30 }), fc.nat(500), fc.integer({ min: 1, max: 6 }), fc.nat()],
  (t, drawn, bytesMax, contentsMax, seed) => {
    const random = createRandom(seed);
    const steps = planDrill(drawn, { bytesMax, contentsMax, random: () => random.next() });
    t.true(steps.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) <= bytesMax);
    t.true(new Set(steps.map(({ contentKey }) => contentKey)).size <= contentsMax);
    t.is(new Set(steps.map(({ dealId }) => dealId)).size, steps.length);
    for (const step of steps) {
      t.true(drawn.some(({ contentKey, copies }) => contentKey === step.contentKey && copies.some(({ dealId }) => dealId === step.dealId)));
    }
    const isAnyAffordable = drawn.some(({ sizeBytes, copies }) => copies.length > 0 && sizeBytes <= bytesMax);
    t.is(steps.length > 0, isAnyAffordable);
  },
);
