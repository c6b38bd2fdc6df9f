import type { RefusalKind } from '../../daemon/domain/cold-ports.ts';
import type { Random } from '../fixtures/random.ts';
import type { Agenda } from './agenda.ts';
import { availableOf, costOf, type Proposal, type SimChain } from './chain.ts';
import type { SimProvider } from './providers.ts';

/** One distinct proposal that reached the other side, and what has truly become of it. */
export interface Reached extends Proposal {
  dealId: string;
  pieceId: string;
  reachedEpoch: number;
  /**
   * - `proposed`: the provider has it · `accepted`: it has the bytes · `publishing`: its message is on its way
   * - `published`: that got on the chain, at least once · `dead`: the provider will do nothing more for it
   */
  state: 'proposed' | 'accepted' | 'publishing' | 'published' | 'dead';
  /** What the node says of it, instead of where it stands. */
  says?: { kind: 'refused'; why: RefusalKind; said: string } | { kind: 'doubtful'; said: string } | { kind: 'lie' };
  publishCid?: string;
  chainDealId?: number;
  /** A reorg has taken its publish message back for good, which the other side does not notice. */
  isTakenBack?: boolean;
}

export interface SimMarketOptions {
  chain: SimChain;
  agenda: Agenda;
  providers: ReadonlyMap<string, SimProvider>;
  random: Random;
  walletAtto: bigint;
}

/** The Lotus node as a client of the market, and the providers: both outlive the daemon's process. */
export class SimMarket {
  /** The ground truth: every distinct proposal that reached a provider, by proposal CID, in that order. */
  readonly reached = new Map<string, Reached>();
  /** CARs that were made known to the node, by piece CID. */
  readonly imports = new Map<string, Uint8Array>();
  /** What each provider was given, by piece CID. */
  readonly kept = new Map<string, Map<string, Uint8Array>>();
  /** Proposals for which the bytes were gone when the provider came to fetch them. */
  readonly brokenTransfers: Reached[] = [];
  readonly chain: SimChain;
  readonly providers: ReadonlyMap<string, SimProvider>;
  /** Called when the daemon sends a proposal, whatever becomes of it. */
  onSend: (dealId: string, provider: string) => void = () => undefined;
  walletAtto: bigint;
  /** Proposals for which money is reserved. */
  readonly #open = new Set<Reached>();
  /** Ever sent to escrow, on the chain or on its way there. */
  #sentAtto = 0n;
  readonly #agenda: Agenda;
  readonly #random: Random;

  constructor(options: SimMarketOptions) {
    this.chain = options.chain;
    this.providers = options.providers;
    this.walletAtto = options.walletAtto;
    this.#agenda = options.agenda;
    this.#random = options.random;
    this.chain.onUnpublished = ({ cid }, comesAgain) => this.#unpublished(cid, comesAgain);
    this.chain.onPublished = (proposal, chainDealId) => this.#published(proposal, chainDealId);
  }

  provider(id: string): SimProvider {
    const provider = this.providers.get(id);
    if (provider === undefined) throw new Error(`there is no provider ${id}`);
    return provider;
  }

  /** The node takes a proposal; from now on it is tracked, whatever becomes of the reply. */
  take(proposal: Proposal & { dealId: string; pieceId: string }): void {
    if (this.reached.has(proposal.cid)) return;
    const deal: Reached = { ...proposal, reachedEpoch: this.chain.headEpoch, state: 'proposed' };
    this.reached.set(deal.cid, deal);
    this.#open.add(deal);
    if (this.#fund()) this.#decide(deal);
    else this.#end(deal, { kind: 'refused', why: 'funds', said: 'not enough funds in the wallet' });
  }

  #decide(deal: Reached): void {
    const { conduct, refusal, acceptEpochs } = this.provider(deal.provider);
    this.#later(acceptEpochs, () => {
      if (conduct === 'refusesLater') this.#end(deal, { kind: 'refused', why: refusal, said: 'deal rejected: we have thought about it' });
      else if (conduct === 'lies') this.#end(deal, { kind: 'lie' });
      else if (conduct === 'silent' || this.#isDown(deal)) this.#end(deal);
      else this.#transfer(deal, conduct === 'drops');
    });
  }

  #transfer(deal: Reached, drops: boolean): void {
    const bytes = this.imports.get(deal.pieceCid);
    if (bytes === undefined) {
      this.brokenTransfers.push({ ...deal });
      this.#end(deal, { kind: 'doubtful', said: 'data transfer failed' });
      return;
    }
    const kept = this.kept.get(deal.provider) ?? new Map<string, Uint8Array>();
    this.kept.set(deal.provider, kept.set(deal.pieceCid, bytes));
    deal.state = 'accepted';
    if (this.provider(deal.provider).conduct === 'denies') deal.says = { kind: 'doubtful', said: 'error: deal failed' };
    this.#later(this.provider(deal.provider).publishEpochs, () => {
      if (drops || this.#isDown(deal)) this.#end(deal);
      else this.#publish(deal);
    });
  }

  #publish(deal: Reached): void {
    deal.state = 'publishing';
    deal.publishCid = `bafy-publish-${deal.cid}`;
    this.chain.schedule(this.chain.headEpoch + 1 + this.#random.below(3), {
      kind: 'publish',
      publishCid: deal.publishCid,
      proposal: proposalOf(deal),
    });
  }

  /** Called by the chain. */
  #published({ cid }: Proposal, chainDealId: number): void {
    const deal = this.reached.get(cid);
    if (deal === undefined) return;
    deal.state = 'published';
    deal.chainDealId = chainDealId;
    const { conduct, sealEpochs } = this.provider(deal.provider);
    if (conduct === 'neverSeals') return;
    this.#later(sealEpochs, () => {
      if (!this.#isDown(deal)) this.chain.schedule(this.chain.headEpoch + 1, { kind: 'activate', cid });
    });
  }

  /** The provider and its node go on believing that it is published. */
  #unpublished(cid: string, comesAgain: boolean): void {
    const deal = this.reached.get(cid);
    if (deal !== undefined) deal.isTakenBack = !comesAgain;
  }

  /** Lotus adds to escrow what is short, with everything that is reserved for others counted. */
  #fund(): boolean {
    for (const one of this.#open) if (one.state === 'published' || one.state === 'dead') this.#open.delete(one);
    const needed = [...this.#open].reduce((sum, one) => sum + costOf(one), 0n);
    const money = this.chain.money.latest();
    const short = needed - availableOf(money) - (this.#sentAtto - money.addedAtto);
    if (short > this.walletAtto) return false;
    if (short > 0n) {
      this.walletAtto -= short;
      this.#sentAtto += short;
      this.chain.schedule(this.chain.headEpoch + 1, { kind: 'fund', atto: short });
    }
    return true;
  }

  #isDown({ provider }: Reached): boolean {
    return this.provider(provider).conduct === 'down';
  }

  #end(deal: Reached, says?: Reached['says']): void {
    deal.state = 'dead';
    if (says !== undefined) deal.says = says;
  }

  #later(epochs: number, run: () => void): void {
    this.#agenda.at(this.chain.headEpoch + Math.max(1, epochs), run);
  }
}

function proposalOf({
  dealId: _d,
  pieceId: _p,
  reachedEpoch: _r,
  state: _s,
  says: _y,
  publishCid: _c,
  isTakenBack: _t,
  chainDealId: _i,
  ...proposal
}: Reached): Proposal {
  return proposal;
}
