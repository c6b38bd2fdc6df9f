import { createHash } from 'node:crypto';

import { base58btc } from 'multiformats/bases/base58';

/** Begins every secret, so that one that leaked is recognised where it lies. */
const PREFIX = 'fbp_';
const RANDOM_SIZE_BYTES = 32;
const CHECKSUM_SIZE_BYTES = 4;
/** Base58 of 36 bytes has at most 50 characters; anything longer is not worth decoding. */
const MAX_SECRET_LENGTH_CHARS = PREFIX.length + 50;

/** `fbp_` and base58 of 256 random bits with a checksum behind them. */
export function encodeSecret(random: Uint8Array): string {
  if (random.byteLength !== RANDOM_SIZE_BYTES) throw new RangeError(`a secret takes ${RANDOM_SIZE_BYTES} random bytes`);
  return PREFIX + base58btc.baseEncode(Buffer.concat([random, checksumOf(random)]));
}

/** True when the text can be a secret of ours: a mistyped one is told apart without looking anything up. */
export function isWellFormedSecret(text: string): boolean {
  if (!text.startsWith(PREFIX) || text.length > MAX_SECRET_LENGTH_CHARS) return false;
  const bytes = decode(text.slice(PREFIX.length));
  if (bytes?.byteLength !== RANDOM_SIZE_BYTES + CHECKSUM_SIZE_BYTES) return false;
  return checksumOf(bytes.subarray(0, RANDOM_SIZE_BYTES)).equals(bytes.subarray(RANDOM_SIZE_BYTES));
}

/**
 * What is stored of a secret. Looking it up by this hash leaks nothing by its timing: a guess tells an attacker at most
 * how its own hash sorts. With 256 random bits no salt or slow hash is needed.
 */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function checksumOf(random: Uint8Array): Buffer {
  return createHash('sha256').update(PREFIX).update(random).digest().subarray(0, CHECKSUM_SIZE_BYTES);
}

function decode(text: string): Uint8Array | undefined {
  try {
    return base58btc.baseDecode(text);
  } catch {
    return undefined;
  }
}
