import test from 'ava';
import { type HoldInput, planHold } from '../../daemon/plan/hold.ts';

const fine: HoldInput = { disk: 'ok', hotUp: true, repoBytes: 1, capacityBytes: 10, collectingGarbage: false };

test('with room, a hot tier and no collection, nothing is held', (t) => {
  t.is(planHold(fine), undefined);
});

for (const [code, change] of [
  ['min_free', { disk: 'low' }],
  ['min_free', { disk: 'full' }],
  ['hot_down', { hotUp: false }],
  ['gc', { collectingGarbage: true }],
  ['hot_full', { repoBytes: 10 }],
] as const) {
  test(`${JSON.stringify(change)} holds pins with the reason ${code}`, (t) => {
    t.is(planHold({ ...fine, ...change })?.code, code);
  });
}

test('a usage that could not be read holds nothing', (t) => {
  const { repoBytes: _, ...unread } = fine;
  t.is(planHold(unread), undefined);
});
