import type { RefusalKind, SendReply } from '../../daemon/domain/cold-ports.ts';
import type { Random } from '../fixtures/random.ts';
import type { Agenda } from './agenda.ts';
import { availableOf, costOf, type Proposal, type SimChain } from './chain.ts';
import { SimFetching } from './fetching.ts';
import type { Sent } from './proposing.ts';
import type { SimProvider } from './providers.ts';

/** One distinct proposal that reached the other side, and what has truly become of it. */
export interface Reached extends Proposal {
  dealId: string;
  pieceId: string;
  reachedEpoch: number;
  /**
   * - `proposed`: the provider has it · `accepted`: it has the bytes, or fetches them · `publishing`: its message is on its way
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
  /** Bytes of a piece as providers can fetch them. Absent: they come from what was made known to the node. */
  served?: (pieceId: string) => Uint8Array | undefined;
}

/** To so much the operator fills escrow up that nobody else fills up, and so long it takes until it is noticed. */
const ESCROW_LEVEL_ATTO = 200_000_000n;
const TOP_UP_EPOCHS = 10;

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
  readonly #fetching: SimFetching | undefined;

  constructor(options: SimMarketOptions) {
    this.chain = options.chain;
    this.providers = options.providers;
    this.walletAtto = options.walletAtto;
    this.#agenda = options.agenda;
    this.#random = options.random;
    const { served, chain, agenda, random } = options;
    const isUp = (provider: string): boolean => this.provider(provider).conduct !== 'down';
    const onGone = (deal: Reached): void => void this.brokenTransfers.push({ ...deal });
    this.#fetching = served && new SimFetching({ chain, agenda, random: random.fork('fetching'), served, isUp, onGone });
    if (served !== undefined) this.#topUp();
    this.chain.onUnpublished = ({ cid }, comesAgain) => this.#unpublished(cid, comesAgain);
    this.chain.onPublished = (proposal, chainDealId) => this.#published(proposal, chainDealId);
  }

  provider(id: string): SimProvider {
    const provider = this.providers.get(id);
    if (provider === undefined) throw new Error(`there is no provider ${id}`);
    return provider;
  }

  /** The node takes a proposal; from now on it is tracked, whatever becomes of the reply. */
  take(proposal: Sent): void {
    if (this.reached.has(proposal.cid)) return;
    const deal = this.#reach(proposal);
    this.#open.add(deal);
    if (this.#fund()) this.#decide(deal);
    else this.#end(deal, { kind: 'refused', why: 'funds', said: 'not enough funds in the wallet' });
  }

  /** The provider itself is asked. It looks at what it is offered before it looks whether it has that already. */
  offer(proposal: Sent): SendReply {
    const { conduct, refusal } = this.provider(proposal.provider);
    this.#later(TOP_UP_EPOCHS, () => this.#topUp());
    if (conduct === 'refuses') return { kind: 'refused', why: refusal, said: 'no, thank you' };
    if (conduct === 'not_allowed') return { kind: 'refused', why: 'not_allowed', said: 'client not allowed' };
    if (this.chain.headEpoch >= proposal.startEpoch) return { kind: 'refused', why: 'terms', said: 'the start is past' };
    if (availableOf(this.chain.money.latest()) < costOf(proposal)) return { kind: 'refused', why: 'funds', said: 'escrow not enough' };
    if (this.reached.has(proposal.cid)) return { kind: 'sent', said: 'the provider had it already' };
    this.#decide(this.#reach(proposal));
    return { kind: 'sent', said: 'the provider has taken it' };
  }

  #reach(proposal: Sent): Reached {
    const deal: Reached = { ...proposal, reachedEpoch: this.chain.headEpoch, state: 'proposed' };
    this.reached.set(deal.cid, deal);
    return deal;
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
    if (this.#fetching !== undefined) {
      deal.state = 'accepted';
      this.#fetching.fetch(deal, (bytes) => this.#transferred(deal, bytes, drops));
      return;
    }
    const bytes = this.imports.get(deal.pieceCid);
    if (bytes === undefined) this.brokenTransfers.push({ ...deal });
    this.#transferred(deal, bytes, drops);
  }

  #transferred(deal: Reached, bytes: Uint8Array | undefined, drops: boolean): void {
    if (bytes === undefined) {
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
    if (short > 0n) this.#addToEscrow(short);
    return true;
  }

  /** By the operator's hand, as far as the wallet has it. */
  #topUp(): void {
    const money = this.chain.money.latest();
    const short = ESCROW_LEVEL_ATTO - availableOf(money) - (this.#sentAtto - money.addedAtto);
    if (short > 0n && short <= this.walletAtto) this.#addToEscrow(short);
  }

  #addToEscrow(atto: bigint): void {
    this.walletAtto -= atto;
    this.#sentAtto += atto;
    this.chain.schedule(this.chain.headEpoch + 1, { kind: 'fund', atto });
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
