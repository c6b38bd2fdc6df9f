import { ColdError } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { EscrowBook, FundingMessage, FundingPurpose, SignedMessage } from '../../domain/escrow.ts';
import type { Reason } from '../../domain/pin.ts';
import type { WalletPort } from '../../domain/wallet-port.ts';
import type { Log } from '../../log.ts';
import { type EscrowRules, gasToReplace, tooDear } from '../../plan/escrow.ts';
import { ASK_NODE_MS, within } from './deadline.ts';

export interface FundingMessagesOptions {
  store: ColdStore;
  wallet: WalletPort;
  escrowRules: EscrowRules;
  log: Log;
}

/**
 * Signs messages to the market and hands them to the node. What goes out is on disk; what is on disk goes out, again after any doubt, until
 * the chain has one version of it. Each method says how it stands then; undefined when somebody else wrote first, or spending was frozen.
 */
export class FundingMessages {
  readonly #options: FundingMessagesOptions;
  /** What this process has handed to the node last, and when. */
  #pushed: { cid: string; epoch: number } | undefined;

  constructor(options: FundingMessagesOptions) {
    this.#options = options;
  }

  /** Of the newest version of the message under way. */
  pushedEpoch({ message }: EscrowBook): number | undefined {
    return this.#pushed?.cid === message?.versions.at(-1)?.cid ? this.#pushed?.epoch : undefined;
  }

  async begin(purpose: FundingPurpose, book: EscrowBook, headEpoch: number, signal: AbortSignal): Promise<Reason | undefined> {
    const { wallet, escrowRules } = this.#options;
    const draft = { from: book.wallet, nonce: book.nonce, purpose };
    const made = await asked(async () => {
      const gas = await wallet.estimate(draft, within(signal, ASK_NODE_MS));
      return tooDear(purpose, gas, escrowRules.maxFeeAtto) ?? (await wallet.sign(draft, gas, headEpoch, within(signal, ASK_NODE_MS)));
    });
    return 'cid' in made ? this.#send({ purpose, nonce: book.nonce, versions: [made] }, made, headEpoch, signal) : made;
  }

  async replace(book: EscrowBook, headEpoch: number, signal: AbortSignal): Promise<Reason | undefined> {
    const { wallet, escrowRules } = this.#options;
    const { message } = book;
    const newest = message?.versions.at(-1);
    if (message === undefined || newest === undefined) return undefined;
    const draft = { from: book.wallet, nonce: message.nonce, purpose: message.purpose };
    const made = await asked(async () => {
      const gas = gasToReplace(newest.gas, await wallet.estimate(draft, within(signal, ASK_NODE_MS)), escrowRules.maxFeeAtto);
      return gas === undefined ? FEE_TOO_HIGH : wallet.sign(draft, gas, headEpoch, within(signal, ASK_NODE_MS));
    });
    if ('cid' in made) return this.#send({ ...message, versions: [...message.versions, made] }, made, headEpoch, signal);
    await this.#push(newest, headEpoch, signal);
    return made;
  }

  async resend({ message }: EscrowBook, headEpoch: number, signal: AbortSignal): Promise<Reason | undefined> {
    const newest = message?.versions.at(-1);
    return newest === undefined ? undefined : this.#push(newest, headEpoch, signal);
  }

  /** On disk first. */
  async #send(message: FundingMessage, newest: SignedMessage, headEpoch: number, signal: AbortSignal): Promise<Reason | undefined> {
    const { store } = this.#options;
    const before = store.escrow();
    if (before === undefined) return undefined;
    try {
      await store.write({ escrow: { before, after: { ...before.value, message } } });
    } catch (error) {
      if (isFbpdError(error, 'CONFLICT')) return undefined;
      throw error;
    }
    return this.#push(newest, headEpoch, signal);
  }

  async #push(message: SignedMessage, headEpoch: number, signal: AbortSignal): Promise<Reason> {
    const { wallet, log } = this.#options;
    // Also when no reply comes: it may be in the pool, and the chain is looked at before it goes out again.
    this.#pushed = { cid: message.cid, epoch: headEpoch };
    const reply = await asked(() => wallet.push(message, within(signal, ASK_NODE_MS)));
    const onItsWay: Reason = { code: 'topping_up', text: `a message to the market is on its way (${message.cid})` };
    if ('code' in reply) return { ...onItsWay, text: `${onItsWay.text}, and the node did not say that it has it` };
    if (reply.kind !== 'refused') return onItsWay;
    log.warn({ message: message.cid, said: reply.said }, 'the node does not take a message to the market; it is tried again');
    return { code: 'push_refused', text: `the node does not take the message ${message.cid}: ${reply.said}` };
  }
}

const FEE_TOO_HIGH: Reason = {
  code: 'fee_too_high',
  text: 'the message under way is not taken, and more gas would cost more than escrow.max_fee_per_message: it waits for the network to be less busy',
};

/** What the node gave, or in its words why it gave nothing. */
async function asked<T>(ask: () => Promise<T>): Promise<T | Reason> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ColdError)) throw error;
    return { code: error.failure === 'refused' ? 'not_estimated' : 'lotus_down', text: error.message };
  }
}
