import { HotError, type HotFailure } from '../domain/ports.ts';
import { RpcError } from './kubo-rpc.ts';

/**
 * What kubo says of content that can never be held: bytes that do not hash to their CID or do not decode, a codec or
 * a hash function that it does not know. Its other errors may say something about the content or not.
 */
const INVALID =
  /unrecognized|not registered|no (de|en)coder|unknown codec|unsupported codec|failed to decode|could not decode|\bEOF\b|unexpected content|invalid (length|wire|protobuf|node|cbor|major|literal|byte|char|unprintable)|nesting depth|too many resources|duplicate map key|protobuf|wire ?type|cbor|insecure hash|different hash|hash mismatch|data did not match|digest too (small|large)|unknown hash|hash function/i;

/** A block that an offline request needs and that is not here. */
const MISSING = /not found locally|could not find|block not found|merkledag: not found/i;

/** What a kubo that is ending says to those who still wait. */
const ENDING = /promise channel was closed|context canceled|shutting down|(is|was|been) closed/i;

function failureOf(error: unknown): HotFailure {
  if (error instanceof HotError) return error.failure;
  if (!(error instanceof RpcError)) return 'down';
  if (error.failure === 'aborted') return 'aborted';
  if (error.failure !== 'refused') return 'down';
  if (ENDING.test(error.message)) return 'down';
  if (MISSING.test(error.message)) return 'stalled';
  return INVALID.test(error.message) ? 'invalid' : 'refused';
}

/** `what` is what was being done, to which CID. */
export function hotErrorOf(error: unknown, what: string): HotError {
  if (error instanceof HotError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new HotError(failureOf(error), `${what}: ${why}`, { cause: error });
}
