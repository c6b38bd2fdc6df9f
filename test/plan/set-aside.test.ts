import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { Provider, ProviderEventKind } from '../../daemon/domain/provider.ts';
import { ineligible, withEvent } from '../../daemon/plan/providers.ts';
import { scoreOf } from '../../daemon/plan/score.ts';
import { lifted, withAnswer, withTrial } from '../../daemon/plan/set-aside.ts';
import { createPolicy, createProvider, RULES } from '../fixtures/create-cold.ts';

const { backoffEpochs: GAP, setAsideEpochs: WEEK, setAsideCapEpochs: CAP } = RULES;

/** The same thing so often, each far enough from the one before to count. */
function after(provider: Provider, kind: ProviderEventKind, times: number, fromEpoch = 1_000): Provider {
  let now = provider;
  for (let turn = 0; turn < times; turn += 1) now = withEvent(now, { epoch: fromEpoch + turn * GAP, atMs: 0, kind, text: kind }, RULES);
  return now;
}

const codeAt = (provider: Provider, headEpoch: number): string | undefined =>
  ineligible({ provider, policy: createPolicy(), trusted: [provider.id], pieceSizeBytes: 2 ** 20, headEpoch })?.code;

for (const [kind, duty, most] of [
  ['unreachable', 'answer', 8],
  ['refused', 'take', 8],
  ['missed', 'keep', 3],
  ['lost', 'keep', 3],
  ['retrieval_failed', 'give_back', 5],
] as const) {
  test(`${most} times ${kind} in a row set a provider aside for a week, and one fewer does not`, (t) => {
    t.is(after(createProvider('f01'), kind, most - 1).setAside, undefined);
    const { setAside } = after(createProvider('f01'), kind, most);
    const since = 1_000 + (most - 1) * GAP;
    t.like(setAside, { duty, sinceEpoch: since, untilEpoch: since + WEEK, lengthEpochs: WEEK });
    t.regex(setAside?.text ?? '', new RegExp(`${most} times in a row`));
  });
}

for (const [kind, duty, ends] of [
  ['accepted', 'take', true],
  ['accepted', 'keep', false],
  ['active', 'keep', true],
  ['active', 'give_back', false],
  ['verified', 'give_back', true],
  ['verified', 'take', false],
] as const) {
  test(`${kind} ${ends ? 'ends' : 'does not end'} what failing to ${duty} began`, (t) => {
    const failing = { take: 'refused', keep: 'lost', give_back: 'retrieval_failed' } as const;
    const aside = after(createProvider('f01'), failing[duty], 8);
    t.is(aside.setAside?.duty, duty);
    const then = after(aside, kind, 1, 50_000);
    t.is(then.setAside === undefined, ends);
    t.is(then.streaks?.[duty] === undefined, ends);
  });
}

test('an allow-list sets nobody aside, and failures close together are one', (t) => {
  t.is(after(createProvider('f01'), 'not_allowed', 50).setAside, undefined);
  let provider = createProvider('f01');
  for (let deal = 0; deal < 50; deal += 1)
    provider = withEvent(provider, { epoch: 1_000, atMs: 0, kind: 'lost', text: `deal ${deal}` }, RULES);
  t.is(provider.setAside, undefined);
  t.is(provider.streaks?.keep?.count, 1);
});

test('after its time it is asked first, then tried with one deal, and each failure doubles the time up to a cap', (t) => {
  let provider: Provider = { ...after(createProvider('f01'), 'missed', 3), notBeforeEpoch: 0 };
  const lengths: number[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    const { untilEpoch = 0, lengthEpochs = 0 } = provider.setAside ?? {};
    lengths.push(lengthEpochs);
    t.is(codeAt(provider, untilEpoch - 1), 'set_aside');
    t.is(withTrial({ ...provider, refreshedEpoch: untilEpoch - 1 }, untilEpoch), undefined, 'not before it was asked');
    const asked: Provider = { ...provider, refreshedEpoch: untilEpoch };
    t.is(codeAt(asked, untilEpoch), undefined);
    const tried = withTrial(asked, untilEpoch);
    if (tried === undefined) return t.fail('it is not tried');
    t.is(codeAt(tried, untilEpoch + 1), 'set_aside', 'one deal at a time');
    t.is(withTrial(tried, untilEpoch + 1), undefined);
    t.is(codeAt(tried, untilEpoch + lengthEpochs), undefined, 'what came to nothing is tried once more');
    provider = { ...withEvent(tried, { epoch: untilEpoch + 5, atMs: 0, kind: 'missed', text: '' }, RULES), notBeforeEpoch: 0 };
    t.is(provider.setAside?.triedEpoch, undefined);
  }
  t.deepEqual(lengths, [WEEK, 2 * WEEK, 4 * WEEK, CAP, CAP, CAP]);
  return t.is(withEvent(provider, { epoch: 900_000, atMs: 0, kind: 'active', text: '' }, RULES).setAside, undefined);
});

