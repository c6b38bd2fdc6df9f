import { ColdError } from '../domain/cold-ports.ts';
import type { Elsewhere, SourceOutcome } from '../domain/retrieval-ports.ts';
import { ASK_MS, strangerMs } from './patience.ts';
import type { FoundSource } from './ports.ts';

export interface ElsewhereQuestion {
  elsewhere: Elsewhere;
  contentKey: string;
  /** Those that are asked anyway. */
  providers: readonly string[];
  /** As far as it is known. */
  sizeBytes: number;
  /** More cannot be in it. */
  bytesMax: number;
}

/** Who else may have a content, or what was said instead. */
export async function findElsewhere(
  { elsewhere, contentKey, providers, sizeBytes, bytesMax }: ElsewhereQuestion,
  signal: AbortSignal,
): Promise<{ found: FoundSource[]; problem?: Pick<SourceOutcome, 'result' | 'text'> }> {
  try {
    const parties = await elsewhere.find(contentKey, providers, signal);
    const found = parties.map(
      ({ name, open }): FoundSource => ({ elsewhere: name, open, bytesMax, firstByteMs: ASK_MS, wholeMs: strangerMs(sizeBytes) }),
    );
    return found.length > 0 ? { found } : { found, problem: { result: 'refused', text: 'it names nobody else who gives it' } };
  } catch (error) {
    if (!(error instanceof ColdError)) throw error;
    return { found: [], problem: { result: error.failure === 'refused' ? 'refused' : 'unreachable', text: error.message } };
  }
}
