import { attoOf, fieldsOf } from '../chain/fields.ts';
import type { LotusRpc } from '../chain/lotus-rpc.ts';

/** Between what and what the market takes a provider's collateral for a piece of that size. */
export interface CollateralBounds {
  minAtto: bigint;
  maxAtto: bigint;
}

/** So much of the least collateral is sent: the least moves between proposal and publication. */
const COLLATERAL_NUMERATOR = 6n;
const COLLATERAL_DENOMINATOR = 5n;

export async function collateralBounds(
  rpc: LotusRpc,
  pieceSizeBytes: number,
  verified: boolean,
  signal: AbortSignal,
): Promise<CollateralBounds> {
  const bounds = fieldsOf(
    await rpc.call('StateDealProviderCollateralBounds', [pieceSizeBytes, verified, []], { signal }),
    'collateral bounds',
  );
  return { minAtto: attoOf(bounds.Min, 'least collateral'), maxAtto: attoOf(bounds.Max, 'most collateral') };
}

/**
 * What the provider is to put up. At a least of 0 it stays 0: a real provider refused 1 attoFIL then. Never above the
 * most that is allowed.
 */
export function providerCollateralAtto(bounds: CollateralBounds): bigint {
  const wanted = (bounds.minAtto * COLLATERAL_NUMERATOR) / COLLATERAL_DENOMINATOR;
  return wanted > bounds.maxAtto ? bounds.maxAtto : wanted;
}
