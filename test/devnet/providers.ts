import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Chain, Follower } from './chain.ts';
import { RpcError } from './errors.ts';
import type { Faults } from './faults.ts';
import type { MarketActor } from './market-actor.ts';
import type { Messages, SignedProposal } from './messages.ts';
import { signatureOf } from './messages.ts';
import type { OtherClients } from './other-clients.ts';
import { type PieceCommitment, padCommitment } from './piece-cid.ts';
import type { ProviderDeal, ProviderInfo } from './provider.ts';
import { asking, type CheckContext, refusal, toldRefusal } from './provider-checks.ts';

/** How many epochs things take. */
export interface Timing {
  /** From a funding message's receipt until the node trusts it. */
  confidenceEpochs: number;
  /** From the data being there until the publish message is sent. */
  publishEpochs: number;
  /** From the publish receipt until the sector is proven. */
  sealEpochs: number;
  /** Between settlements of an active deal; it is settled after its end in any case. */
  settleEpochs: number;
}

export interface ProvidersOptions {
  dir: string;
  chain: Chain;
  market: MarketActor;
  messages: Messages;
  faults: Faults;
  others: OtherClients;
  timing: Timing;
  checks: CheckContext;
}

/** After its end a deal is settled with this delay. */
const CLOSE_AFTER_EPOCHS = 10;

/** All storage providers: they take proposals and data, publish, seal, settle, and keep what they were given. */
export class Providers implements Follower {
  readonly #options: ProvidersOptions;
  readonly #infos = new Map<string, ProviderInfo>();
  #deals = new Map<string, ProviderDeal>();

  constructor(options: ProvidersOptions, infos: readonly ProviderInfo[]) {
    this.#options = options;
    for (const info of infos) this.#infos.set(info.id, info);
  }

  list(): ProviderInfo[] {
    return [...this.#infos.values()];
  }

  add(info: ProviderInfo): void {
    this.#infos.set(info.id, info);
  }

  find(id: string): ProviderInfo | undefined {
    return this.#infos.get(id);
  }

  get(id: string): ProviderInfo {
    const info = this.#infos.get(id);
    if (info === undefined) throw new RpcError(1, 'failed to load miner actor: actor not found');
    return info;
  }

  deals(): ProviderDeal[] {
    return [...this.#deals.values()];
  }

  deal(proposalCid: string): ProviderDeal | undefined {
    return this.#deals.get(proposalCid);
  }

  /** A proposal arrives. What it answers: nothing when it is taken, else why not. */
  receive(proposalCid: string, signed: SignedProposal, root: string): string | undefined {
    const { id } = this.get(signed.proposal.provider);
    const faults = this.#options.faults.ofProvider(id);
    const info = asking(this.get(id), faults);
    const told = toldRefusal(faults, info, signed.proposal);
    const why = told ?? refusal(info, signed.proposal, signatureOf(signed), this.#options.checks);
    const already = this.#deals.get(proposalCid);
    if (already !== undefined) return already.state === 'refused' ? already.message : undefined;
    this.#deals.set(proposalCid, {
      ...signed,
      proposalCid,
      provider: info.id,
      root,
      state: why === undefined ? 'waiting' : 'refused',
      message: why ?? '',
      receivedEpoch: this.#options.chain.epoch,
    });
    return why;
  }

  /** A deal that came another way than by the Client API, whatever was said to it. */
  record(deal: ProviderDeal): void {
    this.#deals.set(deal.proposalCid, deal);
  }

  /** Whether it wants the data, be it that it said no. */
  wantsData(proposalCid: string): boolean {
    const deal = this.#deals.get(proposalCid);
    if (deal === undefined) return false;
    return deal.state === 'waiting' || (deal.state === 'refused' && this.#faultsOf(deal).publishAfterRefusal === true);
  }

  async dirFor(id: string): Promise<string> {
    const dir = join(this.#options.dir, 'providers', id);
    await mkdir(dir, { recursive: true });
    return dir;
  }

  /** The data is here. It is kept when it is what was proposed. */
  async take(proposalCid: string, file: string, carSizeBytes: number, commitment: PieceCommitment): Promise<void> {
    const deal = this.#deals.get(proposalCid);
    if (deal === undefined) return;
    const { proposal } = deal;
    const { pieceCid, pieceSizeBytes } = padCommitment(commitment, proposal.pieceSizeBytes);
    if (pieceCid !== proposal.pieceCid || pieceSizeBytes !== proposal.pieceSizeBytes) {
      await rm(file, { force: true });
      this.fail(deal, `proposal CommP doesn't match calculated CommP`);
      return;
    }
    const { publishLateEpochs = 0 } = this.#faultsOf(deal);
    deal.publishAt = this.#options.chain.epoch + this.#options.timing.publishEpochs + publishLateEpochs;
    deal.file = file;
    deal.carSizeBytes = carSizeBytes;
    deal.state = 'ready';
  }

  /** The end of it, as far as the provider goes. */
  fail(deal: ProviderDeal, message: string): void {
    deal.state = 'failed';
    deal.message = message;
  }

  due(epoch: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const deal of this.#deals.values()) soonest = Math.min(soonest, Math.max(epoch + 1, this.#dueOf(deal)));
    return soonest;
  }

  onEpoch(epoch: number): void {
    for (const info of this.#infos.values()) this.#publish(info, epoch);
    for (const deal of this.#deals.values()) this.#follow(deal, epoch);
  }

  /** Ends a deal of its own accord; what the provider kept it keeps. */
  giveUp(deal: ProviderDeal, how: 'terminate' | 'slash', deleteAfterEpochs: number): void {
    const { messages } = this.#options;
    const proposals = [deal.proposal];
    const action = how === 'terminate' ? { kind: how, proposals } : { kind: how, proposals, deleteAfterEpochs };
    messages.push(this.get(deal.provider).workerKey, action, { to: how === 'terminate' ? deal.provider : 'f05' });
  }

  dump() {
    return [...this.#deals];
  }

  load(dump: ReturnType<Providers['dump']>): void {
    this.#deals = new Map(dump);
  }

  #faultsOf(deal: ProviderDeal) {
    return this.#options.faults.ofProvider(deal.provider);
  }

  #dueOf(deal: ProviderDeal): number {
    const { timing } = this.#options;
    const { proposal } = deal;
    if (deal.state === 'ready') return this.#isSilent(deal) ? proposal.startEpoch + 1 : (deal.publishAt ?? 0);
    if (deal.state === 'publishing') return 0;
    if (deal.state === 'published' || deal.state === 'sealing') {
      const seals = deal.proveCid === undefined && this.#seals(deal);
      const wait = deal.state === 'published' ? Math.ceil(timing.sealEpochs / 2) : timing.sealEpochs;
      return seals ? (deal.publishedEpoch ?? 0) + wait : proposal.startEpoch + 1;
    }
    if (deal.state !== 'active' || deal.settleCid === 'closed') return Number.POSITIVE_INFINITY;
    return proposal.endEpoch + CLOSE_AFTER_EPOCHS;
  }

  #isSilent(deal: ProviderDeal): boolean {
    const { neverPublish = false, dead = false } = this.#faultsOf(deal);
    return neverPublish || dead;
  }

  #seals(deal: ProviderDeal): boolean {
    const { neverSeal = false, dead = false } = this.#faultsOf(deal);
    return !neverSeal && !dead;
  }

  /** Everything that is ready goes into one message, among the deals of other clients. */
  #publish(info: ProviderInfo, epoch: number): void {
    const { messages, others, faults } = this.#options;
    const ready = this.deals().filter(
      (deal) => deal.provider === info.id && deal.state === 'ready' && (deal.publishAt ?? 0) <= epoch && !this.#isSilent(deal),
    );
    if (ready.length === 0) return;
    const deals = others.mixIn(
      info.id,
      ready.map(({ proposal, signature, signatureType }) => ({
        proposal,
        signature,
        ...(signatureType === undefined ? {} : { signatureType }),
      })),
    );
    let message = messages.push(info.workerKey, { kind: 'publish', deals });
    const { cid } = message;
    if (faults.ofProvider(info.id).replacePublish === true) message = messages.replace(info.workerKey, cid);
    for (const deal of ready) Object.assign(deal, { state: 'publishing', publishCid: cid });
  }

  #follow(deal: ProviderDeal, epoch: number): void {
    const { proposal } = deal;
    if (deal.state === 'ready' && epoch > proposal.startEpoch) this.fail(deal, 'deal start epoch has already elapsed');
    if (deal.state === 'publishing') this.#followPublish(deal);
    if (deal.state === 'published' || deal.state === 'sealing') this.#followSealing(deal, epoch);
    if (deal.state === 'active') this.#followActive(deal, epoch);
  }

