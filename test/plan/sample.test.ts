import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import { planSample, type SampleSpent } from '../../daemon/plan/sample.ts';

const RULES = { sampleBytesPerDay: 1_000, sampleAttoPerDay: 100n, recheckEpochs: 30 };
const NOTHING: SampleSpent = { day: 3, bytes: 0, atto: 0n };
const HEAD = 10_000;
const evidence = (seenEpoch: number) => ({
  retrievalEvidence: { kind: 'retrieval', bytes: 1, tookMs: 1, firstByteMs: 1, seenEpoch, atMs: 0 } as const,
});
const failure = (epoch: number) => ({ retrievalFailure: { atMs: 0, epoch, text: 'x' } });

function sample(deal: Parameters<typeof planSample>[0], carSizeBytes: number, priceAtto = 0n, spent = NOTHING) {
  return planSample(deal, { carSizeBytes }, priceAtto, spent, HEAD, RULES);
}

test('the budgets of a day are used up to the last byte and the last attoFIL, and not beyond', (t) => {
  t.deepEqual(sample({}, 1_000, 100n), { kind: 'take', spent: { day: 3, bytes: 1_000, atto: 100n } });
  t.like(sample({}, 1_001), { reason: 'over_bytes' });
  t.like(sample({}, 1, 101n), { reason: 'over_money' });
  t.like(sample({}, 2, 0n, { day: 3, bytes: 999, atto: 0n }), { reason: 'over_bytes' });
  t.like(sample({}, 0, 1n, { day: 3, bytes: 0, atto: 100n }), { reason: 'over_money' });
});

test('a deal that was sampled rests, whatever came of it, and counts from the later of both', (t) => {
  t.like(sample(evidence(HEAD - 29), 1), { reason: 'recent' });
  t.like(sample(evidence(HEAD - 30), 1), { kind: 'take' });
  t.like(sample(failure(HEAD - 29), 1), { reason: 'recent' });
  t.like(sample({ ...evidence(HEAD - 1_000), ...failure(HEAD - 29) }, 1), { reason: 'recent' });
  t.like(sample({ ...evidence(HEAD - 29), ...failure(HEAD - 1_000) }, 1), { reason: 'recent' });
});

testProp(
  'whatever is asked for on one day, no more is booked than allowed, and what was booked is the sum of what was taken',
  [fc.array(fc.record({ bytes: fc.nat(600), atto: fc.bigInt(0n, 80n) }))],
  (t, asked) => {
    let spent = NOTHING;
    let bytes = 0;
    let atto = 0n;
    for (const one of asked) {
      const plan = sample({}, one.bytes, one.atto, spent);
      if (plan.kind !== 'take') continue;
      spent = plan.spent;
      bytes += one.bytes;
      atto += one.atto;
    }
    t.deepEqual(spent, { day: 3, bytes, atto });
    t.true(bytes <= RULES.sampleBytesPerDay && atto <= RULES.sampleAttoPerDay);
  },
);
