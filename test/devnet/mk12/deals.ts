import { join } from 'node:path';

import type { Follower } from '../chain.ts';
import type { Faults } from '../faults.ts';
import { isSignedBy, SECP256K1, type Signature } from '../keys.ts';
import type { MarketActor } from '../market-actor.ts';
import { signedProposalCid } from '../market-cbor.ts';
import { commitFile } from '../piece-cid.ts';
import type { ProviderDeal, ProviderInfo } from '../provider.ts';
import { asking, type CheckContext } from '../provider-checks.ts';
import type { Providers, Timing } from '../providers.ts';
import { isCurio, mk12Refusal } from './checks.ts';
import { type Progress, pullAsBoost, pullAsCurio, pullForEver, TransferRefused } from './pull.ts';
import { boostStatus, curioStatus, inPipeline } from './status.ts';
import { type DealParams, type DealReply, type StatusReply, uuidBytes } from './wire.ts';

export interface Mk12DealsOptions {
  providers: Providers;
  market: MarketActor;
  faults: Faults;
  timing: Timing;
  checks: CheckContext;
  /** RFC 3339. */
  now: () => string;
}

const ATTEMPTS_MAX = 15;
/** Between attempts: twice as long as before, up to so many epochs. */
const WAIT_EPOCHS_MAX = 16;

/** Proposals that come by mk12: judged, recorded, their data fetched. What follows is as with any other deal. */
export class Mk12Deals implements Follower {
  readonly #options: Mk12DealsOptions;
  readonly #progress = new Map<string, Progress>();
  readonly #jobs = new Map<string, { done: Promise<void>; abort: AbortController; isEndless: boolean }>();
  #closed = false;

  constructor(options: Mk12DealsOptions) {
    this.#options = options;
  }

  /** What a provider says to a proposal. It is recorded by then. */
  receive(info: ProviderInfo, params: DealParams): DealReply {
    const { checks, faults, providers } = this.#options;
    const wrong = faults.ofProvider(info.id);
    const proposalCid = signedProposalCid(params.proposal, params.signature);
    const why = mk12Refusal({
      info: asking(info, wrong),
      faults: wrong,
      params,
      context: checks,
      deals: this.#shownOf(info.id),
      proposalCid,
    });
    const wantsIt = why === undefined || wrong.publishAfterRefusal === true;
    if (wantsIt && providers.deal(proposalCid) === undefined) this.#record(info, params, proposalCid, why);
    return { accepted: why === undefined, message: why ?? '' };
  }

  status(info: ProviderInfo, uuid: string, signature: Signature): StatusReply {
    const { checks, market, timing, faults } = this.#options;
    const deal = this.#shownOf(info.id).find(({ mk12 }) => mk12?.uuid === uuid);
    const unknown = (error: string): StatusReply => ({ uuid, error, isOffline: false, transferSizeBytes: 0, receivedBytes: 0 });
    if (isCurio(info.mk12)) {
      const named = faults.ofProvider(info.id).neverNames === true ? inPipeline(deal) : deal;
      return curioStatus(market, named) ?? unknown('failed to get sealed deal status');
    }
    if (deal === undefined) return unknown(`no storage deal found with deal UUID ${uuid}`);
    const client = checks.accounts.keyAddress(deal.proposal.client);
    if (!isSignedBy(client, uuidBytes(uuid), signature)) return unknown('signature verification failed');
    return boostStatus({ market, timing, epoch: checks.chain.epoch }, deal);
  }

  due(epoch: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const deal of this.#wanted()) {
      soonest = Math.min(soonest, this.#pulls(deal) ? epoch + 1 : Math.max(epoch + 1, deal.proposal.startEpoch + 1));
    }
    return soonest;
  }

