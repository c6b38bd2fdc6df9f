import test from 'ava';

import { LIVE_STATES } from '../../daemon/domain/deal.ts';
import { type Datacap, datacapPromised, datacapWarning, freeDatacap, lacksDatacap } from '../../daemon/plan/datacap.ts';
import { planDeals } from '../../daemon/plan/deals.ts';
import { createDeal, createPiece, createPolicy, createProvider, RULES } from '../fixtures/create-cold.ts';

const MIB = 2 ** 20;

test('a deal takes of the DataCap when it is published: until then what it will take is promised', (t) => {
  const promised = LIVE_STATES.filter((state) => datacapPromised(createDeal(1, { state, datacapBytes: 5 })) === 5n);
  t.deepEqual(promised, ['intended', 'proposed', 'accepted']);
  t.is(datacapPromised(createDeal(1, { state: 'intended' })), 0n);
});

test('what was promised is not free, and never less than nothing is', (t) => {
  t.deepEqual(freeDatacap({ freeBytes: 10n }, 4n), { freeBytes: 6n });
  t.deepEqual(freeDatacap({ freeBytes: 10n }, 40n), { freeBytes: 0n });
  t.is(freeDatacap('no_client', 4n), 'no_client');
});

for (const [datacap, words] of [
  [{ freeBytes: BigInt(16 * MIB - 1) }, /16 MiB; .* are left that no deal was promised/],
  ['no_client', /the wallet is no verified client/],
  ['unread', /does not say how much/],
] as const satisfies readonly (readonly [Datacap, RegExp])[])
  test(`a verified deal waits, and says why: ${words}`, (t) => {
    const why = lacksDatacap(16 * MIB, datacap, 'archive');
    t.is(why?.code, 'datacap_short');
    t.regex(why?.text ?? '', words);
    t.regex(why?.text ?? '', /policy archive wants verified deals/);
  });

test('it does not wait where there is enough, or the maker sees to it', (t) => {
  t.is(lacksDatacap(16 * MIB, { freeBytes: BigInt(16 * MIB) }, 'x'), undefined);
  t.is(lacksDatacap(16 * MIB, undefined, 'x'), undefined);
});

test('that the largest piece would not fit is said before deals wait', (t) => {
  t.deepEqual(datacapWarning({ freeBytes: 100n }, 100), []);
  t.deepEqual(datacapWarning('unread', 100), []);
  t.is(datacapWarning({ freeBytes: 99n }, 100)[0]?.code, 'datacap_low');
  t.is(datacapWarning('no_client', 100)[0]?.code, 'datacap_low');
});

test('as many verified deals are planned as there is DataCap for, at the verified price, and none unverified instead', (t) => {
  const money = { perDayAtto: 10n ** 18n, perDealAtto: 10n ** 18n, committedTodayAtto: 0n };
  const planned = (datacap: Datacap | undefined, verifiedDeal = true) =>
    planDeals({
      piece: createPiece(),
      deals: [],
      policy: createPolicy({ verifiedDeal }),
      providers: ['f01', 'f02', 'f03'].map((id) => createProvider(id)),
      headEpoch: 500,
      money: { ...money, ...(datacap === undefined ? {} : { datacap }) },
      rules: { ...RULES, trusted: ['f01', 'f02', 'f03'] },
    });
  const plan = planned({ freeBytes: BigInt(2 * 16 * MIB + 1) });
  t.is(plan.proposals.length, 2);
  t.true(plan.proposals.every(({ verified, pricePerEpochAtto }) => verified && pricePerEpochAtto === 0n));
  t.is(plan.next.code, 'datacap_short');
  t.deepEqual(plan.look, { queue: 'create', epoch: 500 + RULES.retryEpochs });
  t.is(planned('no_client').proposals.length, 0);
  t.is(planned('no_client', false).proposals.length, 3);
  t.is(planned(undefined).proposals.length, 3);
});
