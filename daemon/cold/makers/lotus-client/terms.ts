/** Of a provider's proving deadline: `WPoStProvingPeriod` and `PeriodStart`. */
export interface ProvingPeriod {
  lengthEpochs: number;
  startEpoch: number;
}

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

/** What of a padded piece holds data: 127 of 128 bytes. */
export function unpaddedSizeBytes(pieceSizeBytes: number): number {
  return (pieceSizeBytes / 128) * 127;
}
