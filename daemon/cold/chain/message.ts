import { decode, encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import type { FundingPurpose, Gas } from '../../domain/escrow.ts';
import type { MessageDraft } from '../../domain/wallet-port.ts';
import type { Signature } from '../wallet/signer.ts';
import { addressBytes } from './address.ts';
import { bigIntBytes } from './big-int.ts';
import { cidOfProposal as blakeCid } from './proposal.ts';
import { rlePlusOf } from './rle-plus.ts';

const MARKET_ACTOR = 'f05';
const ADD_BALANCE = 2;
/** By FRC-0042, of the name `SettleDealPayments`: anyone may call it. */
export const SETTLE_DEAL_PAYMENTS = 1_900_091_594;
const BLS = 2;
const VERSION = 0;

/** A message as the VM runs it. */
export interface LotusMessage {
  to: string;
  from: string;
  nonce: number;
  valueAtto: bigint;
  gas: Gas;
  method: number;
  params: Uint8Array;
}

export const NO_GAS: Gas = { limit: 0, feeCapAtto: 0n, premiumAtto: 0n };

export function messageOf({ from, nonce, purpose }: MessageDraft, gas: Gas): LotusMessage {
  return { to: MARKET_ACTOR, from, nonce, gas, ...callOf(purpose, from) };
}

function callOf(purpose: FundingPurpose, from: string): Pick<LotusMessage, 'valueAtto' | 'method' | 'params'> {
  if (purpose.kind === 'top_up') return { valueAtto: purpose.amountAtto, method: ADD_BALANCE, params: encode(addressBytes(from)) };
  return { valueAtto: 0n, method: SETTLE_DEAL_PAYMENTS, params: encode([rlePlusOf(purpose.chainDealIds)]) };
}

/** The CBOR of which the CID is signed. */
function messageBytes({ to, from, nonce, valueAtto, gas, method, params }: LotusMessage): Uint8Array {
  return encode([
    VERSION,
    addressBytes(to),
    addressBytes(from),
    nonce,
    bigIntBytes(valueAtto),
    gas.limit,
    bigIntBytes(gas.feeCapAtto),
    bigIntBytes(gas.premiumAtto),
    method,
    params,
  ]);
}

/** dag-cbor, blake2b-256. */
export function messageCid(message: LotusMessage): string {
  return blakeCid(messageBytes(message));
}

/** What is signed: the bytes of the CID. */
export function bytesToSign(message: LotusMessage): Uint8Array {
  return CID.parse(messageCid(message)).bytes;
}

/** By which everybody calls it. With a BLS signature, which blocks keep apart from their messages, it is the CID without it. */
export function signedMessageCid(message: LotusMessage, { type, data }: Signature): string {
  if (type === BLS) return messageCid(message);
  return blakeCid(encode([decode(messageBytes(message)), Uint8Array.of(type, ...data)]));
}

/** As Lotus writes it in JSON. */
export function renderMessage({ to, from, nonce, valueAtto, gas, method, params }: LotusMessage): Record<string, unknown> {
  return {
    Version: VERSION,
    To: to,
    From: from,
    Nonce: nonce,
    Value: valueAtto.toString(),
    GasLimit: gas.limit,
    GasFeeCap: gas.feeCapAtto.toString(),
    GasPremium: gas.premiumAtto.toString(),
    Method: method,
    Params: params.length === 0 ? null : Buffer.from(params).toString('base64'),
  };
}
