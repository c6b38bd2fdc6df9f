import type { Chain } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Lingering } from '../../plan/escrow.ts';
import { lockedBy } from '../../plan/ledger.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { ASK_NODE_MS, answerOf, within } from './deadline.ts';
import type { Look } from './guard.ts';

export interface LingeringOptions {
  store: ColdStore;
  chain: Chain;
  rules: Pick<ColdRules, 'recheckEpochs'>;
}

/** Looked at on the chain, in one go. */
const LOOKED_AT_MAX = 100;

/** Finds deals of a wallet that missed their start and keep money locked. All deals are read for it, so that is done seldom. */
export class LingeringDeals {
  readonly #options: LingeringOptions;
  #readEpoch: number | undefined;
  #missed = 0;
  #found: readonly Lingering[] = [];

  constructor(options: LingeringOptions) {
    this.#options = options;
  }

  async of(wallet: string, look: Look, signal: AbortSignal): Promise<readonly Lingering[]> {
    const { store, rules } = this.#options;
    const missed = store.totals().deals.missed ?? 0;
    const { headEpoch } = look.view;
    const isFresh = this.#readEpoch !== undefined && headEpoch - this.#readEpoch < rules.recheckEpochs && missed === this.#missed;
    if (isFresh) return this.#found;
    this.#found = missed === 0 ? [] : await this.#look(await this.#candidates(wallet), look, signal);
    this.#readEpoch = headEpoch;
    this.#missed = missed;
    return this.#found;
  }

  /** What was found is being seen to, or was looked at too long ago. */
  forget(): void {
    this.#readEpoch = undefined;
    this.#found = [];
  }

  async #candidates(wallet: string): Promise<Deal[]> {
    const found: Deal[] = [];
    for await (const { value: deal } of this.#options.store.deals()) {
      const isOurs = deal.wallet === wallet && deal.chainDealId !== undefined;
      if (deal.state === 'missed' && deal.dueEpoch !== undefined && isOurs) found.push(deal);
      if (found.length === LOOKED_AT_MAX) break;
    }
    return found;
  }

  async #look(deals: readonly Deal[], { view }: Look, signal: AbortSignal): Promise<Lingering[]> {
    const found: Lingering[] = [];
    for (const { chainDealId = 0 } of deals) {
      const onChain = await answerOf(this.#options.chain.marketDeal(chainDealId, view.finalizedKey, within(signal, ASK_NODE_MS)));
      if (onChain === undefined || onChain.sectorStartEpoch > -1 || onChain.slashEpoch > -1) continue;
      if (onChain.startEpoch < view.finalizedEpoch) found.push({ chainDealId, freesAtto: lockedBy(onChain) });
    }
    return found;
  }
}
