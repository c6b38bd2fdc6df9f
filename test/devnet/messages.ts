import { CID } from 'multiformats/cid';

import type { Accounts } from './accounts.ts';
import { addressBytes } from './address.ts';
import type { Chain, Follower } from './chain.ts';
import { blakeCid, encodeCbor, link } from './cids.ts';
import { RpcError } from './errors.ts';
import { type Key, type Signature, sign } from './keys.ts';
import type { MarketActor } from './market-actor.ts';
import { bigBytes, type Proposal, publishParams, publishReturn, signatureBytes } from './market-cbor.ts';

/** What a message does. The devnet executes this; the parameters are what others read. */
export type Action =
  | { kind: 'send' }
  | { kind: 'addBalance'; address: string }
  | { kind: 'withdraw'; address: string; atto: string }
  | { kind: 'publish'; deals: readonly SignedProposal[] }
  /** Sector numbers are of no interest here: a deal is found by its proposal, as its number may change in a reorganisation. */
  | { kind: 'prove' | 'settle' | 'terminate'; proposals: readonly Proposal[] }
  | { kind: 'slash'; proposals: readonly Proposal[]; deleteAfterEpochs: number };

/** As stored: plain JSON. */
export interface SignedProposal {
  proposal: Proposal;
  /** Base64, secp256k1. */
  signature: string;
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
  action: Action;
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
  settle: 11,
  terminate: 9,
  slash: 9,
};
const GAS_USED = 4_544_061;
const GAS_LIMIT = 5_673_576;
const GAS_FEE_CAP = 8_732_529;
const GAS_PREMIUM = 99_261;
/** attoFIL per message: the node burns this and no more. */
const GAS_COST = BigInt(GAS_USED) * 100n;
const FORBIDDEN = 18;

export function signatureOf({ signature }: SignedProposal): Signature {
  return { type: 1, data: Buffer.from(signature, 'base64') };
}

/** Messages: those that wait, and what became of the others. */
export class Messages implements Follower {
  readonly #chain: Chain;
  readonly #accounts: Accounts;
  readonly #market: MarketActor;
  #all = new Map<string, Message>();
  #waiting: string[] = [];
  /** Replaced by another at the same nonce: old CID to new. */
  #replaced = new Map<string, string>();

  constructor(chain: Chain, accounts: Accounts, market: MarketActor) {
    this.#chain = chain;
    this.#accounts = accounts;
    this.#market = market;
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
    for (const cid of batch) this.#include(this.get(cid), epoch);
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
    const unsigned = [
      0,
      addressBytes(to),
      addressBytes(key.address),
      nonce,
      bigBytes(value),
      GAS_LIMIT,
      bigBytes(BigInt(GAS_FEE_CAP)),
      bigBytes(BigInt(gasPremium)),
      method,
      params ?? new Uint8Array(),
    ];
    const unsignedCid = blakeCid(encodeCbor(unsigned));
    const signature = sign(key, CID.parse(unsignedCid).bytes);
    return {
      cid: blakeCid(encodeCbor([unsigned, signatureBytes(signature)])),
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
    const returned = this.#execute(message);
    const receipt: Receipt = {
      exitCode: returned === undefined ? FORBIDDEN : 0,
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
      case 'slash':
        for (const dealId of this.#dealIds(action.proposals)) this.#market.slash(dealId, action.deleteAfterEpochs);
        return null;
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
    GasLimit: GAS_LIMIT,
    GasFeeCap: String(GAS_FEE_CAP),
    GasPremium: String(message.gasPremium),
    Method: message.method,
    Params: message.params,
    CID: link(message.unsignedCid),
  };
}
