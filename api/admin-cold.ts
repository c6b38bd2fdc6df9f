import type { components } from '../spec/fbpd.ts';
import { renderBudget } from './admin-deals.ts';
import { renderBreaker } from './cold-render.ts';
import { type ColdSide, optional } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';

type ColdStatus = components['schemas']['ColdStatus'];

/** The cold layer's part of the daemon's status. */
export async function coldStatus(cold: ColdSide | undefined): Promise<ColdStatus> {
  if (cold === undefined) return { maker: 'none' };
  const { maker, store, view } = cold;
  const held = view.held();
  const breaker = store.breaker()?.value;
  const { deals, pieces, unknownDeals, committedAtto } = store.totals();
  return {
    maker,
    ...optional('held', held && { ...held }),
    ...optional('breaker', breaker && renderBreaker(breaker)),
    ...optional('chain', chainOf(cold)),
    ...optional('funds', fundsOf(cold)),
    budget: await renderBudget(view),
    deals: { ...deals },
    unknownDeals,
    pieces: { ...pieces },
    committed: String(committedAtto),
  };
}

function chainOf({ view }: ColdSide): ColdStatus['chain'] {
  const last = view.lastView();
  if (last === undefined) return undefined;
  const { network, headEpoch, finalizedEpoch, behindSeconds } = last.view;
  return { network, headEpoch, finalizedEpoch, ...optional('behindSeconds', behindSeconds), at: formatTimestamp(last.atMs) };
}

function fundsOf({ view }: ColdSide): ColdStatus['funds'] {
  const funds = view.funds();
  if (funds === undefined) return undefined;
  const { address, walletAtto, escrowAtto, lockedAtto } = funds;
  return { address, wallet: String(walletAtto), escrow: String(escrowAtto), locked: String(lockedAtto) };
}
