import type { Accounts } from './accounts.ts';
import type { Chain } from './chain.ts';
import { RpcError } from './errors.ts';
import type { MarketActor } from './market-actor.ts';
import type { Messages } from './messages.ts';
import type { Wallet } from './wallet.ts';

/**
 * Lotus' fund manager: what is held back per address, on this node only. It sends the market what is missing, once for all that
 * is on its way.
 */
export class Funds {
  readonly #accounts: Accounts;
  readonly #chain: Chain;
  readonly #market: MarketActor;
  readonly #messages: Messages;
  readonly #wallet: Wallet;
  #reserved = new Map<string, bigint>();
  /** Its own top-ups: messages and amounts. */
  #sent: { address: string; cid: string; atto: string }[] = [];

  constructor(parts: { accounts: Accounts; chain: Chain; market: MarketActor; messages: Messages; wallet: Wallet }) {
    this.#accounts = parts.accounts;
    this.#chain = parts.chain;
    this.#market = parts.market;
    this.#messages = parts.messages;
    this.#wallet = parts.wallet;
  }

  reserved(address: string): bigint {
    return this.#reserved.get(this.#accounts.keyAddress(address)) ?? 0n;
  }

  /** The message that tops escrow up; undefined when there is enough. Rejects without holding anything back. */
  reserve(wallet: string, address: string, atto: bigint): string | undefined {
    const key = this.#accounts.keyAddress(address);
    if (this.#accounts.find(key) === undefined) throw new RpcError(1, `resolve address ${key}: actor not found`);
    const id = this.#accounts.id(key);
    const wanted = this.reserved(key) + atto;
    const free = this.#market.escrow(id) - this.#market.locked(id);
    const missing = wanted - free - this.#onItsWay(key);
    const message = missing > 0n ? this.add(wallet, key, missing) : this.#last(key, wanted > free);
    this.#reserved.set(key, wanted);
    return message;
  }

  release(address: string, atto: bigint): void {
    const key = this.#accounts.keyAddress(address);
    const held = this.reserved(key);
    this.#reserved.set(key, atto < held ? held - atto : 0n);
  }

  /** `MarketAddBalance`. */
  add(wallet: string, address: string, atto: bigint): string {
    const { cid } = this.#messages.push(this.#wallet.key(wallet), { kind: 'addBalance', address }, { value: atto });
    this.#sent.push({ address, cid, atto: atto.toString() });
    return cid;
  }

  withdraw(wallet: string, address: string, atto: bigint): string {
    return this.#messages.push(this.#wallet.key(wallet), { kind: 'withdraw', address, atto: atto.toString() }).cid;
  }

  dump() {
    return { reserved: [...this.#reserved].map(([key, atto]) => [key, atto.toString()] as const), sent: this.#sent };
  }

  load(dump: ReturnType<Funds['dump']>): void {
    this.#reserved = new Map(dump.reserved.map(([key, atto]) => [key, BigInt(atto)]));
    this.#sent = dump.sent;
  }

  #onItsWay(key: string): bigint {
    this.#sent = this.#sent.filter(({ cid }) => {
      const found = this.#messages.receipt(cid);
      return found === undefined || found.receipt.height > this.#chain.epoch - 900;
    });
    const waiting = this.#sent.filter(({ address, cid }) => address === key && this.#messages.receipt(cid) === undefined);
    return waiting.reduce((sum, { atto }) => sum + BigInt(atto), 0n);
  }

  /** When what is missing is on its way already, that message is waited for. */
  #last(key: string, isWaiting: boolean): string | undefined {
    return isWaiting ? this.#sent.findLast(({ address }) => address === key)?.cid : undefined;
  }
}
