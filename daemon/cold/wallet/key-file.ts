import { secp256k1 } from '@noble/curves/secp256k1.js';
import { blake2b } from '@noble/hashes/blake2.js';

import { ColdError } from '../../domain/cold-ports.ts';
import { addressText } from '../chain/address.ts';
import type { Signer } from './signer.ts';

const SECP256K1 = 1;
const KEY_BYTES = 32;
const DIGEST_BYTES = 32;
const ADDRESS_HASH_BYTES = 20;

/**
 * Reads a key as `lotus wallet export` writes it: JSON in hex, `{"Type":"secp256k1","PrivateKey":"<base64>"}`.
 * Throws a TypeError, in whose message there is nothing of the key.
 */
export function parseExportedKey(text: string): Uint8Array {
  const { Type, PrivateKey } = exported(text.trim());
  if (Type !== 'secp256k1')
    throw new TypeError(`holds a key of the type ${JSON.stringify(String(Type).slice(0, 20))}: only secp256k1 (f1…) keys can sign here`);
  const secret = Buffer.from(typeof PrivateKey === 'string' ? PrivateKey : '', 'base64');
  if (secret.length !== KEY_BYTES || !secp256k1.utils.isValidSecretKey(secret)) throw new TypeError('holds no key that secp256k1 has');
  return secret;
}

function exported(hex: string): { Type?: unknown; PrivateKey?: unknown } {
  const notExported = 'is not what `lotus wallet export` writes: JSON with Type and PrivateKey, in hex';
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw new TypeError(notExported);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(hex, 'hex').toString('utf8'));
  } catch {
    // Not handed on as the cause: it quotes the text.
    throw new TypeError(notExported);
  }
  if (typeof value !== 'object' || value === null) throw new TypeError(notExported);
  return value;
}

/** Signs here, with a secp256k1 key: no Lotus wallet is needed. `address` is the key's, `f1…`. */
export function createKeySigner(secret: Uint8Array): { address: string; signer: Signer } {
  const hash = blake2b(secp256k1.getPublicKey(secret, false), { dkLen: ADDRESS_HASH_BYTES });
  const address = addressText(Uint8Array.of(SECP256K1, ...hash));
  const signer: Signer = {
    address: async (signal) => unlessAborted(signal, address),
    async sign(bytes, signal) {
      // RFC 6979 without extra entropy: the same each time. Lotus wants the recovery byte last, noble has it first.
      const options = { prehash: false, format: 'recovered', extraEntropy: false } as const;
      const [recovery = 0, ...data] = secp256k1.sign(blake2b(bytes, { dkLen: DIGEST_BYTES }), secret, options);
      return unlessAborted(signal, { type: SECP256K1, data: Uint8Array.of(...data, recovery) });
    },
    problem: async () => undefined,
    advice: async () => undefined,
  };
  return { address, signer };
}

function unlessAborted<T>(signal: AbortSignal, value: T): T {
  if (signal.aborted) throw new ColdError('aborted', 'it was stopped');
  return value;
}
