import type { Clock } from '../../domain/ports.ts';
import type { Desk } from './desk.ts';

/** What came of asking a provider for the bytes of a deal: they came and hashed, or why they did not. */
export type RetrievalResult = { bytes: number; tookMs: number; firstByteMs: number } | { failure: string };

/** The epochs of one look at the chain. */
export interface NoteEpochs {
  headEpoch: number;
  finalizedEpoch: number;
}

/** Takes it down with the deal and its provider. A failure costs the provider score; only the chain says that a deal is lost. */
export async function noteRetrieval(
  { desk, clock }: { desk: Desk; clock: Clock },
  dealId: string,
  { headEpoch, finalizedEpoch }: NoteEpochs,
  result: RetrievalResult,
): Promise<void> {
  const atMs = clock.nowMs();
  await desk.change(dealId, headEpoch, ({ retrievalFailure: _, ...deal }) => {
    const failed = 'failure' in result;
    return {
      deal: failed
        ? { ...deal, retrievalFailure: { atMs, epoch: headEpoch, text: result.failure } }
        : { ...deal, retrievalEvidence: { kind: 'retrieval', ...result, seenEpoch: finalizedEpoch, atMs } },
      budgetAtto: 0n,
      events: [
        {
          epoch: headEpoch,
          atMs,
          kind: failed ? 'retrieval_failed' : 'verified',
          text: `deal ${dealId}: ${failed ? result.failure : 'its bytes came back'}`,
        },
      ],
      resend: false,
    };
  });
}
