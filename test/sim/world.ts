import type { Clock } from '../../daemon/domain/ports.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { Agenda } from './agenda.ts';
import { type Money, SimChain } from './chain.ts';
import { EPOCH_MS, GENESIS_MS } from './chain-port.ts';
import { SimMarket } from './market.ts';
import type { NodeFaults } from './node.ts';
import { createProviders } from './providers.ts';
import { SimDisk, servedBytes } from './works.ts';

export interface WorldOptions {
  seed: number;
  finalityEpochs: number;
  lingerEpochs: number;
  settleEpochs: number;
  walletAtto: bigint;
  /** Whether the network's time is the wall's, so that a node that is behind can be told. */
  isWallNetwork: boolean;
  /** Deals are made by a maker that takes CAR files, or by one whose providers fetch pieces from the hot tier. */
  maker: 'files' | 'fetches';
}

export const SMALL_WORLD: Omit<WorldOptions, 'seed'> = {
  finalityEpochs: 20,
  lingerEpochs: 300,
  settleEpochs: 60,
  walletAtto: 10n ** 18n,
  isWallNetwork: false,
  maker: 'files',
};

const START_EPOCH = 100_000;

/** Everything that outlives the daemon's process, but its store: chain, node, providers, disk, hot tier and time. */
export class World implements Clock {
  readonly random: Random;
  readonly agenda = new Agenda();
  readonly chain: SimChain;
  readonly market: SimMarket;
  readonly disk = new SimDisk();
  /** Contents that the hot tier holds. */
  readonly hot = new Set<string>();
  /** Contents, of one block each, that lie in the hot tier, pinned or not. */
  readonly blocks = new Set<string>();
  readonly faults: NodeFaults & { otherNetwork: boolean } = {
    isDown: false,
    isUnauthorized: false,
    otherNetwork: false,
    sends: [],
    stuck: new Map(),
  };
  readonly options: WorldOptions;
  /** By how much the daemon's clock is wrong. */
  clockOffMs = 0;
  /** Milliseconds within an epoch, so that what happens later has a later time. */
  #withinMs = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = createRandom(options.seed);
    this.chain = new SimChain({ ...options, random: this.random.fork('chain'), headEpoch: START_EPOCH });
    this.market = new SimMarket({
      chain: this.chain,
      agenda: this.agenda,
      providers: createProviders(),
      random: this.random.fork('market'),
      walletAtto: options.walletAtto,
      ...(options.maker === 'fetches' && { served: (pieceId: string) => servedBytes(pieceId, this.disk, this.blocks) }),
    });
  }

  nowMs(): number {
    this.#withinMs = Math.min(this.#withinMs + 1, EPOCH_MS - 1);
    return GENESIS_MS + this.chain.headEpoch * EPOCH_MS + this.#withinMs + this.clockOffMs;
  }

  /** Lets time pass, and everybody in the world but the daemon do what they do. */
  advance(epochs: number): void {
    const until = this.chain.headEpoch + epochs;
    while (this.chain.headEpoch < until) {
      // What happens on the chain makes people do things, and the other way round.
      const next = Math.min(until, this.agenda.nextEpoch() ?? until, this.chain.nextEventEpoch() ?? until);
      this.chain.advance(Math.max(0, next - this.chain.headEpoch));
      this.agenda.runUntil(next);
    }
    this.#withinMs = 0;
  }

  later(epochs: number, run: () => void): void {
    this.agenda.at(this.chain.headEpoch + epochs, run);
  }

  /** Our money at the newest epoch that cannot be taken back. */
  finalMoney(): Money {
    return this.chain.money.at(this.chain.tipEpoch(this.chain.finalizedEpoch));
  }

  /** Everything that goes wrong by itself stops going wrong. What is lost stays lost. */
  heal(): void {
    Object.assign(this.faults, { isDown: false, isUnauthorized: false, otherNetwork: false, sends: [] });
    this.disk.isFull = false;
    this.clockOffMs = 0;
    for (const provider of this.market.providers.values()) {
      provider.conduct = 'honest';
      provider.retrieval = 'gives';
    }
  }
}