  onEpoch(epoch: number): void {
    for (const deal of this.#wanted()) {
      const job = this.#jobs.get(deal.proposalCid);
      if (job?.isEndless === true && this.#faultsOf(deal).pull !== 'forever') job.abort.abort();
      if (epoch > deal.proposal.startEpoch) {
        job?.abort.abort();
        this.#options.providers.fail(deal, 'deal start epoch has already elapsed');
      } else if ((deal.mk12?.nextAttempt ?? 0) <= epoch) this.#start(deal);
    }
  }

  /** Resolves once no transfer runs that could come to an end. */
  async idle(): Promise<void> {
    const running = () => [...this.#jobs.values()].filter(({ isEndless, abort }) => !isEndless || abort.signal.aborted);
    while (running().length > 0) await Promise.all(running().map(({ done }) => done));
  }

  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...this.#jobs.values()];
    for (const { abort } of jobs) abort.abort();
    await Promise.all(jobs.map(({ done }) => done));
  }

  #record(info: ProviderInfo, params: DealParams, proposalCid: string, why: string | undefined): void {
    const { checks, now, providers } = this.#options;
    const { proposal, signature, transfer, uuid, isOffline, root } = params;
    const deal: ProviderDeal = {
      proposalCid,
      provider: info.id,
      proposal,
      signature: Buffer.from(signature.data).toString('base64'),
      ...(signature.type === SECP256K1 ? {} : { signatureType: signature.type }),
      root,
      state: why === undefined ? 'waiting' : 'refused',
      message: why ?? '',
      receivedEpoch: checks.chain.epoch,
      mk12: {
        uuid,
        isOffline,
        transfer,
        proposedAt: now(),
        attempts: 0,
        nextAttempt: 0,
        receivedBytes: 0,
        ...(why === undefined ? {} : { refused: true as const }),
      },
    };
    providers.record(deal);
    this.#start(deal);
  }

  #shownOf(provider: string): ProviderDeal[] {
    const { providers } = this.#options;
    return providers.deals().filter((deal) => deal.provider === provider && deal.mk12 !== undefined && deal.mk12.refused !== true);
  }

  /** Those whose data is not here yet. */
  #wanted(): ProviderDeal[] {
    const { providers } = this.#options;
    return providers.deals().filter(({ mk12, proposalCid }) => mk12 !== undefined && providers.wantsData(proposalCid));
  }

  #faultsOf(deal: ProviderDeal) {
    return this.#options.faults.ofProvider(deal.provider);
  }

  /** Whether its transfer will come to an end. */
  #pulls(deal: ProviderDeal): boolean {
    const { dead = false, pull } = this.#faultsOf(deal);
    return !dead && pull === undefined && deal.mk12?.isOffline === false;
  }

  #start(deal: ProviderDeal): void {
    const isEndless = this.#faultsOf(deal).pull === 'forever';
    if (this.#closed || this.#jobs.has(deal.proposalCid) || !(isEndless || this.#pulls(deal))) return;
    const abort = new AbortController();
    const done = this.#attempt(deal, isEndless, abort.signal).finally(() => this.#jobs.delete(deal.proposalCid));
    this.#jobs.set(deal.proposalCid, { done, abort, isEndless });
  }

  async #attempt(deal: ProviderDeal, isEndless: boolean, signal: AbortSignal): Promise<void> {
    const { providers } = this.#options;
    const { mk12, provider, proposalCid } = deal;
    if (mk12 === undefined) return;
    const file = join(await providers.dirFor(provider), `${proposalCid}.car`);
    const progress = this.#progress.get(proposalCid) ?? { parts: [] };
    this.#progress.set(proposalCid, progress);
    try {
      const { URL: url, Headers: headers = {} } = JSON.parse(mk12.transfer.params) as { URL: string; Headers?: Record<string, string> };
      const pull = { url, headers, sizeBytes: mk12.transfer.sizeBytes, file, progress, signal };
      if (isEndless) return await pullForEver(pull);
      mk12.attempts += 1;
      await (isCurio(providers.get(provider).mk12) ? pullAsCurio(pull) : pullAsBoost(pull));
      mk12.receivedBytes = mk12.transfer.sizeBytes;
      const { bytes, ...commitment } = await commitFile(file);
      await providers.take(proposalCid, file, bytes, commitment);
      this.#progress.delete(proposalCid);
    } catch (error) {
      if (!signal.aborted) this.#retry(deal, error);
    }
  }

  #retry(deal: ProviderDeal, error: unknown): void {
    const { checks, providers } = this.#options;
    const { mk12 } = deal;
    if (mk12 === undefined) return;
    const why = error instanceof Error ? error.message : String(error);
    if (error instanceof TransferRefused || mk12.attempts >= ATTEMPTS_MAX) {
      providers.fail(deal, `data-transfer failed: ${why}`);
      return;
    }
    mk12.nextAttempt = checks.chain.epoch + Math.min(2 ** Math.max(0, mk12.attempts - 1), WAIT_EPOCHS_MAX);
  }
}
