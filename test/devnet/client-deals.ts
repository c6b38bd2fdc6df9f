import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { writeDag } from './car-file.ts';
import type { Chain, Follower } from './chain.ts';
import { type ClientDeal, note, STATE } from './client-deal.ts';
import { RpcError } from './errors.ts';
import type { Faults } from './faults.ts';
import type { Funds } from './funds.ts';
import type { Imports } from './imports.ts';
import { clientCommitment, type MarketActor } from './market-actor.ts';
import type { Messages } from './messages.ts';
import { PieceHasher } from './piece-cid.ts';
import type { Providers, Timing } from './providers.ts';

export interface ClientDealsOptions {
  chain: Chain;
  market: MarketActor;
  messages: Messages;
  providers: Providers;
  imports: Imports;
  funds: Funds;
  faults: Faults;
  timing: Timing;
  /** So long a new deal is only known: whoever asks right after the reply sees it untouched, as on real nodes. */
  firstStepMs: number;
  /** RFC 3339. */
  now: () => string;
}

const FIRST_TRANSFER = 1_795_345_580_492_311_503n;
const FINAL: ReadonlySet<number> = new Set([STATE.expired, STATE.slashed, STATE.error]);
const BUSY: ReadonlySet<number> = new Set([STATE.reserveClientFunds, STATE.clientFunding, STATE.fundsReserved, STATE.transferring]);

/** The node's deal client: every deal goes its way by itself, whether or not anyone asks. */
export class ClientDeals implements Follower {
  readonly #options: ClientDealsOptions;
  #deals = new Map<string, ClientDeal>();
  readonly #jobs = new Map<string, Promise<void>>();
  #transfers = FIRST_TRANSFER;

  constructor(options: ClientDealsOptions) {
    this.#options = options;
  }

  list(): ClientDeal[] {
    return [...this.#deals.values()];
  }

  get(proposalCid: string): ClientDeal {
    const deal = this.#deals.get(proposalCid);
    if (deal === undefined) throw new RpcError(1, `No state for /${proposalCid}: datastore: key not found`);
    return deal;
  }

  /** Begins to track it. A proposal that is tracked already, be it long failed, is refused by its CID. */
  begin(deal: ClientDeal): void {
    if (this.#deals.has(deal.proposalCid)) {
      throw new RpcError(1, `failed to start deal: setting up deal tracking: Begin: already tracking identifier \`${deal.proposalCid}\``);
    }
    this.#deals.set(deal.proposalCid, deal);
    const first = sleep(this.#options.firstStepMs).then(() => {
      this.#jobs.delete(deal.proposalCid);
      this.#run(deal);
    });
    this.#jobs.set(deal.proposalCid, first);
  }

  /** Resolves once no transfer runs, and every new deal has begun. */
  async idle(): Promise<void> {
    while (this.#jobs.size > 0) await Promise.all(this.#jobs.values());
  }

  due(epoch: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { state, signed } of this.#deals.values()) {
      if (BUSY.has(state)) return epoch + 1;
      if (state === STATE.active) soonest = Math.min(soonest, Math.max(epoch + 1, signed.proposal.endEpoch));
      else if (!FINAL.has(state)) soonest = Math.min(soonest, Math.max(epoch + 1, signed.proposal.startEpoch + 2));
    }
    return soonest;
  }

  onEpoch(): void {
    for (const deal of this.#deals.values()) this.#run(deal);
  }

  dump() {
    return { deals: [...this.#deals], transfers: this.#transfers.toString() };
  }

  load(dump: ReturnType<ClientDeals['dump']>): void {
    this.#deals = new Map(dump.deals);
    this.#transfers = BigInt(dump.transfers);
    for (const deal of this.#deals.values()) {
      if (deal.state === STATE.startDataTransfer || deal.state === STATE.transferQueued) deal.state = STATE.transferring;
    }
  }

  /** As many steps as can be taken right now. */
  #run(deal: ClientDeal): void {
    for (let before = -1; before !== deal.state && !FINAL.has(deal.state); ) {
      before = deal.state;
      this.#step(deal);
    }
  }

  #step(deal: ClientDeal): void {
    if (deal.state === STATE.reserveClientFunds) this.#reserve(deal);
    else if (deal.state === STATE.clientFunding) this.#awaitFunds(deal);
    else if (deal.state === STATE.fundsReserved) this.#propose(deal);
    else if (deal.state === STATE.transferring) this.#startJob(deal);
    else if (deal.state === STATE.checkForAcceptance) this.#checkAcceptance(deal);
    else if (deal.state === STATE.accepted) this.#findDealId(deal);
    else if (deal.state === STATE.awaitingPreCommit || deal.state === STATE.sealing) this.#awaitActivation(deal);
    else if (deal.state === STATE.active) this.#awaitEnd(deal);
  }

  #reserve(deal: ClientDeal): void {
    const amount = clientCommitment(deal.signed.proposal);
    const { client } = deal.signed.proposal;
    try {
      const message = this.#options.funds.reserve(client, client, amount);
      deal.reserved = amount.toString();
      this.#note(deal, STATE.reserveClientFunds, `funds reserved, amount <${amount}>`);
      if (message === undefined) {
        deal.state = STATE.fundsReserved;
        return;
      }
      this.#note(deal, STATE.reserveClientFunds, `reserving funds for storage deal, message cid: <${message}>`);
      deal.fundMessage = message;
      deal.state = STATE.clientFunding;
    } catch (error) {
      const why = `adding market funds failed: ${error instanceof Error ? error.message : error}`;
      this.#note(deal, STATE.reserveClientFunds, why);
      this.#fail(deal, why);
    }
  }

