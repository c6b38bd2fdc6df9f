import type { Ask } from '../domain/provider.ts';

/** Nobody means it: a FIL for a GiB and half a minute. */
const PRICE_MAX_ATTO = 10n ** 18n;
/** The least piece that there is, padded. */
const PIECE_MIN_BYTES = 128;

/** Why an ask cannot be what a provider means, in words that follow "tells an ask that cannot be:"; undefined when it can. */
export function askProblem(ask: Ask, headEpoch: number): string | undefined {
  const { priceAttoPerGibEpoch, verifiedPriceAttoPerGibEpoch, minPieceSizeBytes: min, maxPieceSizeBytes: max } = ask;
  if (priceAttoPerGibEpoch < 0n || verifiedPriceAttoPerGibEpoch < 0n) return 'its price is below zero';
  if (priceAttoPerGibEpoch > PRICE_MAX_ATTO || verifiedPriceAttoPerGibEpoch > PRICE_MAX_ATTO)
    return 'its price is more than a FIL per GiB and epoch';
  for (const size of [min, max]) if (!isPieceSize(size)) return `no piece has ${size} bytes, as sizes of pieces are powers of two`;
  if (min > max) return `its least piece (${min} bytes) is larger than its largest (${max})`;
  if (ask.expiryEpoch <= headEpoch) return `it expired at epoch ${ask.expiryEpoch}`;
  return undefined;
}

/** Not past its end: then it is read anew before anything is proposed. */
export function isAskCurrent({ expiryEpoch }: Ask, headEpoch: number): boolean {
  return expiryEpoch > headEpoch;
}

function isPieceSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= PIECE_MIN_BYTES && Number.isInteger(Math.log2(bytes));
}
