import { type Chain, ColdError, type DealMaker, UnusableAsk } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Places } from '../../domain/places-port.ts';
import type { Candidate, ProviderOnChain, ScanMark } from '../../domain/provider.ts';
import type { Found, MinerIndex, ScanFilter, ScanReport, Scans, ScanTally } from '../../domain/scan.ts';
import type { Log } from '../../log.ts';
import { askProblem } from '../../plan/ask.ts';
import { withPlace } from '../../plan/place.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { isFresh, isWanted, scanFrom } from '../../plan/scan.ts';
import { Candidates } from './candidates.ts';
import { ASK_NODE_MS, within } from './deadline.ts';
import { eachOf, Gates } from './pool.ts';
import type { ProviderBook } from './provider-book.ts';

export interface ScanOptions {
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  miners: MinerIndex;
  places: Places;
  book: Pick<ProviderBook, 'known'>;
  countries: ReadonlyMap<string, string>;
  rules: Pick<ColdRules, 'recheckEpochs'>;
  log: Log;
}

/** Most of the time is spent waiting for those that do not answer. */
const CONCURRENCY = 32;
/** Who takes longer for its ask is taken for silent. */
const ASK_MS = 20_000;
/** Between two times that it is said and written how far it came. */
const STRIDE = 200;

type Kind = 'nowhere' | 'hidden' | 'silent' | 'unusable' | 'answered';