  #awaitFunds(deal: ClientDeal): void {
    const { chain, messages, timing } = this.#options;
    const found = messages.receipt(deal.fundMessage ?? '');
    if (found !== undefined && chain.epoch >= found.receipt.height + timing.confidenceEpochs) deal.state = STATE.fundsReserved;
  }

  #propose(deal: ClientDeal): void {
    const { faults, providers } = this.#options;
    const { provider } = deal.signed.proposal;
    if (faults.ofProvider(provider).dead === true) {
      this.#fail(deal, 'exhausted 15 attempts but failed to open stream, err: failed to dial: all dials failed');
      return;
    }
    const refused = providers.receive(deal.proposalCid, deal.signed, deal.root);
    if (refused !== undefined) {
      const why = `unexpected deal status while waiting for data request: 11 (StorageDealFailing). Provider message: deal rejected: ${refused}`;
      this.#note(deal, STATE.fundsReserved, why);
      this.#fail(deal, why);
      if (providers.wantsData(deal.proposalCid)) this.#startJob(deal);
      return;
    }
    this.#note(deal, STATE.fundsReserved, 'opening data transfer to storage provider');
    deal.transferId = (this.#transfers++).toString();
    if (deal.dataRef.TransferType === 'manual') {
      // Nothing is sent: the provider waits for somebody to bring the file.
      deal.state = STATE.checkForAcceptance;
      return;
    }
    this.#note(deal, STATE.startDataTransfer, `provider data transfer request added to client's queue: channel id <${deal.transferId}>`);
    this.#note(deal, STATE.transferQueued, `data transfer initiated on channel id <${deal.transferId}>`);
    deal.state = STATE.transferring;
  }

  #startJob(deal: ClientDeal): void {
    if (this.#jobs.has(deal.proposalCid)) return;
    const job = this.#send(deal)
      .catch((error: unknown) => {
        if (!FINAL.has(deal.state)) this.#fail(deal, `data transfer failed: ${error instanceof Error ? error.message : error}`);
      })
      .finally(() => {
        this.#jobs.delete(deal.proposalCid);
        this.#run(deal);
      });
    this.#jobs.set(deal.proposalCid, job);
  }

  /** The DAG is walked anew from its root and written at the provider's, which hashes what it got. */
  async #send(deal: ClientDeal): Promise<void> {
    const { imports, providers } = this.#options;
    const { provider } = deal.signed.proposal;
    const source = await imports.car(deal.root);
    const hasher = new PieceHasher();
    const file = join(await providers.dirFor(provider), `${deal.proposalCid}.car`);
    const bytes = await writeDag(source, deal.root, file, (chunk) => hasher.write(chunk));
    deal.transferred = bytes;
    await providers.take(deal.proposalCid, file, bytes, hasher.end());
    if (deal.state === STATE.transferring) deal.state = STATE.checkForAcceptance;
  }

  #checkAcceptance(deal: ClientDeal): void {
    const found = this.#options.providers.deal(deal.proposalCid);
    if (found === undefined) return;
    if (found.state === 'failed') {
      this.#fail(deal, `deal failed: (State=${STATE.failing}) ${found.message}`);
      return;
    }
    if (found.state === 'waiting' || found.state === 'ready' || found.state === 'publishing') return;
    this.#note(deal, STATE.checkForAcceptance, 'deal has been accepted by storage provider');
    deal.state = STATE.accepted;
  }

  #findDealId(deal: ClientDeal): void {
    const dealId = this.#options.market.find(deal.signed.proposal);
    if (dealId === undefined) return;
    this.#release(deal, STATE.accepted);
    deal.dealId = dealId;
    deal.state = STATE.awaitingPreCommit;
  }

  /** By the number that it has seen: after a reorganisation that may be somebody else's. */
  #awaitActivation(deal: ClientDeal): void {
    const { chain, market, providers } = this.#options;
    const onChain = market.deal(deal.dealId);
    const isSealing = providers.deal(deal.proposalCid)?.state === 'sealing';
    if (deal.state === STATE.awaitingPreCommit && (isSealing || (onChain?.sectorStartEpoch ?? -1) >= 0)) {
      this.#note(deal, STATE.awaitingPreCommit, 'deal pre-commit message has landed on chain');
      deal.state = STATE.sealing;
    } else if (onChain !== undefined && onChain.sectorStartEpoch >= 0) {
      this.#note(deal, STATE.sealing, 'deal activated');
      deal.state = STATE.active;
    } else if (chain.epoch > deal.signed.proposal.startEpoch + 1) {
      this.#fail(deal, `error in deal activation: deal was never activated: deal=${deal.dealId}`);
    }
  }

  #awaitEnd(deal: ClientDeal): void {
    const { chain, market } = this.#options;
    const onChain = market.deal(deal.dealId);
    if (chain.epoch >= deal.signed.proposal.endEpoch) deal.state = STATE.expired;
    else if (onChain === undefined || onChain.slashEpoch >= 0) deal.state = STATE.slashed;
  }

  #fail(deal: ClientDeal, message: string): void {
    note(deal, STATE.failing, this.#options.now());
    this.#release(deal, STATE.failing);
    deal.message = message;
    deal.state = STATE.error;
  }

  #release(deal: ClientDeal, state: number): void {
    const amount = BigInt(deal.reserved);
    if (amount === 0n) return;
    this.#options.funds.release(deal.signed.proposal.client, amount);
    this.#note(deal, state, `funds released, amount <${amount}>`);
    deal.reserved = '0';
  }

  #note(deal: ClientDeal, state: number, log: string): void {
    note(deal, state, this.#options.now(), log);
  }
}
