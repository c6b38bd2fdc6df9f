import type { Deal } from '../domain/deal.ts';
import type { BuiltPiece } from '../domain/piece.ts';
import type { ColdRules } from './rules.ts';

/** What samples have cost on one day so far. */
export interface SampleSpent {
  day: number;
  bytes: number;
  atto: bigint;
}

export type SamplePlan =
  | { kind: 'take'; spent: SampleSpent }
  /** `recent`: it was sampled a short while ago; the others name the budget that is used up. */
  | { kind: 'skip'; reason: 'recent' | 'over_bytes' | 'over_money' };

/** Whether a deal's bytes may be fetched back today, and what is booked for it if so. */
export function planSample(
  { retrievalEvidence, retrievalFailure }: Pick<Deal, 'retrievalEvidence' | 'retrievalFailure'>,
  { carSizeBytes }: Pick<BuiltPiece, 'carSizeBytes'>,
  priceAtto: bigint,
  spent: SampleSpent,
  headEpoch: number,
  rules: Pick<ColdRules, 'sampleBytesPerDay' | 'sampleAttoPerDay' | 'recheckEpochs'>,
): SamplePlan {
  const lastEpoch = Math.max(retrievalEvidence?.seenEpoch ?? Number.NEGATIVE_INFINITY, retrievalFailure?.epoch ?? Number.NEGATIVE_INFINITY);
  if (headEpoch - lastEpoch < rules.recheckEpochs) return { kind: 'skip', reason: 'recent' };
  const after = { day: spent.day, bytes: spent.bytes + carSizeBytes, atto: spent.atto + priceAtto };
  if (after.bytes > rules.sampleBytesPerDay) return { kind: 'skip', reason: 'over_bytes' };
  if (after.atto > rules.sampleAttoPerDay) return { kind: 'skip', reason: 'over_money' };
  return { kind: 'take', spent: after };
}
