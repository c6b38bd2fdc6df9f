import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import type { HotPolicy } from '../../daemon/domain/policy.ts';
import { type ColdProof, isTiny, planCare, planRoom, planStay, planTier, planTiny, type TierInput } from '../../daemon/plan/evict.ts';

const IDLE_MS = 600_000;
const POLICY: HotPolicy = { name: 'default', enabled: true, evict: { minActive: 2, afterIdleMs: IDLE_MS } };
const PROVEN: ColdProof = { active: 2, isSampled: true, isFetched: false, isAwaited: false };
const CONTENT = { hot: 'pinned', owner: 'ours', wantedSinceMs: 0 } as const;
const FULLNESS = { usedBytes: 0, goingBytes: 0, capacityBytes: 1_000, evictAbove: 0.9, evictDownTo: 0.8, disk: 'ok' } as const;

test('room is made above the upper mark, down to the lower one', (t) => {
  t.is(planRoom({ ...FULLNESS, usedBytes: 900 }), 0);
  t.is(planRoom({ ...FULLNESS, usedBytes: 901 }), 101);
  t.is(planRoom({ ...FULLNESS, usedBytes: 5_000, capacityBytes: Number.POSITIVE_INFINITY }), 0);
});

test('a disk that is short of room wants some, whatever the capacity', (t) => {
  t.is(planRoom({ ...FULLNESS, usedBytes: 1_000, capacityBytes: Number.POSITIVE_INFINITY, disk: 'low' }), 50);
  t.is(planRoom({ ...FULLNESS, usedBytes: 901, disk: 'full' }), 101);
});

test('on a disk that is short what was let go is waited for, before more goes', (t) => {
  const low = { ...FULLNESS, usedBytes: 1_000, capacityBytes: Number.POSITIVE_INFINITY, disk: 'low' } as const;
  t.is(planRoom({ ...low, goingBytes: 30 }), 20);
  t.is(planRoom({ ...low, goingBytes: 500 }), 0);
});

test('tiny contents go where they are many, and nowhere else', (t) => {
  t.deepEqual(
    [0, 24, 4_095, 4_096, undefined].map((sizeBytes) => isTiny(sizeBytes === undefined ? {} : { sizeBytes })),
    [true, true, true, false, false],
  );
  t.false(planTiny(0, 0));
  t.false(planTiny(255, 10));
  t.true(planTiny(256, 10));
  t.false(planTiny(256, 2 ** 30), 'of what is wanted they would give next to nothing');
  t.true(planTiny(256, 100 * 2 ** 20));
});

test('what is proven and was not read lately may go', (t) => {
  const nowMs = 10 * IDLE_MS;
  t.is(planStay(CONTENT, PROVEN, POLICY, IDLE_MS, nowMs), undefined);
  t.is(planStay(CONTENT, PROVEN, POLICY, IDLE_MS - 1, nowMs), 'read_lately');
  t.is(planStay(CONTENT, { ...PROVEN, active: 1 }, POLICY, IDLE_MS, nowMs), 'too_few_copies');
  t.is(planStay(CONTENT, { ...PROVEN, isSampled: false }, POLICY, IDLE_MS, nowMs), 'unsampled');
  t.is(planStay({ ...CONTENT, owner: 'foreign' }, PROVEN, POLICY, IDLE_MS, nowMs), 'not_ours');
});

test('what nobody is known to have read counts from when it was asked for, unless that lies ahead', (t) => {
  const nowMs = 10 * IDLE_MS;
  const at = (wantedSinceMs: number) => planStay({ ...CONTENT, wantedSinceMs }, PROVEN, POLICY, undefined, nowMs);
  t.is(at(nowMs - IDLE_MS + 1), 'read_lately');
  t.is(at(nowMs - IDLE_MS), undefined);
  t.is(at(nowMs + 365 * 24 * 3_600_000), undefined, 'the clock was wrong when it was pinned');
});

test('what was read stays a minute whatever the policy says, and what nobody has read does not', (t) => {
  const eager = { ...POLICY, evict: { minActive: 2, afterIdleMs: 0 } };
  t.is(planStay(CONTENT, PROVEN, eager, 59_999, 5_000), 'read_lately');
  t.is(planStay(CONTENT, PROVEN, eager, 60_000, 5_000), undefined);
  t.is(planStay(CONTENT, PROVEN, eager, undefined, 5_000), undefined);
});

test('where no hot copy is wanted beside proven ones, being read does not keep it, and being unproven does', (t) => {
  const policy = { ...POLICY, enabled: false };
  t.is(planStay(CONTENT, PROVEN, policy, 0, 5_000), undefined);
  t.is(planStay(CONTENT, { ...PROVEN, active: 1 }, policy, 0, 5_000), 'too_few_copies');
});

testProp(
  'no hot copy ever goes that is not proven, whatever else is said',
  [
    fc.nat(5),
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
    fc.integer({ min: 1, max: 5 }),
    fc.option(fc.nat(10_000), { nil: undefined }),
    fc.integer(),
  ],
  (t, active, isSampled, isFetched, isAwaited, enabled, minActive, idleMs, nowMs) => {
    const stays = planStay(
      CONTENT,
      { active, isSampled, isFetched, isAwaited },
      { name: 'x', enabled, evict: { minActive, afterIdleMs: 1_000 } },
      idleMs,
      nowMs,
    );
    t.true(stays !== undefined || (active >= minActive && isSampled && !isFetched && !isAwaited));
  },
);

test('what has too few cold copies is made hot again, and what has none and gets none is lost', (t) => {
  t.is(planCare({ active: 2, pending: 0, isFetched: false }, POLICY), 'nothing');
  t.is(planCare({ active: 1, pending: 0, isFetched: false }, POLICY), 'warm');
  t.is(planCare({ active: 0, pending: 1, isFetched: false }, POLICY), 'warm');
  t.is(planCare({ active: 0, pending: 0, isFetched: false }, POLICY), 'lost');
  t.is(planCare({ active: 2, pending: 1, isFetched: true }, POLICY), 'warm', 'somebody comes for it');
});

const TIER: TierInput = {
  content: CONTENT,
  proof: PROVEN,
  policy: POLICY,
  idleMs: 2 * IDLE_MS,
  standing: undefined,
  capacityBytes: 1_000,
  nowMs: 9_000,
};

test('why a content is where it is can be told in each case, in different words', (t) => {
  const told = [
    TIER,
    { ...TIER, standing: { goesAfter: 3, tracked: 9 } },
    { ...TIER, capacityBytes: Number.POSITIVE_INFINITY },
    { ...TIER, policy: { ...POLICY, enabled: false } },
    { ...TIER, proof: { ...PROVEN, active: 1 } },
    { ...TIER, proof: { ...PROVEN, isSampled: false } },
    { ...TIER, proof: { ...PROVEN, isFetched: true } },
    { ...TIER, proof: { ...PROVEN, isAwaited: true } },
    { ...TIER, idleMs: 1 },
    { ...TIER, content: { ...CONTENT, sizeBytes: 24 } },
    { ...TIER, content: { ...CONTENT, hot: 'cold' as const } },
    { ...TIER, content: { ...CONTENT, owner: 'foreign' as const } },
  ].map((input) => planTier(input).text);
  t.is(new Set(told).size, told.length);
  t.regex(told[1] ?? '', /3 of 9/);
});
