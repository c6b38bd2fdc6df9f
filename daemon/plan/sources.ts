import type { Deal } from '../domain/deal.ts';

/** A copy of a content with a provider, and what speaks for asking it. */
export interface SourceCandidate {
  deal: Pick<Deal, 'id' | 'provider' | 'state' | 'retrievalEvidence' | 'retrievalFailure'>;
  /** In [0, 1], as `scoreOf` has it. */
  score: number;
  /** The operator wants no new deals with it; what it has can be asked for, after that of others. */
  isSuspended: boolean;
  /** What a retrieval cost when it was asked last; undefined when that is not known. */
  priceAtto: bigint | undefined;
}

/** Scores nearer to each other than this are equal. */
const SCORE_STEP = 0.1;

/**
 * Whom to ask for the bytes, in this order: the best provider first, the cheapest where they are equal, then the one that was
 * quickest. Who failed to give back this very copy comes after all who did not, and a deal that is not in a sector yet after
 * those that are: its provider may or may not have unsealed bytes.
 */
export function orderSources<C extends SourceCandidate>(candidates: readonly C[]): C[] {
  return candidates.filter(({ deal }) => deal.state === 'active' || deal.state === 'published').sort(compare);
}

function compare(a: SourceCandidate, b: SourceCandidate): number {
  return (
    Number(hasFailed(a)) - Number(hasFailed(b)) ||
    Number(a.deal.state !== 'active') - Number(b.deal.state !== 'active') ||
    Number(a.isSuspended) - Number(b.isSuspended) ||
    Math.round(b.score / SCORE_STEP) - Math.round(a.score / SCORE_STEP) ||
    comparePrices(a.priceAtto, b.priceAtto) ||
    firstByteMs(a) - firstByteMs(b) ||
    (a.deal.id < b.deal.id ? -1 : 1)
  );
}

function hasFailed({ deal: { retrievalEvidence, retrievalFailure } }: SourceCandidate): boolean {
  return retrievalFailure !== undefined && retrievalFailure.atMs >= (retrievalEvidence?.atMs ?? Number.NEGATIVE_INFINITY);
}

/** What is not known may well be free. */
function comparePrices(a = 0n, b = 0n): number {
  return a < b ? -1 : Number(a > b);
}

/** Who was never asked is neither preferred nor put off: as if it took a second. */
function firstByteMs({ deal: { retrievalEvidence } }: SourceCandidate): number {
  return retrievalEvidence?.firstByteMs ?? 1_000;
}
