import { setTimeout } from 'node:timers/promises';

import { type Chain, ColdError, type DealMaker } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Provider } from '../../domain/provider.ts';
import type { Log } from '../../log.ts';
import { newProvider, withEvent } from '../../plan/providers.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { ASK_NODE_MS, ASK_PROVIDER_MS, within } from './deadline.ts';
import type { Desk } from './desk.ts';
import type { SpendingGuard } from './guard.ts';
import { eachOf } from './pool.ts';

export interface ProviderBookOptions {
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  desk: Desk;
  guard: SpendingGuard;
  trusted: readonly string[];
  countries: ReadonlyMap<string, string>;
  rules: ColdRules;
  clock: Clock;
  log: Log;
}

const CONCURRENCY = 4;
/** So long a plan waits for asks; who needs longer is not waited for, and counts from the next plan on. */
const PATIENCE_MS = 3_000;

/** What is known of the trusted providers, read anew from chain and provider when it has grown old. */
export class ProviderBook {
  readonly #options: ProviderBookOptions;
  #refreshing: { done: Promise<void>; longEnough: Promise<void> } | undefined;

  constructor(options: ProviderBookOptions) {
    this.#options = options;
  }

  /** As they were read last, in the order of the config. */
  async known(): Promise<Provider[]> {
    const { store, trusted, countries } = this.#options;
    const stored = new Map((await store.providers()).map(({ value }) => [value.id, value]));
    return trusted.map((id) => withCountry(stored.get(id) ?? newProvider(id, undefined), countries.get(id)));
  }

  /**
   * The same, after those of which nothing recent is known were asked. Passes that want it at once share the asking, and
   * the patience: a provider that lets us wait delays nobody else.
   */
  async fresh(headEpoch: number, signal: AbortSignal): Promise<Provider[]> {
    this.#refreshing ??= this.#beginRefresh(headEpoch, signal);
    const { done, longEnough } = this.#refreshing;
    await Promise.race([done, longEnough]);
    return this.known();
  }

  #beginRefresh(headEpoch: number, signal: AbortSignal): { done: Promise<void>; longEnough: Promise<void> } {
    const over = new AbortController();
    const done = this.#refreshStale(headEpoch, signal).finally(() => {
      this.#refreshing = undefined;
      over.abort();
    });
    // It may fail when nobody waits for it any more.
    done.catch((error: unknown) => this.#options.log.debug({ err: error }, 'asking the providers ended early'));
    const longEnough = setTimeout(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined);
    return { done, longEnough };
  }

  async #refreshStale(headEpoch: number, signal: AbortSignal): Promise<void> {
    const stale = (await this.known()).filter((provider) => this.#isStale(provider, headEpoch));
    await eachOf(stale, CONCURRENCY, signal, async ({ id }) => {
      await this.refresh(id, headEpoch, signal);
    });
  }

  #isStale({ refreshedEpoch, notBeforeEpoch, suspended }: Provider, headEpoch: number): boolean {
    if (suspended !== undefined || notBeforeEpoch > headEpoch) return false;
    return refreshedEpoch === undefined || headEpoch - refreshedEpoch >= this.#options.rules.recheckEpochs || refreshedEpoch > headEpoch;
  }

  /** Asks chain and provider now. Who does not answer is given a rest, unless it is the node that does not. */
  async refresh(id: string, headEpoch: number, signal: AbortSignal): Promise<Provider> {
    const { chain, maker, desk, countries, log } = this.#options;
    try {
      const onChain = await chain.provider(id, within(signal, ASK_NODE_MS));
      const ask = await maker.ask(id, within(signal, ASK_PROVIDER_MS));
      return await desk.changeProvider(id, ({ unreachable: _, ...provider }) => ({
        ...withCountry(provider, countries.get(id)),
        chain: onChain,
        ask,
        refreshedEpoch: headEpoch,
      }));
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      signal.throwIfAborted();
      log.info({ err: error, provider: id }, 'a provider could not be asked');
      return this.#unreachable(id, headEpoch, error, signal);
    }
  }

  async #unreachable(id: string, headEpoch: number, error: ColdError, signal: AbortSignal): Promise<Provider> {
    const { desk, guard, clock, rules } = this.#options;
    const text = error.failure === 'refused' ? 'did not tell its ask' : 'did not answer when asked for its price';
    const own = error.failure === 'unauthorized' || !(await guard.answers(signal));
    return desk.changeProvider(id, (provider) => {
      const marked = { ...provider, unreachable: text };
      return own ? marked : withEvent(marked, { epoch: headEpoch, atMs: clock.nowMs(), kind: 'unreachable', text }, rules);
    });
  }
}

function withCountry({ country: _, ...provider }: Provider, country: string | undefined): Provider {
  return country === undefined ? provider : { ...provider, country };
}
