import type { Accounts } from './accounts.ts';
import { actorNumber } from './address.ts';
import type { Chain, Follower } from './chain.ts';
import { isPieceCid } from './cids.ts';
import type { Signature } from './keys.ts';
import { isProposalSignedBy, type Proposal, pendingKey } from './market-cbor.ts';

/** A deal in the market actor's state. Client and provider are ID addresses. */
export interface ChainDeal {
  id: number;
  proposal: Proposal;
  sectorStartEpoch: number;
  lastUpdatedEpoch: number;
  slashEpoch: number;
}

export interface MarketOptions {
  minDurationEpochs: number;
  maxDurationEpochs: number;
  /** The market looks at a deal for the first time somewhere within so many epochs of its start. */
  cronIntervalEpochs: number;
}

export function dealCost(proposal: Proposal): bigint {
  return BigInt(proposal.pricePerEpoch) * BigInt(proposal.endEpoch - proposal.startEpoch);
}

export function clientCommitment(proposal: Proposal): bigint {
  return dealCost(proposal) + BigInt(proposal.clientCollateral);
}

/**
 * The storage market: escrow, pending proposals, deals, settlement. Runs inside message execution, at the chain's present epoch.
 * Rules of the actor at network version 22: payments move only at settlement, a deal that misses its start lingers until the cron
 * or a settlement finds it, and termination deletes a deal's state at once.
 */
export class MarketActor implements Follower {
  readonly #chain: Chain;
  readonly #accounts: Accounts;
  readonly #options: MarketOptions;
  /** Deals by the epoch at which the cron looks at them; made anew after a reorganisation. */
  #cron = new Map<number, number[]>();

  constructor(chain: Chain, accounts: Accounts, options: MarketOptions) {
    this.#chain = chain;
    this.#accounts = accounts;
    this.#options = options;
  }

