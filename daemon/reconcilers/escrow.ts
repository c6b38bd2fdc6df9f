import type { Chain } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import { dayOfEpoch } from '../domain/epoch.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { EscrowBook, FundingPurpose } from '../domain/escrow.ts';
import type { Reason } from '../domain/pin.ts';
import type { Clock } from '../domain/ports.ts';
import type { WalletPort } from '../domain/wallet-port.ts';
import type { Log } from '../log.ts';
import { datacapWarning } from '../plan/datacap.ts';
import { type EscrowRules, earlyWarnings, freeEscrow, planEscrow, runwayDays } from '../plan/escrow.ts';
import { lineText, planBook } from '../plan/escrow-book.ts';
import type { Trip } from '../plan/losses.ts';
import type { ColdRules } from '../plan/rules.ts';
import type { Desk } from './cold/desk.ts';
import type { EscrowBoard } from './cold/escrow-board.ts';
import { type EscrowLook, lookAtEscrow } from './cold/escrow-look.ts';
import { FundingMessages } from './cold/funding-messages.ts';
import type { Look, SpendingGuard } from './cold/guard.ts';
import { LingeringDeals } from './cold/lingering.ts';
import { passByLook } from './cold/pass-by-look.ts';
import type { Tally } from './cold/pool.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface EscrowOptions {
  store: ColdStore;
  chain: Chain;
  wallet: WalletPort;
  desk: Desk;
  guard: SpendingGuard;
  board: EscrowBoard;
  rules: ColdRules;
  escrowRules: EscrowRules;
  clock: Clock;
  log: Log;
}

/** What one pass goes by. */
interface Sights {
  address: string;
  look: Look;
  seen: EscrowLook;
  promisedAtto: bigint;
  intendedTotalAtto: bigint;
  lockedAtMostAtto: bigint;
  mayComeAtto: bigint;
}

const WEEK_DAYS = 7;

/**
 * Keeps enough in the escrow, and the book of it. One message at a time: its nonce and all its bytes are on disk before the node hears
 * of it, and after any doubt the same bytes go out again, so that the chain can take it once only.
 */
export class EscrowReconciler implements Reconciler {
  readonly name = 'escrow';
  readonly #options: EscrowOptions;
  readonly #lingering: LingeringDeals;
  readonly #messages: FundingMessages;
  /** Promised in all since the process began, when the book was written last. */
  #intendedAtBook: bigint | undefined;
  /** What was seen once, and at which epoch. */
  readonly #doubts = new Map<'book' | 'nonce', number>();
  readonly #warned = new Set<string>();

  constructor(options: EscrowOptions) {
    this.#options = options;
    this.#lingering = new LingeringDeals(options);
    this.#messages = new FundingMessages(options);
  }

  pass(signal: AbortSignal): Promise<PassReport> {
    return passByLook(this.#options.guard, signal, (look, tally) => this.#see(look, tally, signal));
  }

  async #see(look: Look, tally: Tally, signal: AbortSignal): Promise<void> {
    const { store, guard, desk } = this.#options;
    const address = guard.wallet();
    if (store.breaker() !== undefined || address === undefined) {
      tally.skip(address === undefined ? 'no_wallet' : 'frozen');
      return;
    }
    // First: what becomes final while we look, and comes no more, may not be in what we see.
    const before = await desk.exposure();
    const seen = await lookAtEscrow(address, store.escrow()?.value, look, this.#options, signal);
    if (seen === undefined) {
      tally.skip('unread');
      return;
    }
    const { promisedAtto, intendedTotalAtto } = await desk.exposure();
    const mayComeAtto = before.mayComeAtto + intendedTotalAtto - before.intendedTotalAtto;
    const sights = { address, look, seen, promisedAtto, intendedTotalAtto, lockedAtMostAtto: await guard.lockedAtMostAtto(), mayComeAtto };
    tally.due = 1;
    const isKept = await this.#keepBook(sights);
    const state = isKept ? await this.#act(sights, signal) : IN_DOUBT;
    if (state !== undefined) await this.#stand(state, sights);
    tally[state === undefined ? 'failed' : 'done'] += 1;
  }

  // -------------------------------------------------------------------------------------------------------------
  // The book

  /** False when nothing more should be done before the next pass. */
  async #keepBook(sights: Sights): Promise<boolean> {
    const { store, clock, log, escrowRules } = this.#options;
    const { address, look, seen, promisedAtto } = sights;
    const before = store.escrow();
    const step = planBook(before?.value, {
      wallet: address,
      epoch: look.view.finalizedEpoch,
      headEpoch: look.view.headEpoch,
      atMs: clock.nowMs(),
      ...seen.final,
      nextNonce: seen.head.nextNonce,
      promisedAtto,
      newlyPromisedAtto: await this.#newlyPromised(before?.value, sights),
      ...(seen.sight === undefined ? {} : { sight: seen.sight }),
      retryEpochs: escrowRules.retryEpochs,
    });
    if (step.kind === 'doubt') return this.#doubt('book', step.trip, look.view.finalizedEpoch);
    this.#doubts.delete('book');
    if (step.kind === 'same') return this.#noteSeen(sights);
    if (!(await this.#write({ before, after: step.book }, step.lines))) return false;
    this.#intendedAtBook = sights.intendedTotalAtto;
    for (const line of step.lines) log.info({ kind: line.kind, message: line.messageCid }, lineText(line));
    if (step.failed !== undefined)
      log.warn(
        { message: step.failed.cid, exitCode: step.failed.exitCode },
        'a message to the market failed on the chain; it is tried again',
      );
    return this.#noteSeen(sights);
  }

  /** A process that has just begun does not know what was promised since the book was written: at most all of those days. */
  async #newlyPromised(book: EscrowBook | undefined, { look, intendedTotalAtto }: Sights): Promise<bigint> {
    if (book === undefined) return 0n;
    if (this.#intendedAtBook !== undefined) return intendedTotalAtto - this.#intendedAtBook;
    return this.#committed(dayOfEpoch(book.epoch), dayOfEpoch(look.view.headEpoch));
  }

  async #committed(fromDay: number, toDay: number): Promise<bigint> {
    let sum = 0n;
    for (let day = fromDay; day <= toDay; day += 1) sum += (await this.#options.store.day(day))?.value.committedAtto ?? 0n;
    return sum;
  }

  /** Where it was seen is kept: who looks back a few epochs only cannot say so once it is final. */
  async #noteSeen({ seen: { sight } }: Sights): Promise<boolean> {
    const before = this.#options.store.escrow();
    const message = before?.value.message;
    if (before === undefined || message === undefined || sight?.kind !== 'found') return true;
    if (message.seen?.cid === sight.receipt.cid && message.seen.height === sight.receipt.height) return true;
    return this.#write({ before, after: { ...before.value, message: { ...message, seen: sight.receipt } } });
  }

  /** At the second sight, on a later epoch, it is a fact. */
  async #doubt(of: 'book' | 'nonce', trip: Trip, epoch: number): Promise<false> {
    const since = this.#doubts.get(of);
    if (since === undefined) this.#doubts.set(of, epoch);
    else if (epoch > since) {
      await this.#options.guard.trip(trip);
      this.#doubts.clear();
    }
    return false;
  }

