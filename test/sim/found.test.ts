import test from 'ava';

import type { Deal } from '../../daemon/domain/deal.ts';
import { exposureOf } from '../../daemon/plan/ledger.ts';
import { type FundsLook, unexplainedWithdrawal } from '../../daemon/plan/losses.ts';
import type { Action } from './actions.ts';
import { tell } from './property.ts';

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

test('when all copies are lost of a piece that is half unpinned, what is still pinned gets copies in another piece', async (t) => {
  const advance: Action = { do: 'advance', epochs: 30 };
  const terminate: Action = { do: 'terminate', pick: 0, deletes: true };
  const daemon = await tell({
    seed: 1,
    actions: [
      { do: 'add', account: 'alice', content: 0 },
      { do: 'add', account: 'alice', content: 1 },
      ...Array.from({ length: 6 }, () => advance),
      { do: 'remove', pick: 0 },
      terminate,
      terminate,
      terminate,
    ],
  });
  // The world may be as it should be before it is looked at.
  daemon.world.advance(30);
  await daemon.work(['verify']);
  t.is(daemon.cold.totals().pieces.retired, 1);
  t.is(daemon.cold.totals().deals.lost, 3);
  t.is(daemon.cold.totals().deals.active, 3);
});