  escrow(id: string, epoch?: number): bigint {
    return BigInt(this.#chain.state.get<string>(`escrow:${id}`, epoch) ?? '0');
  }

  locked(id: string, epoch?: number): bigint {
    return BigInt(this.#chain.state.get<string>(`locked:${id}`, epoch) ?? '0');
  }

  deal(dealId: number, epoch?: number): ChainDeal | undefined {
    return this.#chain.state.get<ChainDeal>(`deal:${dealId}`, epoch);
  }

  deals(): ChainDeal[] {
    return this.#chain.state.keys('deal:').flatMap((key) => this.#chain.state.get<ChainDeal>(key) ?? []);
  }

  /** The deal that a proposal became, if it is on the chain now. Any address form. */
  find(proposal: Proposal): number | undefined {
    const normalized = this.normalize(proposal);
    return normalized === undefined ? undefined : this.#chain.state.get<number>(`proposal:${pendingKey(normalized)}`);
  }

  addEscrow(id: string, atto: bigint): void {
    this.#chain.state.set(`escrow:${id}`, this.#chain.epoch, (this.escrow(id) + atto).toString());
  }

  /** Bytes of verified deals that a client may still make; undefined for one that is not verified. */
  datacap(id: string, epoch?: number): bigint | undefined {
    const bytes = this.#chain.state.get<string>(`datacap:${id}`, epoch);
    return bytes === undefined ? undefined : BigInt(bytes);
  }

  setDatacap(id: string, bytes: bigint): void {
    this.#chain.state.set(`datacap:${id}`, this.#chain.epoch, bytes.toString());
  }

  /** Why the deal cannot be published; undefined when it can. */
  problem(proposal: Proposal, signature: Signature): string | undefined {
    const { epoch } = this.#chain;
    const normalized = this.normalize(proposal);
    if (normalized === undefined) return 'client is unknown to the chain';
    if (!isPieceCid(proposal.pieceCid)) return 'proposal piece CID has the wrong form';
    if (!isProposalSignedBy(this.#accounts.keyAddress(proposal.client), proposal, signature)) return 'signature is invalid';
    if (proposal.startEpoch < epoch) return 'deal start epoch has already elapsed';
    const duration = proposal.endEpoch - proposal.startEpoch;
    if (duration < this.#options.minDurationEpochs || duration > this.#options.maxDurationEpochs) return 'duration out of bounds';
    if (this.#chain.state.get(`proposal:${pendingKey(normalized)}`) !== undefined) return 'identical proposal is pending or active';
    if (proposal.verified && (this.datacap(normalized.client) ?? 0n) < BigInt(proposal.pieceSizeBytes))
      return 'client has too little datacap';
    const free = this.escrow(normalized.client) - this.locked(normalized.client);
    if (free < clientCommitment(proposal)) return 'client has too little in escrow';
    const providerFree = this.escrow(proposal.provider) - this.locked(proposal.provider);
    return providerFree < BigInt(proposal.providerCollateral) ? 'provider has too little in escrow' : undefined;
  }

  /** Takes a valid deal in and locks its funds. */
  publish(proposal: Proposal): number {
    const { state, epoch } = this.#chain;
    const normalized = this.normalize(proposal) ?? proposal;
    const id = state.get<number>('nextDeal') ?? 1;
    state.set('nextDeal', epoch, id + 1);
    this.#put({ id, proposal: normalized, sectorStartEpoch: -1, lastUpdatedEpoch: -1, slashEpoch: -1 });
    state.set(`proposal:${pendingKey(normalized)}`, epoch, id);
    this.#lock(normalized.client, clientCommitment(normalized));
    this.#lock(normalized.provider, BigInt(normalized.providerCollateral));
    if (normalized.verified)
      this.setDatacap(normalized.client, (this.datacap(normalized.client) ?? 0n) - BigInt(normalized.pieceSizeBytes));
    this.#schedule(id, normalized.startEpoch);
    return id;
  }

  /** False when the deal is gone or its start has passed. */
  activate(dealId: number): boolean {
    const deal = this.deal(dealId);
    if (deal === undefined || deal.sectorStartEpoch >= 0 || this.#chain.epoch > deal.proposal.startEpoch) return false;
    this.#put({ ...deal, sectorStartEpoch: this.#chain.epoch });
    return true;
  }

  /** Anyone may call it: pays what is due, closes what has ended, frees what missed its start. */
  settle(dealId: number): void {
    const deal = this.deal(dealId);
    const { epoch } = this.#chain;
    if (deal === undefined || deal.slashEpoch >= 0 || epoch <= deal.proposal.startEpoch) return;
    if (deal.sectorStartEpoch < 0) {
      this.#close(deal, { burnCollateral: true });
      return;
    }
    const paid = this.#pay(deal, Math.min(epoch, deal.proposal.endEpoch));
    if (epoch >= deal.proposal.endEpoch) this.#close(paid, { burnCollateral: false });
    else this.#put({ ...paid, lastUpdatedEpoch: epoch });
  }

  /** The sector is given up: paid up to now, the rest freed, the state deleted. */
  terminate(dealId: number): void {
    const deal = this.deal(dealId);
    if (deal === undefined) return;
    const paid = deal.sectorStartEpoch < 0 ? deal : this.#pay(deal, Math.min(this.#chain.epoch, deal.proposal.endEpoch));
    this.#close(paid, { burnCollateral: true });
  }

  /** Marked as slashed, as older networks do it; the cron deletes it a while later. */
  slash(dealId: number, deleteAfterEpochs: number): void {
    const deal = this.deal(dealId);
    if (deal === undefined) return;
    this.#put({ ...deal, slashEpoch: this.#chain.epoch });
    this.#at(this.#chain.epoch + deleteAfterEpochs, dealId);
  }

  due(epoch: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const at of this.#cron.keys()) if (at > epoch && at < soonest) soonest = at;
    return soonest;
  }

  onEpoch(epoch: number): void {
    for (const [at, dealIds] of this.#cron) {
      if (at > epoch) continue;
      this.#cron.delete(at);
      for (const dealId of dealIds) this.#look(dealId);
    }
  }

  onReorg(): void {
    this.#cron.clear();
    for (const { id, proposal, slashEpoch } of this.deals()) {
      if (slashEpoch >= 0) this.#at(this.#chain.epoch + 1, id);
      else this.#schedule(id, proposal.startEpoch);
    }
  }

  /** With ID addresses; undefined when the client has none. */
  normalize(proposal: Proposal): Proposal | undefined {
    const client = this.#accounts.find(proposal.client);
    return client === undefined ? undefined : { ...proposal, client };
  }

  #look(dealId: number): void {
    const deal = this.deal(dealId);
    if (deal === undefined) return;
    if (deal.slashEpoch >= 0) {
      const paid = this.#pay(deal, Math.min(deal.slashEpoch, deal.proposal.endEpoch));
      this.#close(paid, { burnCollateral: true });
    } else if (deal.sectorStartEpoch < 0 && this.#chain.epoch >= deal.proposal.startEpoch) this.#close(deal, { burnCollateral: true });
  }

  /** The first look: spread over the interval behind the start by the deal's number. */
  #schedule(dealId: number, startEpoch: number): void {
    const { cronIntervalEpochs: interval } = this.#options;
    const offset = dealId % interval;
    const rounds = Math.ceil((startEpoch - offset) / interval);
    this.#at(offset + rounds * interval, dealId);
  }

  #at(epoch: number, dealId: number): void {
    const at = Math.max(epoch, this.#chain.epoch + 1);
    this.#cron.set(at, [...(this.#cron.get(at) ?? []), dealId]);
  }

  #pay(deal: ChainDeal, until: number): ChainDeal {
    const { proposal } = deal;
    const from = Math.max(proposal.startEpoch, deal.lastUpdatedEpoch);
    const atto = BigInt(Math.max(0, until - from)) * BigInt(proposal.pricePerEpoch);
    this.addEscrow(proposal.client, -atto);
    this.#lock(proposal.client, -atto);
    this.addEscrow(proposal.provider, atto);
    const { state, epoch } = this.#chain;
    const key = `paid:${proposal.client}:${proposal.provider}`;
    state.set(key, epoch, (BigInt(state.get<string>(key) ?? '0') + atto).toString());
    return { ...deal, lastUpdatedEpoch: Math.max(until, from) };
  }

  /** Frees what is still locked and deletes the deal. */
  #close(deal: ChainDeal, { burnCollateral }: { burnCollateral: boolean }): void {
    const { proposal } = deal;
    const from = Math.max(proposal.startEpoch, deal.lastUpdatedEpoch);
    const unpaid = BigInt(Math.max(0, proposal.endEpoch - from)) * BigInt(proposal.pricePerEpoch);
    this.#lock(proposal.client, -(unpaid + BigInt(proposal.clientCollateral)));
    this.#lock(proposal.provider, -BigInt(proposal.providerCollateral));
    if (burnCollateral) this.addEscrow(proposal.provider, -BigInt(proposal.providerCollateral));
    const { state, epoch } = this.#chain;
    state.set(`deal:${deal.id}`, epoch, undefined);
    state.set(`proposal:${pendingKey(proposal)}`, epoch, undefined);
  }

  #lock(id: string, atto: bigint): void {
    this.#chain.state.set(`locked:${id}`, this.#chain.epoch, (this.locked(id) + atto).toString());
  }

  #put(deal: ChainDeal): void {
    this.#chain.state.set(`deal:${deal.id}`, this.#chain.epoch, deal);
  }
}

/** The proving period in which a miner is: a fixed offset per miner, so that the period that genesis fell into began before it. */
export function periodStart(minerId: string, epoch: number, periodEpochs = 2_880): number {
  const offset = (actorNumber(minerId) * 677) % periodEpochs;
  return offset + Math.floor((epoch - offset) / periodEpochs) * periodEpochs;
}
