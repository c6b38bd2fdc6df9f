import type { MarketBalance, MarketDeal, PublishedDeal } from '../../daemon/domain/cold-ports.ts';
import type { Random } from '../fixtures/random.ts';
import { History } from './history.ts';

/** What a client signs. */
export interface Proposal {
  cid: string;
  pieceCid: string;
  pieceSizeBytes: number;
  provider: string;
  label: string;
  verified: boolean;
  startEpoch: number;
  endEpoch: number;
  pricePerEpochAtto: bigint;
  clientCollateralAtto: bigint;
  providerCollateralAtto: bigint;
}

/** What happens on the chain at some epoch, as data, so that a reorg can take it back and do it again. */
type ChainEvent =
  | { kind: 'fund'; atto: bigint }
  | { kind: 'publish'; publishCid: string; proposal: Proposal }
  | { kind: 'activate'; cid: string }
  /** `deletes`: as since FIP-0074; else the deal stays to be seen with its slash epoch for a while. */
  | { kind: 'terminate'; cid: string; deletes: boolean }
  /** Pays what is due, frees the rest, deletes the deal: at its end, after a slash, or when it missed its start. */
  | { kind: 'settle'; cid: string };

export interface SimChainOptions {
  random: Random;
  finalityEpochs: number;
  /** The first cron of a deal that missed its start comes at most so long after it. */
  lingerEpochs: number;
  /** Providers settle a deal that has ended at most so long after. */
  settleEpochs: number;
  headEpoch: number;
}

const OTHER_CLIENT = 'f0777';

/** The ID address that the chain knows the daemon's wallet by. */
export const CLIENT_ID = 'f0100';

/** Epochs, tip sets with null rounds, market deals and escrow, with all of it at every past epoch. */
export class SimChain {
  readonly finalityEpochs: number;
  readonly deals = new Map<number, History<MarketDeal | undefined>>();
  /** By publish message, the deals it made, once it is on the chain. */
  readonly messages = new Map<string, { epoch: number; deals: readonly PublishedDeal[] }>();
  readonly money = new History<Money>({ addedAtto: 0n, paidAtto: 0n, lockedAtto: 0n });
  /** Proposal CIDs that were published, by chain deal id; a proposal is published once. */
  readonly published = new Map<string, number>();
  /** Called when a proposal of ours gets on the chain, again when that happens again after a reorg. */
  onPublished: (proposal: Proposal, chainDealId: number) => void = () => undefined;
  /** Called when a reorg takes that back: its message gets in again, or never will. */
  onUnpublished: (proposal: Proposal, comesAgain: boolean) => void = () => undefined;
  headEpoch: number;
  #forks: { above: number }[] = [];
  #queue: { epoch: number; event: ChainEvent }[] = [];
  #applied: { epoch: number; event: ChainEvent }[] = [];
  #nextId = 5_000;
  readonly #random: Random;
  readonly #options: SimChainOptions;

  constructor(options: SimChainOptions) {
    this.#options = options;
    this.#random = options.random;
    this.finalityEpochs = options.finalityEpochs;
    this.headEpoch = options.headEpoch;
  }

  get finalizedEpoch(): number {
    return this.tipEpoch(this.headEpoch) - this.finalityEpochs;
  }

  /** The epoch of the tip set at, or next below: some epochs have no block. */
  tipEpoch(epoch: number): number {
    return isNullRound(epoch) ? this.tipEpoch(epoch - 1) : epoch;
  }

  /** Names the tip set at or next below an epoch. */
  keyAt(epoch: number): string[] {
    const tip = this.tipEpoch(epoch);
    return [`${tip}/${this.#forks.filter(({ above }) => tip > above).length}`];
  }

  /** The epoch of a tip set; undefined when a reorg has taken it back. */
  epochOfKey([key]: readonly string[]): number | undefined {
    const epoch = Number(key?.split('/')[0]);
    return epoch <= this.headEpoch && this.keyAt(epoch)[0] === key ? epoch : undefined;
  }

