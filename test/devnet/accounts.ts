import { isAddress } from './address.ts';
import type { Chain } from './chain.ts';
import { RpcError } from './errors.ts';

/** The first number that the chain gives to an account it has not seen before. */
const FIRST_ACCOUNT = 100;

/** Accounts: ID addresses, wallet balances, nonces. All of it is chain state. */
export class Accounts {
  readonly #chain: Chain;

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  balance(address: string, epoch?: number): bigint {
    return BigInt(this.#chain.state.get<string>(`balance:${this.keyAddress(address, epoch)}`, epoch) ?? '0');
  }

  nonce(address: string, epoch?: number): number {
    return this.#chain.state.get<number>(`nonce:${this.keyAddress(address, epoch)}`, epoch) ?? 0;
  }

  setNonce(address: string, nonce: number): void {
    this.#chain.state.set(`nonce:${this.keyAddress(address)}`, this.#chain.epoch, nonce);
  }

  /** Adds, or takes where negative; an account that the chain sees for the first time gets its ID address. */
  credit(address: string, atto: bigint): void {
    const key = this.keyAddress(address);
    if (this.find(key) === undefined) this.#enlist(key);
    this.#chain.state.set(`balance:${key}`, this.#chain.epoch, (this.balance(key) + atto).toString());
  }

  /** The ID address; undefined while the chain has never seen it. */
  find(address: string, epoch?: number): string | undefined {
    return address.startsWith('f0') ? address : this.#chain.state.get<string>(`id:${address}`, epoch);
  }

  id(address: string, epoch?: number): string {
    if (!isAddress(address)) throw new RpcError(1, `invalid address: ${address}`);
    const id = this.find(address, epoch);
    if (id === undefined) throw new RpcError(3, 'actor not found');
    return id;
  }

  /** The key address of an account, or the address itself where the chain knows none. */
  keyAddress(address: string, epoch?: number): string {
    return address.startsWith('f0') ? (this.#chain.state.get<string>(`key:${address}`, epoch) ?? address) : address;
  }

  /** Gives an account that number, as genesis does. */
  enlist(address: string, id: string): void {
    const { state, epoch } = this.#chain;
    state.set(`id:${address}`, epoch, id);
    state.set(`key:${id}`, epoch, address);
  }

  #enlist(address: string): void {
    const { state, epoch } = this.#chain;
    const number = state.get<number>('nextAccount') ?? FIRST_ACCOUNT;
    state.set('nextAccount', epoch, number + 1);
    this.enlist(address, `f0${number}`);
  }
}