  #followPublish(deal: ProviderDeal): void {
    const { market, messages } = this.#options;
    const found = messages.receipt(deal.publishCid ?? '');
    if (found === undefined) return;
    if (found.receipt.exitCode !== 0 || market.find(deal.proposal) === undefined) {
      this.fail(deal, `PublishStorageDeal failed: exit code ${found.receipt.exitCode}`);
      return;
    }
    deal.state = 'published';
    deal.publishedEpoch = found.receipt.height;
  }

  #followSealing(deal: ProviderDeal, epoch: number): void {
    const { market, messages, timing } = this.#options;
    const dealId = market.find(deal.proposal);
    if (messages.receipt(deal.publishCid ?? '') === undefined) {
      // Taken back by a reorganisation: the message waits again, or is gone for good.
      deal.state = 'publishing';
      delete deal.proveCid;
    } else if (dealId === undefined || epoch > deal.proposal.startEpoch + 1) {
      this.fail(deal, 'deal was not activated by its start epoch');
    } else if ((market.deal(dealId)?.sectorStartEpoch ?? -1) >= 0) deal.state = 'active';
    else if (deal.proveCid === undefined && this.#seals(deal)) {
      const age = epoch - (deal.publishedEpoch ?? 0);
      if (age >= timing.sealEpochs / 2) deal.state = 'sealing';
      if (age < timing.sealEpochs) return;
      const key = this.get(deal.provider).workerKey;
      deal.proveCid = messages.push(key, { kind: 'prove', proposals: [deal.proposal] }, { to: deal.provider }).cid;
    }
  }

  #followActive(deal: ProviderDeal, epoch: number): void {
    const { market, messages, timing } = this.#options;
    const dealId = market.find(deal.proposal);
    const chainDeal = dealId === undefined ? undefined : market.deal(dealId);
    if (chainDeal === undefined) {
      deal.settleCid = 'closed';
      return;
    }
    if (chainDeal.sectorStartEpoch < 0) {
      // The proof was taken back; it is sent again when it does not come by itself.
      deal.state = 'sealing';
      if (messages.receipt(deal.proveCid ?? '') !== undefined) delete deal.proveCid;
      return;
    }
    const last = Math.max(chainDeal.lastUpdatedEpoch, deal.proposal.startEpoch);
    const isOver = epoch >= deal.proposal.endEpoch + CLOSE_AFTER_EPOCHS;
    const isWaiting = deal.settleCid !== undefined && messages.receipt(deal.settleCid) === undefined;
    if (isWaiting || !(isOver || epoch - last >= timing.settleEpochs)) return;
    deal.settleCid = messages.push(this.get(deal.provider).workerKey, { kind: 'settle', proposals: [deal.proposal] }).cid;
  }
}