/** One walk at a time over the providers of the chain. What it finds is kept as it is found; where it stops the next one goes on. */
export class ProviderScan implements Scans {
  readonly #options: ScanOptions;
  readonly #stopping = new AbortController();
  #running: Promise<ScanReport> | undefined;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  async run(
    filter: ScanFilter,
    onProgress: (tally: ScanTally, found: Found | undefined) => void,
    signal: AbortSignal,
  ): Promise<ScanReport> {
    if (this.#running !== undefined) throw new FbpdError('CONFLICT', 'another scan is under way: wait for its end', { subject: 'scan' });
    this.#running = this.#begin(filter, onProgress, AbortSignal.any([signal, this.#stopping.signal]));
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  /** Resolves when nothing more is written. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.catch(() => undefined);
  }

  async #begin(filter: ScanFilter, onProgress: Parameters<Scans['run']>[1], signal: AbortSignal): Promise<ScanReport> {
    const { chain, miners, store, book, rules } = this.#options;
    const { headEpoch, ids } = await readable(async () => ({
      headEpoch: (await chain.view(within(signal, ASK_NODE_MS))).headEpoch,
      ids: await miners.list(signal),
    }));
    const trusted = new Set((await book.known()).map(({ id }) => id));
    const candidates = await Candidates.open(store);
    const mark = scanFrom((await store.scanMark())?.value, headEpoch, rules.recheckEpochs);
    const walk = new Walk(this.#options, { ids, headEpoch, mark, filter, trusted, candidates, onProgress });
    return walk.run(signal);
  }
}

interface WalkInput {
  ids: readonly number[];
  headEpoch: number;
  mark: ScanMark;
  filter: ScanFilter;
  trusted: ReadonlySet<string>;
  candidates: Candidates;
  onProgress: Parameters<Scans['run']>[1];
}

class Walk {
  readonly #options: ScanOptions;
  readonly #input: WalkInput;
  readonly #tally: ScanTally;
  readonly #found = new Map<string, Found>();
  /** Taken and not done: behind the lowest of them nothing is sure. */
  readonly #open = new Set<number>();
  #last: number;
  #broken: string | undefined;
  readonly #enough = new AbortController();
  readonly #marks = new Gates(1);

  constructor(options: ScanOptions, input: WalkInput) {
    this.#options = options;
    this.#input = input;
    const { ids, mark } = input;
    const { after = Number.POSITIVE_INFINITY } = mark;
    this.#last = after;
    const looked = ids.filter((id) => id <= after).length;
    this.#tally = { miners: ids.length, looked, powered: 0, nowhere: 0, hidden: 0, silent: 0, unusable: 0, answered: 0 };
  }

  async run(signal: AbortSignal): Promise<ScanReport> {
    const { candidates, headEpoch, ids } = this.#input;
    const { rules, log } = this.#options;
    for (const candidate of candidates.values()) if (isFresh(candidate.readEpoch, headEpoch, rules.recheckEpochs)) this.#tell(candidate);
    this.#input.onProgress({ ...this.#tally }, undefined);
    const stop = AbortSignal.any([signal, this.#enough.signal]);
    const from = this.#last;
    const rest = ids.filter((id) => id > from);
    try {
      await eachOf(rest, CONCURRENCY, stop, (id) => this.#take(id, stop));
    } finally {
      await this.#writeMark();
    }
    const complete = this.#tally.looked === ids.length;
    log.info({ ...this.#tally, complete, error: this.#broken }, 'a scan of the providers has ended');
    return {
      tally: this.#tally,
      complete,
      found: [...this.#found.values()],
      ...(this.#broken === undefined ? {} : { error: this.#broken }),
    };
  }

  async #take(number: number, signal: AbortSignal): Promise<void> {
    this.#open.add(number);
    this.#last = number;
    try {
      await this.#look(`f0${number}`, signal);
    } catch (error) {
      if (signal.aborted) return;
      // None of the others goes on by itself.
      this.#enough.abort();
      if (!(error instanceof ColdError)) throw error;
      // Of our own node: what it does not tell cannot be known of anybody.
      this.#broken ??= error.message;
      return;
    }
    if (signal.aborted && !this.#isOver(number)) return;
    this.#open.delete(number);
    this.#tally.looked += 1;
    if (this.#tally.looked % STRIDE !== 0) return;
    this.#input.onProgress({ ...this.#tally }, undefined);
    await this.#writeMark();
  }

  /** What was found is found, whatever stopped the walk meanwhile. */
  #isOver(number: number): boolean {
    return this.#found.has(`f0${number}`);
  }

  async #look(id: string, signal: AbortSignal): Promise<void> {
    const { miners, chain, rules } = this.#options;
    const { candidates, headEpoch } = this.#input;
    const before = candidates.get(id);
    if (before !== undefined && isFresh(before.readEpoch, headEpoch, rules.recheckEpochs)) return;
    // The node's own client has a deadline for each call; one more timer for each of a million would be much.
    const power = await patiently(signal, () => miners.rawPowerBytes(id, signal));
    const onChain = power === undefined || power === 0n ? undefined : await patiently(signal, () => chain.provider(id, signal));
    if (onChain === undefined) return void (await candidates.drop(id));
    this.#tally.powered += 1;
    const seen = await this.#meet(onChain, signal);
    signal.throwIfAborted();
    if (typeof seen === 'string') {
      await candidates.drop(id);
      this.#tally[seen] += 1;
      return;
    }
    await candidates.keep(seen);
    this.#tally.answered += 1;
    this.#tell(seen);
  }

  /** The candidate that it is, or why it is none. */
  async #meet(onChain: ProviderOnChain, signal: AbortSignal): Promise<Candidate | Exclude<Kind, 'answered'>> {
    const { places, countries } = this.#options;
    const { headEpoch } = this.#input;
    const { id, hosts } = onChain;
    if (hosts.length === 0) return 'nowhere';
    const look = await places.look(hosts, signal);
    if (look.addresses.length === 0) return 'hidden';
    const told = await this.#ask(id, signal);
    if (typeof told === 'string') return told;
    if (askProblem(told.ask, headEpoch) !== undefined) return 'unusable';
    const configured = countries.get(id);
    const place = configured === undefined ? await places.placeOf(look) : undefined;
    const candidate: Candidate = { id, chain: onChain, readEpoch: headEpoch, ...told };
    return withPlace(candidate, configured, place);
  }

  async #ask(id: string, signal: AbortSignal): Promise<Pick<Candidate, 'ask' | 'over' | 'tookMs'> | 'silent' | 'unusable'> {
    const { maker } = this.#options;
    const began = performance.now();
    try {
      const patience = within(signal, ASK_MS);
      const told = maker.askOver === undefined ? { ask: await maker.ask(id, patience), over: 'lotus' } : await maker.askOver(id, patience);
      return { ...told, tookMs: Math.round(performance.now() - began) };
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      return error instanceof UnusableAsk ? 'unusable' : 'silent';
    }
  }

  #tell(candidate: Candidate): void {
    const { filter, trusted, onProgress } = this.#input;
    if (!isWanted(candidate, filter) || this.#enough.signal.aborted) return;
    const found = { ...candidate, trusted: trusted.has(candidate.id) };
    this.#found.set(candidate.id, found);
    onProgress({ ...this.#tally }, found);
    if (this.#found.size >= (filter.limit ?? Number.POSITIVE_INFINITY)) this.#enough.abort();
  }

  #writeMark(): Promise<void> {
    return this.#marks.run('', () => this.#write());
  }

  async #write(): Promise<void> {
    const { store } = this.#options;
    const { mark, ids } = this.#input;
    const isDone = this.#tally.looked === ids.length;
    const after = this.#open.size === 0 ? this.#last : Math.min(...this.#open) - 1;
    const now: ScanMark = isDone || after === Number.POSITIVE_INFINITY ? { epoch: mark.epoch } : { epoch: mark.epoch, after };
    await store.write({ scan: { before: await store.scanMark(), after: now } });
  }
}

/** One hiccup of the node does not end a walk of an hour; undefined when it says that there is nothing to be read. */
async function patiently<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 2; ; tries -= 1) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      if (error.failure === 'refused') return undefined;
      if (tries === 1 || signal.aborted || error.failure === 'unauthorized') throw error;
    }
  }
}

async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ColdError)) throw error;
    throw new FbpdError('BAD_ENVIRONMENT', `the providers of the chain cannot be listed: ${error.message}`, { cause: error });
  }
}
