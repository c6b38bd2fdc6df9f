import { CID } from 'multiformats/cid';

import type { Accounts } from './accounts.ts';
import { addressBytes } from './address.ts';
import type { Chain, Follower } from './chain.ts';
import { blakeCid, decodeCbor, encodeCbor, link } from './cids.ts';
import { RpcError } from './errors.ts';
import { BLS, isSignedBy, type Key, SECP256K1, type Signature, sign } from './keys.ts';
import type { MarketActor } from './market-actor.ts';
import { bigBytes, type Proposal, publishParams, publishReturn, signatureBytes } from './market-cbor.ts';
import { actionOf, methodHash } from './message-params.ts';

/** What a message does. The devnet executes this; the parameters are what others read. */
export type Action =
  | { kind: 'send' }
  | { kind: 'addBalance'; address: string }
  | { kind: 'withdraw'; address: string; atto: string }
  | { kind: 'publish'; deals: readonly SignedProposal[] }
  /** Sector numbers are of no interest here: a deal is found by its proposal, as its number may change in a reorganisation. */
  | { kind: 'prove' | 'settle' | 'terminate'; proposals: readonly Proposal[] }
  /** As a client sends it: by number, some of which there may be none of. */
  | { kind: 'settleIds'; dealIds: readonly number[] }
  /** A method that the actor has not, or parameters that it cannot read. */
  | { kind: 'invalid'; exitCode: number }
  | { kind: 'slash'; proposals: readonly Proposal[]; deleteAfterEpochs: number };

/** As stored: plain JSON. */
export interface SignedProposal {
  proposal: Proposal;
  /** Base64. */
  signature: string;
  /** Default: secp256k1. */
  signatureType?: number;
}

export interface Message {
  /** Of the signed message: what everyone calls it by. */
  cid: string;
  unsignedCid: string;
  from: string;
  to: string;
  nonce: number;
  value: string;
  method: number;
  params: string | null;
  gasPremium: number;
  /** Default: what this node puts into its own messages. */
  gasLimit?: number;
  gasFeeCap?: string;
  /** It came from outside, signed: it waits for its nonce. */
  pushed?: true;
  action: Action;
}

/** A message as `MpoolPush` takes it: what the sender signed, and the signature. */
export interface PushedMessage {
  to: string;
  from: string;
  nonce: number;
  value: bigint;
  gasLimit: number;
  gasFeeCap: bigint;
  gasPremium: bigint;
  method: number;
  params: Uint8Array | null;
}

export interface Receipt {
  exitCode: number;
  /** Base64. */
  returned: string | null;
  gasUsed: number;
  height: number;
}

const MARKET_ACTOR = 'f05';
const METHODS: Readonly<Record<Action['kind'], number>> = {
  send: 0,
  addBalance: 2,
  withdraw: 3,
  publish: 4,
  prove: 7,
  settle: methodHash('SettleDealPayments'),
  settleIds: methodHash('SettleDealPayments'),
  terminate: 9,
  slash: 9,
  invalid: 0,
};
const GAS_USED = 4_544_061;
const GAS_LIMIT = 5_673_576;
const GAS_FEE_CAP = 8_732_529;
const GAS_PREMIUM = 99_261;
/** attoFIL per message: the node burns this and no more. */
const GAS_COST = BigInt(GAS_USED) * 100n;
/** Exit codes. */
const INSUFFICIENT_FUNDS = 6;
const FORBIDDEN = 18;
/** A replacement must offer so much more than what it replaces. */
const REPLACE_PERCENT = 125n;

export function signatureOf({ signature, signatureType = SECP256K1 }: SignedProposal): Signature {
  return { type: signatureType, data: Buffer.from(signature, 'base64') };
}

/** What is signed, as bytes. */
export function unsignedBytes(message: PushedMessage): Uint8Array {
  const { to, from, nonce, value, gasLimit, gasFeeCap, gasPremium, method, params } = message;
  return encodeCbor([
    0,
    addressBytes(to),
    addressBytes(from),
    nonce,
    bigBytes(value),
    gasLimit,
    bigBytes(gasFeeCap),
    bigBytes(gasPremium),
    method,
    params ?? new Uint8Array(),
  ]);
}

/** Messages: those that wait, and what became of the others. */
export class Messages implements Follower {
  readonly #chain: Chain;
  readonly #accounts: Accounts;
  readonly #market: MarketActor;
  readonly #minPremium: () => number;
  #all = new Map<string, Message>();
  #waiting: string[] = [];
  /** Replaced by another at the same nonce: old CID to new. */
  #replaced = new Map<string, string>();

