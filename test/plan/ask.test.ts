import { testProp } from '@fast-check/ava';
import test from 'ava';
import fc from 'fast-check';

import type { Ask } from '../../daemon/domain/provider.ts';
import { askProblem } from '../../daemon/plan/ask.ts';
import { ineligible } from '../../daemon/plan/providers.ts';
import { createPolicy, createProvider } from '../fixtures/create-cold.ts';

const ASK: Ask = {
  priceAttoPerGibEpoch: 500_000_000n,
  verifiedPriceAttoPerGibEpoch: 0n,
  minPieceSizeBytes: 256,
  maxPieceSizeBytes: 2 ** 35,
  expiryEpoch: 1_000,
};

for (const [change, why] of [
  [{ minPieceSizeBytes: 2 ** 36 }, /its least piece .* is larger than its largest/],
  [{ maxPieceSizeBytes: 10 * 2 ** 30 }, /no piece has 10737418240 bytes/],
  [{ minPieceSizeBytes: 0 }, /no piece has 0 bytes/],
  [{ minPieceSizeBytes: 64 }, /no piece has 64 bytes/],
  [{ maxPieceSizeBytes: -(2 ** 35) }, /no piece has/],
  [{ priceAttoPerGibEpoch: 10n ** 18n + 1n }, /more than a FIL/],
  [{ verifiedPriceAttoPerGibEpoch: 10n ** 30n }, /more than a FIL/],
  [{ priceAttoPerGibEpoch: -1n }, /below zero/],
  [{ expiryEpoch: 999 }, /expired at epoch 999/],
  [{ expiryEpoch: 900 }, /expired at epoch 900/],
] as const) {
  test(`an ask is refused by reason: ${Object.entries(change)} ${String(why)}`, (t) => {
    t.regex(askProblem({ ...ASK, ...change }, 999) ?? '', why);
  });
}

test('an ask as providers tell them is taken, at no price as well', (t) => {
  t.is(askProblem(ASK, 999), undefined);
  t.is(askProblem({ ...ASK, priceAttoPerGibEpoch: 0n, minPieceSizeBytes: 2 ** 34 }, 0), undefined);
});

testProp('of an ask that was taken the end counts, to the epoch', [fc.nat(2_000), fc.nat(2_000)], (t, expiryEpoch, headEpoch) => {
  const provider = createProvider('f01', { ask: { ...ASK, priceAttoPerGibEpoch: 1n, expiryEpoch } });
  const code = ineligible({ provider, policy: createPolicy(), trusted: ['f01'], pieceSizeBytes: 2 ** 20, headEpoch })?.code;
  t.is(code, headEpoch < expiryEpoch ? undefined : 'ask_expired');
});
