import { blake2b } from '@noble/hashes/blake2.js';

import { addressText } from './address.ts';
import { decodeCbor } from './cids.ts';
import type { Action, PushedMessage } from './messages.ts';

const MARKET_ACTOR = 'f05';
const SEND = 0;
const ADD_BALANCE = 2;
const WITHDRAW_BALANCE = 3;
/** FRC-0042 numbers begin here. */
const FIRST_HASHED_METHOD = 2 ** 24;
/** Settled by one message. */
const DEALS_MAX = 10_000;
/** Exit codes of the VM. */
const INVALID_METHOD = 22;
const BAD_PARAMETERS = 21;

/** The number of a method that everyone may call, by FRC-0042. */
export function methodHash(name: string): number {
  const digest = blake2b(new TextEncoder().encode(`1|${name}`), { dkLen: 64 });
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  for (let at = 0; at < digest.length; at += 4) {
    if (view.getUint32(at) >= FIRST_HASHED_METHOD) return view.getUint32(at);
  }
  throw new Error(`no method number for ${name}`);
}

const ACTIONS: Readonly<Record<number, (params: unknown) => Action>> = {
  [ADD_BALANCE]: addBalance,
  [methodHash('AddBalance')]: addBalance,
  [WITHDRAW_BALANCE]: withdraw,
  [methodHash('WithdrawBalance')]: withdraw,
  [methodHash('SettleDealPayments')]: (params) => {
    const [ids] = params as [Uint8Array];
    return { kind: 'settleIds', dealIds: readRlePlus(ids) };
  },
};

/** What a message that somebody else made asks for. */
export function actionOf({ to, method, params }: Pick<PushedMessage, 'to' | 'method' | 'params'>): Action {
  if (method === SEND) return { kind: 'send' };
  const parse = to === MARKET_ACTOR ? ACTIONS[method] : undefined;
  if (parse === undefined) return { kind: 'invalid', exitCode: INVALID_METHOD };
  try {
    return parse(decodeCbor(params ?? new Uint8Array()));
  } catch {
    return { kind: 'invalid', exitCode: BAD_PARAMETERS };
  }
}

function addBalance(params: unknown): Action {
  return { kind: 'addBalance', address: addressText(params as Uint8Array) };
}

function withdraw(params: unknown): Action {
  const [address, amount] = params as [Uint8Array, Uint8Array];
  const atto = amount.length === 0 ? 0n : BigInt(`0x${Buffer.from(amount.subarray(1)).toString('hex')}`);
  return { kind: 'withdraw', address: addressText(address), atto: atto.toString() };
}

/** The set bits of an RLE+ bit field: the inverse of `rlePlus`. */
export function readRlePlus(bytes: Uint8Array): number[] {
  const bits = Array.from({ length: bytes.length * 8 }, (_, index) => ((bytes[index >> 3] ?? 0) >> (index & 7)) & 1);
  let at = 2;
  const take = (count: number) => {
    const value = bits.slice(at, at + count).reduce((sum, bit, index) => sum + bit * 2 ** index, 0);
    at += count;
    return value;
  };
  const found: number[] = [];
  let isSet = take(1) === 1;
  for (let position = 0; bits.indexOf(1, at) >= 0; isSet = !isSet) {
    const length = runLength(take);
    if (isSet && found.length + length > DEALS_MAX) throw new Error('too many bits');
    if (isSet) for (let index = 0; index < length; index += 1) found.push(position + index);
    position += length;
  }
  return found;
}

function runLength(take: (count: number) => number): number {
  if (take(1) === 1) return 1;
  if (take(1) === 1) return take(4);
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = take(8);
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return length;
  }
}
