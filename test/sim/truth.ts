import type { MarketDeal } from '../../daemon/domain/cold-ports.ts';
import type { Reached } from './market.ts';
import type { World } from './world.ts';

/** The deal on the chain, as of now. */
export function onChain({ chain }: World, { cid }: Reached): MarketDeal | undefined {
  return chain.deals.get(chain.published.get(cid) ?? -1)?.latest();
}

/** At the newest epoch that cannot be taken back. */
export function atFinality({ chain }: World, { cid }: Reached): MarketDeal | undefined {
  return chain.deals.get(chain.published.get(cid) ?? -1)?.at(chain.finalizedEpoch);
}

/** Whether the proposal is, or can still become, a copy, by all that the world knows and the daemon does not. */
export function isTrulyLive(world: World, deal: Reached): boolean {
  const { chain } = world;
  if (chain.headEpoch >= deal.endEpoch) return false;
  const found = onChain(world, deal);
  if (found !== undefined) return found.slashEpoch === -1 && (found.sectorStartEpoch !== -1 || chain.headEpoch <= deal.startEpoch);
  const isComing = deal.state === 'proposed' || deal.state === 'accepted' || deal.state === 'publishing';
  return (isComing || (deal.state === 'published' && isComingBack(world, deal))) && chain.headEpoch <= deal.startEpoch;
}

/** Taken off the chain by a reorg, with its message still to get in again. */
function isComingBack({ chain }: World, { cid, isTakenBack }: Reached): boolean {
  return !chain.published.has(cid) && isTakenBack === false;
}

/** Whether its bytes are in a sector. */
export function isTrulyActive(world: World, deal: Reached): boolean {
  const found = onChain(world, deal);
  return isTrulyLive(world, deal) && found !== undefined && found.sectorStartEpoch !== -1;
}
