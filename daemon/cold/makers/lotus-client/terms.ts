/** Of a provider's proving deadline: `WPoStProvingPeriod` and `PeriodStart`. */
export interface ProvingPeriod {
  lengthEpochs: number;
  startEpoch: number;
}

/** So much of the least collateral is sent: the least moves between proposal and publication. */
const COLLATERAL_NUMERATOR = 6n;
const COLLATERAL_DENOMINATOR = 5n;

/**
 * Where Lotus's client lets a deal end that starts at `startEpoch` and lasts at least `durationEpochs`: at the end of one
 * of the provider's proving periods. Remainders have the sign of the dividend, as Go's and JavaScript's have; a network
 * younger than one period has a negative period start, which moves the result by a whole period once it has passed.
 */
export function dealEndEpoch(startEpoch: number, durationEpochs: number, period: ProvingPeriod): number {
  const least = startEpoch + durationEpochs;
  const { lengthEpochs } = period;
  let end = least + lengthEpochs - (least % lengthEpochs) + (period.startEpoch % lengthEpochs) - 1;
  while (end < least) end += lengthEpochs;
  return end;
}

/**
 * What the provider is to put up. At a least of 0 it stays 0: a real provider refused 1 attoFIL then. Never above the
 * most that is allowed.
 */
export function providerCollateralAtto(bounds: { minAtto: bigint; maxAtto: bigint }): bigint {
  const wanted = (bounds.minAtto * COLLATERAL_NUMERATOR) / COLLATERAL_DENOMINATOR;
  return wanted > bounds.maxAtto ? bounds.maxAtto : wanted;
}

/** What of a padded piece holds data: 127 of 128 bytes. */
export function unpaddedSizeBytes(pieceSizeBytes: number): number {
  return (pieceSizeBytes / 128) * 127;
}