  /** Lets time pass and everything happen that is due meanwhile. */
  advance(epochs: number): void {
    const until = this.headEpoch + epochs;
    for (let next = this.#queue[0]; next !== undefined && next.epoch <= until; next = this.#queue[0]) {
      this.#queue.shift();
      this.headEpoch = Math.max(this.headEpoch, next.epoch);
      this.#apply(next.event, this.headEpoch);
      this.#applied.push({ epoch: this.headEpoch, event: next.event });
    }
    this.headEpoch = until;
    const kept = this.#applied.findIndex(({ epoch }) => epoch > this.headEpoch - this.finalityEpochs * 2);
    if (kept > 256 || kept === -1) this.#applied.splice(0, kept === -1 ? this.#applied.length : kept);
  }

  schedule(epoch: number, event: ChainEvent): void {
    let at = Math.max(epoch, this.headEpoch + 1);
    while (isNullRound(at)) at += 1;
    let place = this.#queue.length;
    while (place > 0 && (this.#queue[place - 1]?.epoch ?? 0) > at) place -= 1;
    this.#queue.splice(place, 0, { epoch: at, event });
  }

  /** Epoch of the next thing that will happen by itself. */
  nextEventEpoch(): number | undefined {
    return this.#queue[0]?.epoch;
  }

  /**
   * Another fork wins: the newest epochs, never as many as finality, are taken back. What happened in them happens again
   * soon, but of the publish messages every other one never gets in again.
   */
  reorg(epochs: number): void {
    const above = this.headEpoch - Math.min(epochs, this.finalityEpochs - 1);
    const undone = this.#applied.filter(({ epoch }) => epoch > above);
    this.#applied = this.#applied.filter(({ epoch }) => epoch <= above);
    const unpublished = new Set(undone.flatMap(({ event }) => (event.kind === 'publish' ? [event.proposal.cid] : [])));
    for (const cid of unpublished) this.published.delete(cid);
    for (const [id, history] of this.deals) {
      history.cutAfter(above);
      if (history.latest() !== undefined || history.length > 1) continue;
      this.deals.delete(id);
      // Ids that were given on the fork that lost are given again, to whoever comes.
      this.#nextId = Math.min(this.#nextId, id);
    }
    for (const [cid, { epoch }] of this.messages) if (epoch > above) this.messages.delete(cid);
    this.money.cutAfter(above);
    this.#forks.push({ above });
    for (const { event } of undone) this.#again(event, unpublished);
  }

  #again(event: ChainEvent, unpublished: ReadonlySet<string>): void {
    if (event.kind === 'publish') {
      const comesAgain = this.#random.next() < 0.5;
      this.onUnpublished(event.proposal, comesAgain);
      if (!comesAgain) return;
    }
    if ('cid' in event && unpublished.has(event.cid)) return;
    this.schedule(this.headEpoch + 1 + this.#random.below(5), event);
  }

  #apply(event: ChainEvent, epoch: number): void {
    if (event.kind === 'fund') this.#move(epoch, { addedAtto: event.atto });
    else if (event.kind === 'publish') this.#publish(event.publishCid, event.proposal, epoch);
    else {
      const id = this.published.get(event.cid) ?? -1;
      const deal = this.deals.get(id)?.latest();
      if (deal === undefined) return;
      if (event.kind === 'settle') this.#settle(id, deal, epoch);
      else if (event.kind === 'terminate') this.#terminate(id, deal, epoch, event);
      else if (deal.sectorStartEpoch === -1 && epoch <= deal.startEpoch) this.#set(id, epoch, { ...deal, sectorStartEpoch: epoch });
    }
  }

  #terminate(id: number, deal: MarketDeal, epoch: number, { cid, deletes }: { cid: string; deletes: boolean }): void {
    if (deal.sectorStartEpoch === -1 || deal.slashEpoch !== -1 || epoch >= deal.endEpoch) return;
    const slashed = { ...deal, slashEpoch: epoch };
    if (deletes) this.#settle(id, slashed, epoch);
    else {
      this.#set(id, epoch, slashed);
      this.schedule(epoch + this.#options.settleEpochs, { kind: 'settle', cid });
    }
  }

  #publish(publishCid: string, proposal: Proposal, epoch: number): void {
    const cost = costOf(proposal);
    if (epoch > proposal.startEpoch || this.published.has(proposal.cid) || availableOf(this.money.latest()) < cost) return;
    const foreignId = this.#nextId++;
    const foreign = { ...published(foreignId, proposal), client: OTHER_CLIENT, pieceCid: `other-${publishCid}` };
    this.#add(foreignId, epoch, { ...marketDeal(proposal), client: OTHER_CLIENT, pieceCid: foreign.pieceCid, sectorStartEpoch: epoch });
    const id = this.#nextId++;
    this.published.set(proposal.cid, id);
    this.messages.set(publishCid, { epoch, deals: [foreign, published(id, proposal)] });
    this.#add(id, epoch, marketDeal(proposal));
    this.#move(epoch, { lockedAtto: cost });
    this.schedule(proposal.startEpoch + 1 + this.#random.below(this.#options.lingerEpochs), { kind: 'settle', cid: proposal.cid });
    this.schedule(proposal.endEpoch + this.#random.below(this.#options.settleEpochs), { kind: 'settle', cid: proposal.cid });
    this.onPublished(proposal, id);
  }

  #settle(id: number, deal: MarketDeal, epoch: number): void {
    const isActive = deal.sectorStartEpoch !== -1;
    // Two of these are scheduled for every deal; the early one is the first cron's, which only ends what missed its start.
    if (isActive && deal.slashEpoch === -1 && epoch < deal.endEpoch) return;
    if (!isActive && epoch <= deal.startEpoch) return;
    const paid = isActive ? deal.pricePerEpochAtto * BigInt(servedEpochs(deal)) : 0n;
    this.#move(epoch, { paidAtto: paid, lockedAtto: -costOf(deal) });
    this.#set(id, epoch, undefined);
  }

  #add(id: number, epoch: number, deal: MarketDeal): void {
    this.deals.set(id, new History<MarketDeal | undefined>(undefined));
    this.#set(id, epoch, deal);
  }

