import { blake2b } from '@noble/hashes/blake2.js';
import { base32 } from 'multiformats/bases/base32';

const CHECKSUM_BYTES = 4;
const PAYLOAD_BYTES: Readonly<Record<number, number>> = { 1: 20, 2: 20, 3: 48 };
const ADDRESS = /^[ft]([0-4])(.+)$/;
const ACTOR_ID = /^\d{1,19}$/;

/**
 * A Filecoin address as the bytes that are in messages: the protocol, then what it is of. `f0` holds the actor's number
 * as varint, `f1` to `f3` a hash or key with a checksum, `f4` an actor's number and a name under it.
 * Throws a TypeError.
 */
export function addressBytes(address: string): Uint8Array {
  const [, protocolText, rest = ''] = ADDRESS.exec(address) ?? [];
  if (protocolText === undefined) throw notAnAddress(address);
  const protocol = Number(protocolText);
  if (protocol === 0) return Uint8Array.of(0, ...varint(actorId(rest, address)));
  if (protocol === 4) return delegated(rest, address);
  const payload = checked(Uint8Array.of(protocol), rest, address);
  if (payload.length !== PAYLOAD_BYTES[protocol] || encode(protocol, payload) !== rest) throw notAnAddress(address);
  return Uint8Array.of(protocol, ...payload);
}

/** The other way round, for addresses that came in messages. */
export function addressText(bytes: Uint8Array): string {
  const protocol = bytes[0];
  const payload = bytes.subarray(1);
  if (protocol === 0) return `f0${readVarint(payload).value}`;
  if (protocol === 4) {
    const { value, length } = readVarint(payload);
    const name = payload.subarray(length);
    return `f4${value}f${base32.baseEncode(withChecksum(bytes, name))}`;
  }
  if (protocol === undefined || PAYLOAD_BYTES[protocol] !== payload.length) throw new TypeError('bytes that are no Filecoin address');
  return `f${protocol}${encode(protocol, payload)}`;
}

/** Whether it names a key, and thus may sign, rather than an actor. */
export function isKeyAddress(address: string): boolean {
  return /^[ft][13]/.test(address);
}

function encode(protocol: number, payload: Uint8Array): string {
  return base32.baseEncode(withChecksum(Uint8Array.of(protocol, ...payload), payload));
}

function withChecksum(whole: Uint8Array, shown: Uint8Array): Uint8Array {
  return Uint8Array.of(...shown, ...blake2b(whole, { dkLen: CHECKSUM_BYTES }));
}

function delegated(rest: string, address: string): Uint8Array {
  const [, id, name] = /^(\d+)f(.+)$/.exec(rest) ?? [];
  if (id === undefined || name === undefined) throw notAnAddress(address);
  const prefix = Uint8Array.of(4, ...varint(actorId(id, address)));
  return Uint8Array.of(...prefix, ...checked(prefix, name, address));
}

function checked(prefix: Uint8Array, text: string, address: string): Uint8Array {
  const decoded = decode(text, address);
  const payload = decoded.subarray(0, -CHECKSUM_BYTES);
  const sum = blake2b(Uint8Array.of(...prefix, ...payload), { dkLen: CHECKSUM_BYTES });
  if (!sum.every((byte, at) => decoded[payload.length + at] === byte)) throw notAnAddress(address);
  return payload;
}

function decode(text: string, address: string): Uint8Array {
  try {
    return base32.baseDecode(text);
  } catch {
    throw notAnAddress(address);
  }
}

function actorId(text: string, address: string): bigint {
  if (!ACTOR_ID.test(text)) throw notAnAddress(address);
  return BigInt(text);
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  return [...bytes, Number(left)];
}

function readVarint(bytes: Uint8Array): { value: bigint; length: number } {
  let value = 0n;
  for (const [at, byte] of bytes.subarray(0, 10).entries()) {
    value |= BigInt(byte & 0x7f) << BigInt(7 * at);
    if (byte < 0x80) return { value, length: at + 1 };
  }
  throw new TypeError('bytes that are no Filecoin address');
}

function notAnAddress(address: string): TypeError {
  return new TypeError(`${address.slice(0, 100)} is no Filecoin address`);
}
