import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

import { secp256k1 } from '@noble/curves/secp256k1.js';
import { blake2b } from '@noble/hashes/blake2.js';

import { addressBytes, keyAddress } from './address.ts';

export const SECP256K1 = 1;
export const BLS = 2;

/** BLS keys are rare here, and their curve takes a tenth of a second to load: only when one is met. */
const loadBls = createRequire(import.meta.url);
const BLS_DOMAIN = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_';

/** Type 1 is secp256k1, 2 BLS, as in Lotus. */
export interface Signature {
  type: number;
  data: Uint8Array;
}

/** A secp256k1 key with its `f1…` address. */
export interface Key {
  secret: Uint8Array;
  address: string;
}

/** The key that belongs to a seed: the same on every start. */
export function keyOf(seed: string): Key {
  const secret = createHash('sha256').update(`fbpd devnet key ${seed}`).digest();
  return { secret, address: keyAddress(secp256k1.getPublicKey(secret, false)) };
}

/** Signs as Lotus' secp256k1 wallets do: over blake2b-256 of the bytes, deterministic (RFC 6979), `r ‖ s ‖ recovery`. */
export function sign(key: Key, bytes: Uint8Array): Signature {
  const recovered = secp256k1.sign(blake2b(bytes, { dkLen: 32 }), key.secret, { prehash: false, format: 'recovered' });
  return { type: 1, data: Uint8Array.from([...recovered.subarray(1), recovered[0] ?? 0]) };
}

/** Whether the key behind that `f1…` or `f3…` address made the signature. */
export function isSignedBy(address: string, bytes: Uint8Array, signature: Signature): boolean {
  if (signature.type === BLS) return isBlsSignedBy(address, bytes, signature.data);
  if (signature.type !== SECP256K1 || signature.data.length !== 65) return false;
  try {
    const recovered = Uint8Array.from([signature.data[64] ?? 0, ...signature.data.subarray(0, 64)]);
    const compressed = secp256k1.recoverPublicKey(recovered, blake2b(bytes, { dkLen: 32 }), { prehash: false });
    return keyAddress(secp256k1.Point.fromBytes(compressed).toBytes(false)) === address;
  } catch {
    return false;
  }
}

/** Over the bytes themselves, not over a hash of them; the key is the address. */
function isBlsSignedBy(address: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  if (!address.startsWith('f3')) return false;
  const { bls12_381 } = loadBls('@noble/curves/bls12-381.js') as typeof import('@noble/curves/bls12-381.js');
  const scheme = bls12_381.longSignatures;
  try {
    return scheme.verify(signature, scheme.hash(bytes, BLS_DOMAIN), addressBytes(address).subarray(1));
  } catch {
    return false;
  }
}
