import { blake2b } from '@noble/hashes/blake2.js';
import { base32 } from 'multiformats/bases/base32';

/** Filecoin addresses: 0 is an actor's number, 1 a secp256k1 key, 2 a robust actor address, 3 a BLS key. */
export type Protocol = 0 | 1 | 2 | 3;

const CHECKSUM_BYTES = 4;
const PAYLOAD_BYTES: Readonly<Record<Exclude<Protocol, 0>, number>> = { 1: 20, 2: 20, 3: 48 };

/** `f1…` or `t1…` and the like → the bytes that are written on chain. Throws on anything that is no address. */
export function addressBytes(text: string): Uint8Array {
  const match = /^[ft]([0-3])([0-9a-z]+)$/.exec(text);
  const [, digit = '', rest = ''] = match ?? [];
  const protocol = Number(digit) as Protocol;
  if (match === null) throw new Error(`invalid address: ${text}`);
  if (protocol === 0) {
    if (!/^\d{1,19}$/.test(rest)) throw new Error(`invalid address: ${text}`);
    return Uint8Array.from([0, ...uvarint(BigInt(rest))]);
  }
  const decoded = base32.baseDecode(rest);
  const payload = decoded.subarray(0, -CHECKSUM_BYTES);
  const bytes = Uint8Array.from([protocol, ...payload]);
  const sound = payload.length === PAYLOAD_BYTES[protocol] && base32.baseEncode(withChecksum(bytes)) === rest;
  if (!sound) throw new Error(`invalid address: ${text}`);
  return bytes;
}

/** The text of an address as Lotus writes it on every network: `f…`. */
export function addressText(bytes: Uint8Array): string {
  const protocol = bytes[0] ?? 0;
  if (protocol === 0) return `f0${readUvarint(bytes.subarray(1))}`;
  return `f${protocol}${base32.baseEncode(withChecksum(bytes))}`;
}

/** `f1…` of an uncompressed (65 bytes) secp256k1 public key. */
export function keyAddress(publicKey: Uint8Array): string {
  return addressText(Uint8Array.from([1, ...blake2b(publicKey, { dkLen: 20 })]));
}

export function isAddress(text: unknown): text is string {
  if (typeof text !== 'string') return false;
  try {
    addressBytes(text);
    return true;
  } catch {
    return false;
  }
}

/** The number of an ID address. */
export function actorNumber(id: string): number {
  return Number(id.slice(2));
}

/** Payload and checksum, which is what the text encodes behind its protocol digit. */
function withChecksum(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytes.subarray(1), ...blake2b(bytes, { dkLen: CHECKSUM_BYTES })]);
}

function uvarint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

function readUvarint(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte, index) => value + (BigInt(byte & 0x7f) << BigInt(7 * index)), 0n);
}
