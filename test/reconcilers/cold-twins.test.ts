import test from 'ava';

import type { PreparedDeal } from '../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';

/** As makers do: the proposal knows of no piece but its CID. */
function sameProposalForSameOffer(cold: TestCold): void {
  const prepare = cold.maker.prepare.bind(cold.maker);
  Object.assign(cold.maker, {
    async prepare(order: Parameters<typeof prepare>[0]): Promise<PreparedDeal> {
      const { provider, startEpoch, piece } = order;
      return { ...(await prepare(order)), proposalCid: `bafy-${piece.pieceCid}-${provider}-${startEpoch}` };
    },
  });
}

test('two pieces of the same bytes never share a deal', async (t) => {
  const cold = await TestCold.create();
  sameProposalForSameOffer(cold);
  const first = await cold.build(1);
  const piece = await cold.piece(first);
  const second = { ...piece, id: `${piece.id}-of-another-policy`, due: { queue: 'create' as const, epoch: 0 } };
  await cold.store.write({ pieces: [{ before: undefined, after: second }] });
  const bytes = cold.disk.staged.get(first);
  if (bytes !== undefined) cold.disk.staged.set(second.id, bytes);
  for (let turn = 0; turn < 6; turn += 1) {
    await cold.pass('create');
    cold.advance(1);
  }
  const deals: Deal[] = [...(await cold.deals(first)), ...(await cold.deals(second.id))];
  t.is(deals.length, 6);
  t.is(new Set(deals.map(({ proposalCid }) => proposalCid)).size, 6);
});
