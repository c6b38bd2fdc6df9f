import { setTimeout } from 'node:timers/promises';

import { type Chain, ColdError, type DealMaker, UnusableAsk } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Place, Places } from '../../domain/places-port.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Provider, ProviderOnChain } from '../../domain/provider.ts';
import type { Log } from '../../log.ts';
import { askProblem, isAskCurrent } from '../../plan/ask.ts';
import { withPlace } from '../../plan/place.ts';
import { newProvider, withEvent } from '../../plan/providers.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { withAnswer } from '../../plan/set-aside.ts';
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
  places?: Places;
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

  /** Those that are trusted, by the config in its order and then by the operator, as they were read last. */
  async known(): Promise<Provider[]> {
    const { store, trusted, countries } = this.#options;
    const stored = new Map((await store.providers()).map(({ value }) => [value.id, value]));
    const added = [...stored.values()].filter((provider) => provider.trusted !== undefined && !trusted.includes(provider.id));
    return [...trusted, ...added.map(({ id }) => id)].map((id) =>
      withPlace(stored.get(id) ?? newProvider(id, undefined), countries.get(id)),
    );
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

  /** An ask counts for `recheckEpochs`, and not past its own end; who was set aside is asked before the trial. */
  #isStale({ refreshedEpoch, notBeforeEpoch, suspended, setAside, ask }: Provider, headEpoch: number): boolean {
    if (suspended !== undefined || notBeforeEpoch > headEpoch) return false;
    if (setAside !== undefined && setAside.untilEpoch > headEpoch) return false;
    if (ask !== undefined && !isAskCurrent(ask, headEpoch)) return true;
    return (
      refreshedEpoch === undefined ||
      refreshedEpoch < (setAside?.untilEpoch ?? 0) ||
      headEpoch - refreshedEpoch >= this.#options.rules.recheckEpochs ||
      refreshedEpoch > headEpoch
    );
  }

  /** What the chain says of somebody nobody knows yet; undefined when that cannot be asked now. */
  async stranger(id: string, signal: AbortSignal): Promise<ProviderOnChain | undefined> {
    try {
      return await this.#options.chain.provider(id, within(signal, ASK_NODE_MS));
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      if (error.failure === 'refused')
        throw new FbpdError('NOT_FOUND', `the chain has no provider ${id}: ${error.message}`, { subject: id, cause: error });
      return undefined;
    }
  }

  /** Asks chain and provider now. Who does not answer is given a rest, unless it is the node that does not. */
  async refresh(id: string, headEpoch: number, signal: AbortSignal): Promise<Provider> {
    const { chain, maker, desk, countries, log } = this.#options;
    try {
      const onChain = await chain.provider(id, within(signal, ASK_NODE_MS));
      const place = await this.#placeOf(onChain, signal);
      const ask = await maker.ask(id, within(signal, ASK_PROVIDER_MS));
      const problem = askProblem(ask, headEpoch);
      if (problem !== undefined) throw new UnusableAsk(problem);
      return await desk.changeProvider(id, ({ unreachable: _, ...provider }) => ({
        ...withPlace(withAnswer(provider), countries.get(id), place),
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

  async #placeOf({ id, hosts }: ProviderOnChain, signal: AbortSignal): Promise<Place | undefined> {
    const { places, countries } = this.#options;
    if (places === undefined || countries.has(id)) return undefined;
    return places.placeOf(await places.look(hosts, signal));
  }

  async #unreachable(id: string, headEpoch: number, error: ColdError, signal: AbortSignal): Promise<Provider> {
    const { desk, guard, clock, rules } = this.#options;
    const text = silence(error);
    const own = error.failure === 'unauthorized' || !(await guard.answers(signal));
    return desk.changeProvider(id, ({ ask, ...provider }) => {
      // What it said before is not what it says now.
      const marked = { ...provider, unreachable: text, ...(ask === undefined || error instanceof UnusableAsk ? {} : { ask }) };
      return own ? marked : withEvent(marked, { epoch: headEpoch, atMs: clock.nowMs(), kind: 'unreachable', text }, rules);
    });
  }
}

function silence(error: ColdError): string {
  if (error instanceof UnusableAsk) return `tells an ask that cannot be: ${error.message}`;
  return error.failure === 'refused' ? 'did not tell its ask' : 'did not answer when asked for its price';
}