  /** False when somebody else wrote first, or spending was frozen meanwhile. */
  async #write(
    escrow: { before: ReturnType<ColdStore['escrow']>; after: EscrowBook },
    escrowLines: Parameters<ColdStore['write']>[0]['escrowLines'] = [],
  ): Promise<boolean> {
    try {
      await this.#options.store.write({ escrow, escrowLines });
      return true;
    } catch (error) {
      if (isFbpdError(error, 'CONFLICT')) return false;
      throw error;
    }
  }

  // -------------------------------------------------------------------------------------------------------------
  // Messages

  /** How it stands then; undefined when the node did not do its part. */
  async #act(sights: Sights, signal: AbortSignal, lingers = true): Promise<Reason | undefined> {
    const { store, escrowRules } = this.#options;
    const book = store.escrow()?.value;
    if (book === undefined) return undefined;
    const { look, seen, lockedAtMostAtto, mayComeAtto, address } = sights;
    const { headEpoch } = look.view;
    const pushedEpoch = this.#messages.pushedEpoch(book);
    const action = planEscrow({
      book,
      headEpoch,
      ...seen.head,
      lockedAtMostAtto,
      final: { ...seen.final, mayComeAtto },
      ...(seen.sight === undefined ? {} : { sight: seen.sight }),
      ...(pushedEpoch === undefined ? {} : { pushedEpoch }),
      lingering: lingers && book.message === undefined ? await this.#lingering.of(address, look, signal) : [],
      rules: escrowRules,
    });
    if (action.kind !== 'doubt') this.#doubts.delete('nonce');
    switch (action.kind) {
      case 'wait':
        return action.why;
      case 'doubt':
        await this.#doubt('nonce', action.trip, headEpoch);
        return IN_DOUBT;
      case 'resend':
        return this.#messages.resend(book, headEpoch, signal);
      case 'replace':
        return this.#messages.replace(book, headEpoch, signal);
      case 'begin':
        return this.#begin(action.purpose, book, sights, signal);
    }
  }

  async #begin(purpose: FundingPurpose, book: EscrowBook, sights: Sights, signal: AbortSignal): Promise<Reason | undefined> {
    const state = await this.#messages.begin(purpose, book, sights.look.view.headEpoch, signal);
    if (purpose.kind !== 'settle' || state === undefined) return state;
    // A settlement that is not worth its gas keeps nothing else waiting.
    if (this.#options.store.escrow()?.value.message === undefined) return this.#act(sights, signal, false);
    this.#lingering.forget();
    return state;
  }

  // -------------------------------------------------------------------------------------------------------------
  // How it stands

  async #stand(state: Reason, { address, look, seen: { head, final }, lockedAtMostAtto, mayComeAtto }: Sights): Promise<void> {
    const { board, escrowRules, log, guard, rules } = this.#options;
    const datacap = await guard.datacap();
    const freeAtto = freeEscrow({ ...head, lockedAtMostAtto, final: { ...final, mayComeAtto } });
    const today = dayOfEpoch(look.view.headEpoch);
    const perDayAtto = (await this.#committed(Math.max(0, today - WEEK_DAYS + 1), today)) / BigInt(WEEK_DAYS);
    const ahead = { address, walletAtto: head.walletAtto, freeAtto, perDayAtto, rules: escrowRules };
    const warnings = [...earlyWarnings(ahead), ...datacapWarning(datacap, rules.pieceMaxBytes)];
    for (const { code, text } of warnings) if (!this.#warned.has(code)) log.warn({ reason: code }, text);
    this.#warned.clear();
    for (const { code } of warnings) this.#warned.add(code);
    const days = runwayDays(ahead);
    board.put({
      state,
      warnings,
      escrowAtto: head.escrowAtto,
      lockedAtto: head.lockedAtto,
      freeAtto,
      levelAtto: escrowRules.levelAtto,
      ...(days === undefined ? {} : { runwayDays: days }),
      ...(typeof datacap === 'object' ? { datacapBytes: datacap.freeBytes } : {}),
    });
  }
}

const IN_DOUBT: Reason = {
  code: 'in_doubt',
  text: 'what the chain says of wallet or escrow is not what fbpd did; it is looked at once more',
};