  constructor(chain: Chain, accounts: Accounts, market: MarketActor, minPremium: () => number = () => 0) {
    this.#chain = chain;
    this.#accounts = accounts;
    this.#market = market;
    this.#minPremium = minPremium;
  }

  /** Signs and puts it into the pool. Rejects as Lotus does when the sender cannot pay. */
  push(key: Key, action: Action, options: { to?: string; value?: bigint } = {}): Message {
    const { to = MARKET_ACTOR, value = 0n } = options;
    this.#mustAfford(key.address, value);
    const message = this.#sign(key, action, { to, value, nonce: this.nextNonce(key.address), gasPremium: GAS_PREMIUM });
    this.#all.set(message.cid, message);
    this.#waiting.push(message.cid);
    return message;
  }

  /** Takes a message that somebody signed elsewhere, in Lotus' order of checks and in its words. */
  pushSigned(message: PushedMessage, signature: Signature): string {
    const unsigned = unsignedBytes(message);
    const unsignedCid = blakeCid(unsigned);
    const from = this.#accounts.keyAddress(message.from);
    const { nonce } = message;
    if (!isSignedBy(from, CID.parse(unsignedCid).bytes, signature)) {
      const why = `message ${unsignedCid} has invalid signature (type ${signature.type}): signature did not match`;
      throw new RpcError(1, `signature verification failed: failed to validate signature: ${why}`);
    }
    const least = this.#accounts.nonce(from);
    if (nonce < least) throw new RpcError(1, `minimum expected nonce is ${least}: message nonce too low`);
    const cid = signature.type === BLS ? unsignedCid : blakeCid(encodeCbor([decodeCbor(unsigned), signatureBytes(signature)]));
    const old = this.#waitingAt(from, nonce);
    if (old !== undefined) this.#mustOutbid(old, message, cid);
    this.#mustAfford(from, message.value);
    this.#all.set(cid, {
      cid,
      unsignedCid,
      from,
      to: message.to,
      nonce,
      value: message.value.toString(),
      method: message.method,
      params: message.params === null ? null : Buffer.from(message.params).toString('base64'),
      gasPremium: Number(message.gasPremium),
      gasLimit: message.gasLimit,
      gasFeeCap: message.gasFeeCap.toString(),
      pushed: true,
      action: actionOf(message),
    });
    if (old === undefined) this.#waiting.push(cid);
    else {
      this.#waiting = this.#waiting.map((one) => (one === old.cid ? cid : one));
      this.#replaced.set(old.cid, cid);
    }
    return cid;
  }

  /** The same message again with more gas: the old one never reaches the chain, and a look-up gives the new one. */
  replace(key: Key, cid: string): Message {
    const old = this.get(cid);
    const { to, value, nonce, gasPremium, action } = old;
    const message = this.#sign(key, action, { to, value: BigInt(value), nonce, gasPremium: Math.ceil(gasPremium * 1.25) });
    this.#all.set(message.cid, message);
    this.#waiting = this.#waiting.map((one) => (one === cid ? message.cid : one));
    this.#replaced.set(cid, message.cid);
    return message;
  }

  get(cid: string): Message {
    const message = this.#all.get(cid) ?? [...this.#all.values()].find(({ unsignedCid }) => unsignedCid === cid);
    if (message === undefined) throw new RpcError(1, `ipld: could not find ${cid}`);
    return message;
  }

  /** Undefined while it is not on the chain. */
  receipt(cid: string, epoch?: number): { cid: string; receipt: Receipt } | undefined {
    const found = this.#replaced.get(cid) ?? cid;
    const receipt = this.#chain.state.get<Receipt>(`receipt:${found}`, epoch);
    return receipt === undefined ? undefined : { cid: found, receipt };
  }

  /** Those that blocks of these heights have, newest first. */
  included({ from, to }: { from: number; to: number }): Message[] {
    const heights = [...this.#all.values()].map((message) => ({ message, height: this.receipt(message.cid, to)?.receipt.height ?? -1 }));
    return heights
      .filter(({ message, height }) => height >= from && !this.#replaced.has(message.cid))
      .sort((a, b) => b.height - a.height)
      .map(({ message }) => message);
  }

  /** What a block up to that epoch has of the same sender with the same nonce, if that is another call. */
  otherAtNonce({ cid, from, nonce, to, value, method, params }: Message, epoch: number): Message | undefined {
    const same = [...this.#all.values()].filter((one) => one.from === from && one.nonce === nonce && one.cid !== cid);
    return same
      .filter((one) => this.#chain.state.get<Receipt>(`receipt:${one.cid}`, epoch) !== undefined)
      .find((one) => one.to !== to || one.value !== value || one.method !== method || one.params !== params);
  }

  nextNonce(address: string): number {
    const key = this.#accounts.keyAddress(address);
    return this.#accounts.nonce(key) + this.#waiting.filter((cid) => this.#all.get(cid)?.from === key).length;
  }

  due(epoch: number): number {
    return this.#waiting.length > 0 ? epoch + 1 : Number.POSITIVE_INFINITY;
  }

  onEpoch(epoch: number): void {
    const batch = this.#waiting;
    this.#waiting = [];
    for (const cid of this.#inOrder(batch)) {
      const message = this.get(cid);
      const place = message.nonce - this.#accounts.nonce(message.from);
      // Another message had its nonce.
      if (message.pushed === true && place < 0) continue;
      // A gap before it: it waits for the message that fills it.
      if (message.pushed === true && (place > 0 || message.gasPremium < this.#minPremium())) this.#waiting.push(cid);
      else this.#include(message, epoch);
    }
  }

  /** What was taken back waits again, newest last. */
  onReorg(): void {
    const back = [...this.#all.values()].filter(({ cid }) => this.receipt(cid) === undefined && !this.#replaced.has(cid));
    this.#waiting = back.map(({ cid }) => cid);
  }

  /** Messages that are in no block and never will be. */
  drop(which: (message: Message) => boolean): void {
    const gone = new Set(this.#waiting.filter((cid) => which(this.get(cid))));
    this.#waiting = this.#waiting.filter((cid) => !gone.has(cid));
    for (const cid of gone) this.#all.delete(cid);
  }

  dump() {
    return { all: [...this.#all], waiting: this.#waiting, replaced: [...this.#replaced] };
  }

  load(dump: ReturnType<Messages['dump']>): void {
    this.#all = new Map(dump.all);
    this.#waiting = dump.waiting;
    this.#replaced = new Map(dump.replaced);
  }

  /** Those that were pushed stand by their nonces, in the places that they have. */
  #inOrder(cids: readonly string[]): string[] {
    const isPushed = (cid: string) => this.get(cid).pushed === true;
    const sorted = cids.filter(isPushed).sort((one, other) => this.get(one).nonce - this.get(other).nonce);
    return cids.map((cid) => (isPushed(cid) ? (sorted.shift() ?? cid) : cid));
  }

  #waitingAt(from: string, nonce: number): Message | undefined {
    return this.#waiting.map((cid) => this.get(cid)).find((one) => one.from === from && one.nonce === nonce);
  }

  #mustOutbid(old: Message, { from, nonce, gasPremium }: PushedMessage, cid: string): void {
    const known = `message from ${from} with nonce ${nonce} already in mpool`;
    if (old.cid === cid) throw new RpcError(1, `failed to add locked: ${known}: message with nonce already exists`);
    const least = (BigInt(old.gasPremium) * REPLACE_PERCENT) / 100n + 1n;
    if (gasPremium < least) {
      const why = `increase GasPremium to ${least} from ${gasPremium} to trigger replace by fee`;
      throw new RpcError(1, `failed to add locked: ${known}, ${why}: replace by fee has too low GasPremium`);
    }
  }

  #mustAfford(address: string, value: bigint): void {
    if (this.#accounts.find(address) === undefined) throw new RpcError(1, `resolve address ${address}: actor not found`);
    const balance = this.#accounts.balance(address);
    if (balance < value + GAS_COST) {
      throw new RpcError(1, `mpool push: not enough funds: ${balance} < ${value + GAS_COST}: not enough funds to execute transaction`);
    }
  }

  #sign(key: Key, action: Action, fields: { to: string; value: bigint; nonce: number; gasPremium: number }): Message {
    const { to, value, nonce, gasPremium } = fields;
    const params = paramsOf(action);
    const method = METHODS[action.kind];
    const unsigned = unsignedBytes({
      to,
      from: key.address,
      nonce,
      value,
      gasLimit: GAS_LIMIT,
      gasFeeCap: BigInt(GAS_FEE_CAP),
      gasPremium: BigInt(gasPremium),
      method,
      params,
    });
    const unsignedCid = blakeCid(unsigned);
    const signature = sign(key, CID.parse(unsignedCid).bytes);
    return {
      cid: blakeCid(encodeCbor([decodeCbor(unsigned), signatureBytes(signature)])),
      unsignedCid,
      from: key.address,
      to,
      nonce,
      value: value.toString(),
      method,
      params: params === null ? null : Buffer.from(params).toString('base64'),
      gasPremium,
      action,
    };
  }

  #include(message: Message, height: number): void {
    this.#accounts.setNonce(message.from, message.nonce + 1);
    this.#accounts.credit(message.from, -GAS_COST);
    const { action } = message;
    const isShort = this.#accounts.balance(message.from) < BigInt(message.value);
    const returned = isShort ? undefined : this.#execute(message);
    const why = isShort ? INSUFFICIENT_FUNDS : action.kind === 'invalid' ? action.exitCode : FORBIDDEN;
    const receipt: Receipt = {
      exitCode: returned === undefined ? why : 0,
      returned: returned == null ? null : Buffer.from(returned).toString('base64'),
      gasUsed: GAS_USED,
      height,
    };
    this.#chain.state.set(`receipt:${message.cid}`, height, receipt);
  }

  /** What it returns, null for nothing; undefined when it fails. */
  #execute({ action, from, to, value }: Message): Uint8Array | null | undefined {
    switch (action.kind) {
      case 'send':
        this.#accounts.credit(from, -BigInt(value));
        this.#accounts.credit(to, BigInt(value));
        return null;
      case 'addBalance':
        this.#accounts.credit(from, -BigInt(value));
        this.#market.addEscrow(this.#accounts.id(action.address), BigInt(value));
        return null;
      case 'withdraw':
        return this.#withdraw(action.address, BigInt(action.atto));
      case 'publish':
        return this.#publish(action.deals);
      case 'prove':
        for (const dealId of this.#dealIds(action.proposals)) this.#market.activate(dealId);
        return null;
      case 'settle':
      case 'terminate':
        for (const dealId of this.#dealIds(action.proposals)) this.#market[action.kind](dealId);
        return null;
      case 'settleIds':
        for (const dealId of action.dealIds) this.#market.settle(dealId);
        return null;
      case 'slash':
        for (const dealId of this.#dealIds(action.proposals)) this.#market.slash(dealId, action.deleteAfterEpochs);
        return null;
      case 'invalid':
        return undefined;
    }
  }

  #dealIds(proposals: readonly Proposal[]): number[] {
    return proposals.flatMap((proposal) => this.#market.find(proposal) ?? []);
  }

  #withdraw(address: string, atto: bigint): null {
    const id = this.#accounts.id(address);
    const free = this.#market.escrow(id) - this.#market.locked(id);
    const taken = atto < free ? atto : free;
    this.#market.addEscrow(id, -taken);
    this.#accounts.credit(address, taken);
    return null;
  }

  /** Takes the valid ones; fails only when none is. */
  #publish(deals: readonly SignedProposal[]): Uint8Array | undefined {
    const ids = deals.map((deal) =>
      this.#market.problem(deal.proposal, signatureOf(deal)) === undefined ? this.#market.publish(deal.proposal) : undefined,
    );
    const taken = ids.filter((id) => id !== undefined);
    if (taken.length === 0) return undefined;
    return publishReturn(
      taken,
      ids.map((id) => id !== undefined),
    );
  }
}

function paramsOf(action: Action): Uint8Array | null {
  switch (action.kind) {
    case 'send':
      return null;
    case 'addBalance':
      return encodeCbor(addressBytes(action.address));
    case 'withdraw':
      return encodeCbor([addressBytes(action.address), bigBytes(action.atto)]);
    case 'publish':
      return publishParams(action.deals.map((deal) => ({ proposal: deal.proposal, signature: signatureOf(deal) })));
    case 'settleIds':
    case 'invalid':
      return null;
    default:
      return encodeCbor(action.proposals.length);
  }
}

/** As `ChainGetMessage` gives it. */
export function renderMessage(message: Message): Record<string, unknown> {
  return {
    Version: 0,
    To: message.to,
    From: message.from,
    Nonce: message.nonce,
    Value: message.value,
    GasLimit: message.gasLimit ?? GAS_LIMIT,
    GasFeeCap: message.gasFeeCap ?? String(GAS_FEE_CAP),
    GasPremium: String(message.gasPremium),
    Method: message.method,
    Params: message.params,
    CID: link(message.unsignedCid),
  };
}
