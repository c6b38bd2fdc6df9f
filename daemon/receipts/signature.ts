import { bls12_381 } from '@noble/curves/bls12-381.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { blake2b } from '@noble/hashes/blake2.js';

import { addressBytes } from '../cold/chain/address.ts';

const SECP256K1 = 1;
const BLS = 2;
/** The basic scheme of the IRTF draft, signatures in G2, as Filecoin has it. */
const BLS_DOMAIN = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_';

/**
 * Whether the key behind the address signed the bytes. `signature` is its kind and then the signature. Undefined when that cannot
 * be told from the address: of an actor's number, or a kind of signature that is not known here.
 */
export function isSignedBy(address: string, bytes: Uint8Array, signature: Uint8Array): boolean | undefined {
  const [kind] = signature;
  const wanted = addressBytes(address);
  const payload = wanted.subarray(1);
  try {
    if (kind === SECP256K1 && wanted[0] === 1) return Buffer.from(secpAddress(bytes, signature.subarray(1))).equals(payload);
    if (kind === BLS && wanted[0] === 3) return isBlsSignature(payload, bytes, signature.subarray(1));
  } catch {
    // Points that are not on the curve, lengths that no signature has.
    return false;
  }
  return undefined;
}

/** BLAKE2b-160 of the public key that the 65 bytes `r ‖ s ‖ recovery` give for the BLAKE2b-256 of the bytes. */
function secpAddress(bytes: Uint8Array, signature: Uint8Array): Uint8Array {
  if (signature.length !== 65) throw new RangeError('no signature');
  const recovered = Uint8Array.of(signature[64] ?? 0, ...signature.subarray(0, 64));
  const key = secp256k1.recoverPublicKey(recovered, blake2b(bytes, { dkLen: 32 }), { prehash: false });
  return blake2b(secp256k1.Point.fromBytes(key).toBytes(false), { dkLen: 20 });
}

function isBlsSignature(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const { longSignatures: scheme } = bls12_381;
  const point = bls12_381.G1.Point.fromBytes(key);
  // Under the key of nobody anything is signed.
  if (point.is0()) return false;
  return scheme.verify(signature, scheme.hash(bytes, BLS_DOMAIN), point);
}
