import type { Random } from '../fixtures/random.ts';
import type { Agenda } from './agenda.ts';
import type { SimChain } from './chain.ts';
import type { Reached } from './market.ts';

/** So often a provider comes for a piece that it does not get all of at once. */
const TRIES_MAX = 15;
/** Of so many visits one breaks off by itself. */
const BREAKS_ONE_IN = 4;
const PARTS_MAX = 4;

export interface FetchingOptions {
  chain: SimChain;
  agenda: Agenda;
  random: Random;
  /** The bytes of a piece as they can be had from the daemon's box at this moment; undefined when some of them are not there. */
  served: (pieceId: string) => Uint8Array | undefined;
  isUp: (provider: string) => boolean;
  /** Somebody came, and the bytes were not there. */
  onGone: (deal: Reached) => void;
}

/** One transfer, as far as it got. */
interface Transfer {
  deal: Reached;
  partsLeft: number;
  tries: number;
  /** Called once: with the bytes, or without when it is given up. */
  done: (bytes: Uint8Array | undefined) => void;
}

/** Providers that fetch pieces from the daemon's box: part by part, over some epochs, and again when it broke off. */
export class SimFetching {
  readonly #options: FetchingOptions;

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  fetch(deal: Reached, done: Transfer['done']): void {
    this.#visit({ deal, done, tries: 1, partsLeft: 1 + this.#options.random.below(PARTS_MAX) });
  }

  #visit(transfer: Transfer): void {
    const { chain, random, served, isUp, onGone } = this.#options;
    const { deal, partsLeft, tries, done } = transfer;
    if (tries > TRIES_MAX || chain.headEpoch > deal.startEpoch) {
      done(undefined);
      return;
    }
    const bytes = isUp(deal.provider) ? served(deal.pieceId) : undefined;
    if (bytes === undefined && isUp(deal.provider)) onGone(deal);
    if (bytes === undefined || random.below(BREAKS_ONE_IN) === 0) this.#later(tries, { ...transfer, tries: tries + 1 });
    else if (partsLeft > 1) this.#later(1 + random.below(3), { ...transfer, partsLeft: partsLeft - 1 });
    else done(bytes);
  }

  #later(epochs: number, transfer: Transfer): void {
    const { agenda, chain } = this.#options;
    agenda.at(chain.headEpoch + epochs, () => this.#visit(transfer));
  }
}
