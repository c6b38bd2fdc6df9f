import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import type { Funding } from '../../daemon/reconcilers/cold/options.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

const MIB = 2 ** 20;
const PIECE_BYTES = 16 * MIB;

/** A wallet that has so much DataCap, of which nothing else is asked. */
async function withDatacap(read: () => bigint | undefined): Promise<TestCold> {
  const cold = await TestCold.create({ policy: { verifiedDeal: true } });
  cold.funding = { wallet: { datacap: async () => read() } } as unknown as Funding;
  cold.begin();
  return cold;
}

test('verified deals are made as far as DataCap goes, what was promised counts, and the rest waits with that reason', async (t) => {
  let bytes = BigInt(2 * PIECE_BYTES);
  const cold = await withDatacap(() => bytes);
  const pieceId = await cold.build(1);
  await cold.pass('create');
  const deals = await cold.deals(pieceId);
  t.is(deals.length, 2);
  t.true(deals.every(({ terms, datacapBytes }) => terms.verified && datacapBytes === PIECE_BYTES));
  t.is((await cold.piece(pieceId)).next.code, 'datacap_short');
  cold.begin();
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.is((await cold.deals(pieceId)).length, 2, 'after a restart, too');
  bytes += BigInt(PIECE_BYTES);
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.is((await cold.deals(pieceId)).length, 3);
});

test('a wallet that is no verified client, or of which that is not known, gets no deal unverified', async (t) => {
  let answer: () => bigint | undefined = () => undefined;
  const cold = await withDatacap(() => answer());
  const pieceId = await cold.build(1);
  await cold.pass('create');
  t.regex((await cold.piece(pieceId)).next.text, /no verified client/);
  answer = () => {
    throw new ColdError('unreachable', 'no answer');
  };
  cold.advance(cold.rules.retryEpochs);
  await cold.pass('create');
  t.regex((await cold.piece(pieceId)).next.text, /does not say how much/);
  t.deepEqual(await cold.deals(pieceId), []);
});