test('what it was doing when it was set aside neither lengthens that nor is forgotten', (t) => {
  const aside = after(createProvider('f01'), 'missed', 3);
  const more = after(aside, 'missed', 2, (aside.setAside?.sinceEpoch ?? 0) + GAP);
  t.is(more.setAside?.untilEpoch, aside.setAside?.untilEpoch);
  t.is(more.events.length, 5);
});

test('an answer ends the rest that silence earned, and no other', (t) => {
  const silent = withAnswer(after(createProvider('f01'), 'unreachable', 8));
  t.deepEqual([silent.setAside, silent.notBeforeEpoch, silent.failuresInRow], [undefined, 0, 0]);
  const refusing = after(createProvider('f01'), 'refused', 8);
  t.deepEqual(withAnswer(refusing), refusing);
});

test('the operator ends it at once, and the operator’s own word counts before it', (t) => {
  const suspended = { ...after(createProvider('f01'), 'lost', 3), suspended: { text: 'x', atMs: 0 } };
  t.is(codeAt(suspended, 2_000), 'suspended');
  const free = lifted(suspended);
  t.is(codeAt(free, 2_000), undefined);
  t.deepEqual([free.setAside, free.streaks, free.suspended], [undefined, undefined, undefined]);
  t.is(free.events.length, 3);
});

const KINDS: readonly ProviderEventKind[] = [
  'accepted',
  'active',
  'verified',
  'refused',
  'missed',
  'lost',
  'retrieval_failed',
  'unreachable',
  'not_allowed',
];

testProp(
  'whatever happens, nobody is set aside for longer than the cap, and one good turn at each duty always frees',
  [fc.array(fc.record({ kind: fc.constantFrom(...KINDS), gap: fc.nat(3 * CAP) }), { maxLength: 80 })],
  (t, steps) => {
    let provider = createProvider('f01');
    let epoch = 0;
    for (const { kind, gap } of steps) {
      epoch += gap;
      provider = withEvent(provider, { epoch, atMs: 0, kind, text: '' }, RULES);
      const { setAside } = provider;
      t.true(
        setAside === undefined || (setAside.lengthEpochs <= CAP && setAside.untilEpoch - setAside.sinceEpoch === setAside.lengthEpochs),
      );
    }
    const counted = (provider.months ?? []).flatMap(({ counts }) => Object.values(counts)).reduce((a, b) => a + b, 0);
    t.is(counted, steps.length, 'nothing that it did is forgotten');
    t.true((provider.months ?? []).length <= 24);
    for (const kind of ['accepted', 'active', 'verified'] as const)
      provider = withEvent(provider, { epoch, atMs: 0, kind, text: '' }, RULES);
    t.is(provider.setAside, undefined);
    t.is(provider.streaks, undefined);
  },
);

test('the score outlives the latest events, forgets slowly, and reads what older versions kept', (t) => {
  const month = 30 * 2_880;
  let provider = createProvider('f01');
  const happens = (kind: ProviderEventKind, epoch: number): void => {
    provider = withEvent(provider, { epoch, atMs: 0, kind, text: kind }, RULES);
  };
  for (let deal = 0; deal < 5; deal += 1) happens('lost', 0);
  const ruined = scoreOf(provider).value;
  for (let sample = 0; sample < 100; sample += 1) happens('verified', month + sample);
  t.is(provider.events.length, 64);
  t.true(scoreOf(provider).reasons.includes('5 lost'), 'of which no event is left');
  t.true(scoreOf(provider).value < 100 / 102);
  t.true(ruined < 0.1 && scoreOf(provider).value > 0.8);
  const { months: _, ...old } = createProvider('f02', { events: provider.events });
  t.deepEqual(scoreOf(old).reasons, ['64 given back on demand']);
  t.is(withEvent(old, { epoch: month, atMs: 0, kind: 'active', text: '' }, RULES).months?.[0]?.counts.verified, 64);
});