  #set(id: number, epoch: number, deal: MarketDeal | undefined): void {
    this.deals.get(id)?.set(epoch, deal);
  }

  #move(epoch: number, by: Partial<Money>): void {
    const { addedAtto, paidAtto, lockedAtto } = this.money.latest();
    this.money.set(epoch, {
      addedAtto: addedAtto + (by.addedAtto ?? 0n),
      paidAtto: paidAtto + (by.paidAtto ?? 0n),
      lockedAtto: lockedAtto + (by.lockedAtto ?? 0n),
    });
  }
}

/** Our money in the market actor: what was ever added and paid out of it, and what of the rest is promised. */
export interface Money {
  addedAtto: bigint;
  paidAtto: bigint;
  lockedAtto: bigint;
}

export function balanceOf({ addedAtto, paidAtto, lockedAtto }: Money): MarketBalance {
  return { escrowAtto: addedAtto - paidAtto, lockedAtto };
}

export function availableOf(money: Money): bigint {
  const { escrowAtto, lockedAtto } = balanceOf(money);
  return escrowAtto - lockedAtto;
}

/** Price × duration + collateral: what a deal locks. */
export function costOf(deal: Pick<Proposal, 'startEpoch' | 'endEpoch' | 'pricePerEpochAtto' | 'clientCollateralAtto'>): bigint {
  return deal.pricePerEpochAtto * BigInt(deal.endEpoch - deal.startEpoch) + deal.clientCollateralAtto;
}

function servedEpochs(deal: MarketDeal): number {
  const until = deal.slashEpoch === -1 ? deal.endEpoch : Math.min(deal.endEpoch, deal.slashEpoch);
  return Math.max(0, until - deal.startEpoch);
}

/** One epoch in six, always the same ones. */
function isNullRound(epoch: number): boolean {
  return (Math.imul(epoch, 0x9e3779b1) >>> 0) % 6 === 0;
}

function published(chainDealId: number, { pieceCid, provider, startEpoch, endEpoch }: Proposal): PublishedDeal {
  return { chainDealId, pieceCid, client: CLIENT_ID, provider, startEpoch, endEpoch };
}

function marketDeal({ cid: _, ...proposal }: Proposal): MarketDeal {
  return { ...proposal, client: CLIENT_ID, sectorStartEpoch: -1, lastUpdatedEpoch: -1, slashEpoch: -1 };
}
