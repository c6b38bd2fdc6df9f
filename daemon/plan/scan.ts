import type { Candidate, ScanMark } from '../domain/provider.ts';
import type { ScanFilter } from '../domain/scan.ts';

/** So many candidates are kept; of more, those go that were read longest ago. */
const CANDIDATES_MAX = 1_000;

/** Where a scan begins: behind the place that the last one came to, unless that was too long ago. */
export function scanFrom(last: ScanMark | undefined, headEpoch: number, freshEpochs: number): ScanMark {
  if (last === undefined || !isFresh(last.epoch, headEpoch, freshEpochs)) return { epoch: headEpoch, after: -1 };
  return last;
}

/** What was read so lately is not asked again. */
export function isFresh(readEpoch: number, headEpoch: number, freshEpochs: number): boolean {
  return readEpoch <= headEpoch && headEpoch - readEpoch < freshEpochs;
}

export function isWanted({ country, ask }: Pick<Candidate, 'country' | 'ask'>, filter: ScanFilter): boolean {
  return (
    (filter.country === undefined || country === filter.country) &&
    (filter.maxPriceAtto === undefined || ask.priceAttoPerGibEpoch <= filter.maxPriceAtto) &&
    (filter.pieceBytes === undefined || (ask.minPieceSizeBytes <= filter.pieceBytes && ask.maxPieceSizeBytes >= filter.pieceBytes))
  );
}

/** Who makes room for one more; nobody while there is room. */
export function oldestBeyond(readEpochs: ReadonlyMap<string, number>, most = CANDIDATES_MAX): string | undefined {
  if (readEpochs.size < most) return undefined;
  let oldest: [string, number] | undefined;
  for (const one of readEpochs) if (oldest === undefined || one[1] < oldest[1]) oldest = one;
  return oldest?.[0];
}
