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

test('a full hot tier says what gives room: pins removed, copies let go, or what those wait for', (t) => {
  const full = { ...fine, repoBytes: 10 };
  const text = (eviction?: HoldInput['eviction']) => planHold({ ...full, ...(eviction === undefined ? {} : { eviction }) })?.text ?? '';
  t.regex(text(), /at hot\.capacity; remove pins or raise it$/);
  t.regex(text({}), /let go that are proven cold/);
  t.regex(text({ stuck: { too_few_copies: 3, unsampled: 1 } }), /no hot copy may go yet, most of them until enough deals/);
  t.regex(text({ stuck: { too_few_copies: 1, read_lately: 2 } }), /most of them as they were read/);
  t.regex(text({ stuck: {} }), /no hot copy is left that could go: remove pins or raise it/);
});
