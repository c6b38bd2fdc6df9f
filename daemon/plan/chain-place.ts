import type { MarketDeal } from '../domain/cold-ports.ts';
import type { Deal } from '../domain/deal.ts';

/** A deal's state at one tip set: `absent` when the chain has none like it there, undefined when it was not read. */
export type Sight = MarketDeal | 'absent' | undefined;

/**
 * Where the chain has a deal, all in all:
 * - `absent`: nowhere, not even at the head
 * - `published`: it is there, in no sector, and may still get into one
 * - `active`: in a sector, not slashed, and not ended
 * - `late`: published, but its start passed without a sector: it lingers with its money locked
 * - `slashed`: its sector was terminated, and the chain still shows it
 * - `ended`: it ran to its end
 */
export type ChainPlace = 'absent' | 'published' | 'active' | 'late' | 'slashed' | 'ended';

/**
 * Reads the finalized chain; only that a deal is published may be learned from the head, and is taken back with it.
 * Undefined while the finalized chain was not read.
 */
export function placeOf(final: Sight, atHead: Sight, headEpoch: number, finalizedEpoch: number): ChainPlace | undefined {
  if (final === undefined) return undefined;
  if (final === 'absent') return atHead === undefined ? undefined : atHead === 'absent' ? 'absent' : 'published';
  if (final.slashEpoch > -1) return 'slashed';
  if (headEpoch >= final.endEpoch) return final.sectorStartEpoch > -1 ? 'ended' : 'late';
  if (final.sectorStartEpoch > -1) return 'active';
  return finalizedEpoch > final.startEpoch ? 'late' : 'published';
}

/** Whether a deal on the chain is this one: a deal id alone may be another's after a reorg, or a provider's slip. */
export function isSameDeal(
  deal: Pick<Deal, 'provider' | 'terms'>,
  pieceCid: string,
  clientId: string | undefined,
  found: MarketDeal,
): boolean {
  const { terms } = deal;
  return (
    found.pieceCid === pieceCid &&
    found.provider === deal.provider &&
    found.startEpoch === terms.startEpoch &&
    found.endEpoch === terms.endEpoch &&
    found.pricePerEpochAtto === terms.pricePerEpochAtto &&
    (clientId === undefined || found.client === clientId)
  );
}
