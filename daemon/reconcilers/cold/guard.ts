import type { Chain, ChainView, ColdFailure, DealMaker, MarketBalance } from '../../domain/cold-ports.ts';
import { ColdError } from '../../domain/cold-ports.ts';
import type { Breaker, ChainMemory, ColdChange, ColdStore } from '../../domain/cold-store-port.ts';
import { isFbpdError } from '../../domain/errors.ts';
import type { EscrowBalance } from '../../domain/escrow.ts';
import type { Reason } from '../../domain/pin.ts';
import type { Clock, Versioned } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { Datacap } from '../../plan/datacap.ts';
import { escrowForDeals, type FinalEscrow, freeEscrow } from '../../plan/escrow.ts';
import { type Loss, otherChain, type Trip, tripByLosses, tripByWallet } from '../../plan/losses.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { chainHold, planSpending, type SpendingInput } from '../../plan/spending.ts';
import { DatacapWatch, type DatacapWatchOptions } from './datacap-watch.ts';
import { ASK_NODE_MS, answerOf, within } from './deadline.ts';
import type { Desk } from './desk.ts';
import { FUNDS_IN_DOUBT, FundsWatch } from './funds-watch.ts';

export interface GuardOptions extends DatacapWatchOptions {
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  desk: Desk;
  rules: ColdRules;
  clock: Clock;
  log: Log;
}

export interface Funds {
  escrowAtto: bigint;
  lockedAtto: bigint;
  walletAtto: bigint;
  address: string;
}

/** Our escrow at the head, where providers look, and at finality; read in one look. */
interface EscrowSight {
  head: MarketBalance;
  /** Then. */
  freeAtto: bigint;
  final: FinalEscrow;
  /** Promised by then, since the process began. */
  intendedTotalAtto: bigint;
}

/** One look at the chain, against which a whole pass decides. */
export interface Look {
  view: ChainView;
}

/** Only we ourselves write there, but several passes at once. */
const WRITE_TRIES = 8;
const NOT_YET: Reason = { code: 'starting', text: 'waiting for the first look at the chain' };

