import test from 'ava';

import type { Deal } from '../../daemon/domain/deal.ts';
import { exposureOf } from '../../daemon/plan/ledger.ts';
import { type FundsLook, unexplainedWithdrawal } from '../../daemon/plan/losses.ts';

/** Each was a story that went wrong once. */

test('a deal seen at the head only, and locked at finality while another one is paid out, is no theft', (t) => {
  const deal = {
    state: 'published',
    costAtto: 50n,
    terms: { startEpoch: 0, endEpoch: 50, pricePerEpochAtto: 1n, clientCollateralAtto: 0n },
  };
  const { lockedAtMostAtto, promisedAtto } = exposureOf(deal as Deal);
  const before: FundsLook = {
    escrowAtto: 150n,
    lockedAtto: 100n,
    lockedAtMostAtto: 100n + lockedAtMostAtto,
    promisedAtto,
    intendedTotalAtto: 0n,
  };
  const now: FundsLook = { escrowAtto: 50n, lockedAtto: 50n, lockedAtMostAtto, promisedAtto: 0n, intendedTotalAtto: 0n };
  t.is(unexplainedWithdrawal(before, now), 0n);
  t.is(unexplainedWithdrawal(before, { ...now, escrowAtto: 40n }), 10n);
});
