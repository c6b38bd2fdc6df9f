import { ColdError } from '../../domain/cold-ports.ts';

/** Every call to another program ends: with our own signal, or when its time is over. */
export function within(signal: AbortSignal, timeoutMs: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
}

/** A short question to the Lotus node, a longer one that reaches a provider, and the import of a whole CAR. */
export const ASK_NODE_MS = 20_000;
export const ASK_PROVIDER_MS = 60_000;
export const SEND_MS = 180_000;
const BYTES_PER_MS = 1_024;

/** For moving a CAR: a minute, and a second for each MiB. */
export function transferMs(bytes: number): number {
  return ASK_PROVIDER_MS + Math.ceil(bytes / BYTES_PER_MS);
}

/** What a call gives, or undefined when chain, node or provider did not answer it; anything else that it throws is a fault of ours. */
export async function answerOf<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ColdError) return undefined;
    throw error;
  }
}