/** Looks at chain, node and money once per pass, and says whether deals may be made. */
export class SpendingGuard {
  readonly #options: GuardOptions;
  #held: Reason | undefined = NOT_YET;
  #lastView: { view: ChainView; atMs: number } | undefined;
  #funds: Funds | undefined;
  /** Where deals are paid out of it. */
  #escrow: EscrowSight | undefined;
  readonly #datacap: DatacapWatch;
  readonly #watch = new FundsWatch();
  /** Why it is another chain than the deals', as it was logged. */
  #other: string | undefined;
  #fundsRefusedUntilEpoch = 0;
  #wallet: string | undefined;
  readonly #idAddresses = new Map<string, string>();
  #looking: Promise<Look | Reason> | undefined;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#datacap = new DatacapWatch(options);
  }

  /** Why no deal may be made; the breaker is read afresh each time. */
  held(): Reason | undefined {
    const breaker = this.#options.store.breaker()?.value;
    return breaker === undefined ? this.#held : planSpending({ ...FINE, breaker });
  }

  lastView(): { view: ChainView; atMs: number } | undefined {
    return this.#lastView;
  }

  funds(): Funds | undefined {
    return this.#funds;
  }

  /** Undefined before it was looked at, and where the maker sees to it. */
  inEscrow(): EscrowBalance | undefined {
    return this.#escrow && { ...this.#escrow.head, freeAtto: this.#escrow.freeAtto };
  }

  /** The address that pays, as it was named last. */
  wallet(): string | undefined {
    return this.#wallet;
  }

  /** The most that may be locked in the escrow: by our deals, and beyond them as the operator knows. */
  async lockedAtMostAtto(): Promise<bigint> {
    return (await this.#options.desk.exposure()).lockedAtMostAtto + this.#acceptedAtto();
  }

  /**
   * Free for new deals; undefined while balances could not be read. Providers that look at the escrow themselves are promised nothing
   * that is not in it.
   */
  async availableAtto(): Promise<bigint | undefined> {
    if (this.#options.maker.paysFromEscrow === true) {
      if (this.#escrow === undefined) return 0n;
      const { escrowAtto } = this.#escrow.head;
      const tooNewAtto = escrowAtto - escrowForDeals(escrowAtto, this.#options.store.escrow()?.value, this.headEpoch());
      const freeAtto = await this.#freeInEscrow(this.#escrow);
      return freeAtto > tooNewAtto ? freeAtto - tooNewAtto : 0n;
    }
    if (this.#funds === undefined) return undefined;
    return freeOf(this.#funds) - (await this.#options.desk.exposure()).promisedAtto;
  }

  async #freeInEscrow({ head, final, intendedTotalAtto }: Omit<EscrowSight, 'freeAtto'>): Promise<bigint> {
    const exposure = await this.#options.desk.exposure();
    // Not what may come now: some of that may have become final since the look, and be no more to come.
    const mayComeAtto = final.mayComeAtto + exposure.intendedTotalAtto - intendedTotalAtto;
    const lockedAtMostAtto = exposure.lockedAtMostAtto + this.#acceptedAtto();
    return freeEscrow({ ...head, lockedAtMostAtto, final: { ...final, mayComeAtto } });
  }

  /** For verified deals; undefined where nobody asks for it, or the maker sees to it. */
  datacap(): Promise<Datacap | undefined> {
    return this.#datacap.free();
  }

  /**
   * Locked money that no deal explains any more: one that was just given up may be on the chain after all, so nothing is
   * bought in its place before somebody has looked.
   */
  async fundsInDoubt(): Promise<Reason | undefined> {
    const lockedAtto = this.#funds?.lockedAtto ?? 0n;
    const { lockedAtMostAtto } = await this.#options.desk.exposure();
    return lockedAtto > lockedAtMostAtto + this.#acceptedAtto() ? FUNDS_IN_DOUBT : undefined;
  }

  /** Locked beyond our deals, and accepted by the operator when spending was unfrozen. */
  #acceptedAtto(): bigint {
    return this.#options.store.chain()?.value.acceptedLockedAtto ?? 0n;
  }

  headEpoch(): number {
    return this.#lastView?.view.headEpoch ?? 0;
  }

  /** A view of the chain that conclusions may be drawn from, or why there is none. Passes that look at once share one look. */
  look(signal: AbortSignal): Promise<Look | Reason> {
    this.#looking ??= this.#look(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(signal: AbortSignal): Promise<Look | Reason> {
    const { chain, store, rules, clock, maker, log } = this.#options;
    const seen = await this.#view(signal);
    signal.throwIfAborted();
    if (typeof seen === 'string') return this.#hold({ ...FINE, chainFailure: seen });
    const memory = store.chain()?.value;
    const other = otherChain(seen, memory, rules.finalityEpochs);
    // Once, not with each epoch that a young chain grows by.
    if (this.#other === undefined && other !== undefined) log.warn(other);
    this.#other = other;
    await this.#readWallet(signal);
    const trip = other === undefined ? tripByWallet(this.#wallet, memory) : undefined;
    if (trip !== undefined) await this.trip(trip);
    const input: SpendingInput = {
      ...FINE,
      view: seen,
      otherChain: other !== undefined,
      behindMaxSeconds: rules.behindMaxSeconds,
    };
    const unusable = chainHold(input);
    if (unusable !== undefined) return this.#hold(input);
    this.#lastView = { view: seen, atMs: clock.nowMs() };
    const problem = await maker.problem(within(signal, ASK_NODE_MS));
    await this.#readFunds(chain, seen, signal);
    if (trip === undefined) await this.#remember(seen);
    const plannedHold = planSpending({
      ...input,
      makerProblem: problem ?? (this.#wallet === undefined ? NO_WALLET : undefined),
      fundsRefused: seen.headEpoch < this.#fundsRefusedUntilEpoch,
      ...(this.#funds === undefined ? {} : { freeAtto: freeOf({ ...this.#funds, ...this.#escrow?.head }) }),
    });
    this.#held = plannedHold ?? this.#watch.doubt;
    return { view: seen };
  }

  #hold(input: SpendingInput): Reason {
    const held = planSpending(input) ?? NOT_YET;
    if (held.code !== this.#held?.code) this.#options.log.warn({ reason: held.code }, held.text);
    this.#held = held;
    return held;
  }

  async #view(signal: AbortSignal): Promise<ChainView | ColdFailure> {
    try {
      return await this.#options.chain.view(within(signal, ASK_NODE_MS));
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      this.#options.log.debug({ err: error }, 'the chain could not be looked at');
      return error.failure;
    }
  }

  async #readWallet(signal: AbortSignal): Promise<void> {
    const { maker } = this.#options;
    // A reorg may give a young address another id.
    this.#idAddresses.clear();
    this.#wallet = (await answerOf(maker.wallet(within(signal, ASK_NODE_MS)))) ?? this.#wallet;
  }

  /** A wallet of ours, present or former, as ID address; undefined while the chain has not seen it, or does not say. */
  async idAddress(wallet: string, signal: AbortSignal): Promise<string | undefined> {
    const known = this.#idAddresses.get(wallet);
    if (known !== undefined) return known;
    const id = await answerOf(this.#options.chain.idAddress(wallet, within(signal, ASK_NODE_MS)));
    if (id !== undefined) this.#idAddresses.set(wallet, id);
    return id;
  }

  /** Balances at the finalized tip set, and whether they are what our deals explain. */
  async #readFunds(chain: Chain, view: ChainView, signal: AbortSignal): Promise<void> {
    const address = this.#wallet;
    if (address === undefined) return;
    const { desk, maker } = this.#options;
    const exposureBefore = await desk.exposure();
    const market = await answerOf(chain.marketBalance(address, view.finalizedKey, within(signal, ASK_NODE_MS)));
    const walletAtto = await answerOf(chain.walletBalance(address, within(signal, ASK_NODE_MS)));
    if (market === undefined || walletAtto === undefined) return;
    this.#funds = { ...market, walletAtto, address };
    if (maker.paysFromEscrow === true) {
      const head = await answerOf(chain.marketBalance(address, undefined, within(signal, ASK_NODE_MS)));
      const { mayComeAtto, intendedTotalAtto } = exposureBefore;
      const sight = head && { head, final: { ...market, mayComeAtto }, intendedTotalAtto };
      if (sight !== undefined) this.#escrow = { ...sight, freeAtto: await this.#freeInEscrow(sight) };
    }
    await this.#datacap.look(address, signal);
    const { lockedAtMostAtto, promisedAtto, intendedTotalAtto } = await desk.exposure();
    const now = { ...market, lockedAtMostAtto, promisedAtto, intendedTotalAtto };
    const trip = this.#watch.look(now, view.finalizedEpoch, this.#acceptedAtto());
    if (trip !== undefined) await this.trip(trip);
  }

  /** What chain this store belongs to is written down when it was seen for the first time, and how far it was final. */
  async #remember(view: ChainView): Promise<void> {
    const { store, rules } = this.#options;
    const before = store.chain();
    const known = before?.value;
    if (this.#wallet === undefined) return;
    if (known !== undefined && view.finalizedEpoch - known.finalizedEpoch < Math.max(1, rules.finalityEpochs / 10)) return;
    const after: ChainMemory = {
      ...known,
      network: view.network,
      genesisCid: view.genesisCid,
      finalizedEpoch: view.finalizedEpoch,
      wallet: this.#wallet,
    };
    await ignoreConflict(store.write({ chain: { before, after } }));
  }

  /** What must outlive the process. Nothing is kept before the first look at the chain. */
  async keep(change: Pick<ChainMemory, 'losses' | 'sampled' | 'policies' | 'means'>): Promise<void> {
    for (let turn = 0; turn < WRITE_TRIES; turn += 1) {
      const before = this.#options.store.chain();
      if (before === undefined) return;
      if (await ignoreConflict(this.#options.store.write({ chain: { before, after: { ...before.value, ...change } } }))) return;
    }
  }

  /** The node is there right now: so what failed was somebody else's fault. */
  async answers(signal: AbortSignal): Promise<boolean> {
    return (await answerOf(this.#options.chain.view(within(signal, ASK_NODE_MS)))) !== undefined;
  }

  noteFundsRefused(headEpoch: number): void {
    this.#fundsRefusedUntilEpoch = headEpoch + this.#options.rules.retryEpochs;
    this.#held = { code: 'funds_short', text: 'waiting for funds: the last deal was refused for want of them' };
  }

  /** Called with losses before they are written, so that nothing is bought again in between. */
  async noteLosses(owners: readonly string[], headEpoch: number): Promise<void> {
    const { recheckEpochs } = this.#options.rules;
    const before = (this.#options.store.chain()?.value.losses ?? []).filter(({ owner }) => !owners.includes(owner));
    const found = [...new Set(owners)].map((owner) => ({ owner, epoch: headEpoch }));
    const losses: Loss[] = [...before, ...found].filter(({ epoch }) => headEpoch - epoch <= recheckEpochs);
    const trip = tripByLosses(losses, headEpoch, recheckEpochs);
    if (trip !== undefined) await this.trip(trip);
    await this.keep({ losses });
  }

  /** Opens the breaker, unless it is open. */
  async trip(trip: Trip, by: Breaker['by'] = 'fbpd'): Promise<Breaker> {
    const { store, clock, log } = this.#options;
    const open = store.breaker();
    if (open !== undefined) return open.value;
    const breaker: Breaker = { ...trip, by, atMs: clock.nowMs() };
    await ignoreConflict(store.write({ breaker: { before: undefined, after: breaker } }));
    log.error({ code: breaker.code }, `spending is frozen: ${breaker.text}`);
    return store.breaker()?.value ?? breaker;
  }

  /** Spending may go on: what was seen so far raises no alarm again, and the present wallet is the wallet. */
  async unfreeze(): Promise<boolean> {
    for (let turn = 0; turn < WRITE_TRIES; turn += 1) {
      const before = this.#options.store.breaker();
      if (before === undefined) return false;
      if (!(await ignoreConflict(this.#close(before)))) continue;
      this.#watch.forget();
      return true;
    }
    throw new Error(`what is known of chain and escrow changed under our hands ${WRITE_TRIES} times in a row`);
  }

  #close(before: Versioned<Breaker>): Promise<void> {
    const { store } = this.#options;
    const chain = store.chain();
    return store.write({
      breaker: { before, after: undefined },
      ...(chain === undefined ? {} : { chain: { before: chain, after: this.#accept(chain.value) } }),
      ...this.#acceptEscrow(before.value),
    });
  }

  /** What was in doubt there is right now, by the operator's word. */
  #acceptEscrow({ code, text }: Breaker): Pick<ColdChange, 'escrow'> {
    const before = this.#options.store.escrow();
    if (before === undefined || !IN_DOUBT.includes(code)) return {};
    return { escrow: { before, after: { ...before.value, accepted: text } } };
  }

  #accept({ losses: _, ...known }: ChainMemory): ChainMemory {
    return { ...known, wallet: this.#wallet ?? known.wallet, acceptedLockedAtto: this.#watch.unexplainedAtto ?? this.#acceptedAtto() };
  }
}

const FINE: SpendingInput = {
  breaker: undefined,
  otherChain: false,
  makerProblem: undefined,
  fundsRefused: false,
  behindMaxSeconds: Number.POSITIVE_INFINITY,
};
/** Causes that say something about the money on the chain. */
const IN_DOUBT: readonly Breaker['code'][] = ['ledger', 'store_older', 'spend_log'];
const NO_WALLET: Reason = { code: 'no_wallet', text: 'waiting: the Lotus node does not say which wallet pays' };

/** Not locked by any deal, in wallet and escrow together. */
function freeOf({ walletAtto, escrowAtto, lockedAtto }: Funds): bigint {
  return walletAtto + escrowAtto - lockedAtto;
}

/** False when somebody else wrote the same first. */
async function ignoreConflict(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (!isFbpdError(error, 'CONFLICT')) throw error;
    return false;
  }
}
