import type { DealMaker, PreparedDeal } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import { dayOfEpoch } from '../../domain/epoch.ts';
import type { BuiltPiece, Piece } from '../../domain/piece.ts';
import type { Reason } from '../../domain/pin.ts';
import type { Clock, Versioned } from '../../domain/ports.ts';
import type { Provider } from '../../domain/provider.ts';
import type { Log } from '../../log.ts';
import { planRepack } from '../../plan/contents.ts';
import { lacksDatacap } from '../../plan/datacap.ts';
import { type DealsPlan, type NextLook, type Proposal, planDeals } from '../../plan/deals.ts';
import { dealIdOf } from '../../plan/ids.ts';
import { costOf, type Money, nextDayEpoch, unaffordable } from '../../plan/money.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { isCarIdle } from '../../plan/summary.ts';
import type { Cars } from './cars.ts';
import { ASK_PROVIDER_MS, answerOf, within } from './deadline.ts';
import type { Desk } from './desk.ts';
import type { EscrowBoard } from './escrow-board.ts';
import type { Look, SpendingGuard } from './guard.ts';
import { Gates } from './pool.ts';
import type { ProviderBook } from './provider-book.ts';
import type { Repacker } from './repack.ts';
import type { Sender } from './send.ts';
import type { Sends } from './sends.ts';

export interface ProposerOptions {
  store: ColdStore;
  maker: DealMaker;
  cars: Cars;
  desk: Desk;
  guard: SpendingGuard;
  book: ProviderBook;
  sender: Sender;
  board: EscrowBoard;
  repacker: Repacker;
  rules: ColdRules;
  clock: Clock;
  log: Log;
}

/** What came of one look at a piece. */
export type Proposed = { kind: 'done' } | { kind: 'failed' } | { kind: 'skipped'; reason: string };

/** A piece as it was read for one plan, and what the plan is. */
interface Planned {
  piece: Versioned<Piece>;
  deals: Deal[];
  plan: DealsPlan;
}

/** At most so many deals for a piece in one turn, whatever the policy says. */
const DEALS_PER_TURN = 32;

/** Makes the deals that a piece lacks: plan, prepare, write the intent with its money, and only then send. */
export class Proposer {
  readonly #options: ProposerOptions;
  readonly #purse = new Gates(1);

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  async handle(pieceId: string, look: Look, sends: Sends, signal: AbortSignal): Promise<Proposed> {
    const { book, guard, sender, repacker, rules } = this.#options;
    const held = guard.held();
    if (held !== undefined) return { kind: 'skipped', reason: held.code };
    const { headEpoch } = look.view;
    let providers = await book.fresh(headEpoch, signal);
    const intended: Deal[] = [];
    let problem: Reason | undefined;
    let planned = await this.plan(pieceId, providers, headEpoch);
    if (planned !== undefined && (await repacker.step(planned, headEpoch))) planned = await this.plan(pieceId, providers, headEpoch);
    while (planned?.plan.proposals[0] !== undefined && problem === undefined && intended.length < DEALS_PER_TURN && !signal.aborted) {
      const made = await this.#intend(planned, planned.plan.proposals[0], headEpoch, signal);
      if ('problem' in made) problem = made.problem;
      else if (made.deal !== undefined) intended.push(made.deal);
      // Another piece may have got the trial of one that was set aside.
      else providers = await book.known();
      planned = await this.plan(pieceId, providers, headEpoch);
    }
    if (planned === undefined) return { kind: 'done' };
    if (problem !== undefined)
      await this.#settle(planned, problem, {
        queue: lookOf(planned).queue,
        epoch: againAfter(problem, headEpoch, rules, this.#isComing(problem)),
      });
    else if (planned.plan.proposals.length === 0)
      await this.#settle(
        planned,
        planned.plan.next,
        (await this.#cleanUp(planned, signal)) ? planned.plan.look : soon(planned, look, rules),
      );
    for (const deal of intended) sends.add(deal.id, sender.send(deal, look, signal));
    if (intended.length > 0) return { kind: 'done' };
    if (problem !== undefined) return { kind: 'failed' };
    return ['enough', 'in_progress'].includes(planned.plan.next.code)
      ? { kind: 'done' }
      : { kind: 'skipped', reason: planned.plan.next.code };
  }

  /** With providers that are trusted. Reads a piece, its deals and the day's money, in this order: what changes afterwards makes the intent fail. */
  async plan(pieceId: string, providers: readonly Provider[], headEpoch: number): Promise<Planned | undefined> {
    const { store, desk, rules } = this.#options;
    const piece = await store.piece(pieceId);
    if (piece === undefined) return undefined;
    const deals = (await store.dealsOf(pieceId)).map(({ value }) => value);
    const policy = desk.policy(piece.value.policy);
    const money = await this.#money(headEpoch);
    const input = {
      piece: piece.value,
      deals,
      policy,
      providers,
      headEpoch,
      money,
      rules: { ...rules, trusted: providers.map(({ id }) => id) },
    };
    const plan = planDeals(input);
    const twins = plan.proposals.length === 0 ? [] : await this.#twins(piece.value);
    return { piece, deals, plan: twins.length === 0 ? plan : planDeals({ ...input, twins }) };
  }

  /** Deals of other pieces that are the same bytes, as of a content that was wanted under another policy: the same offer about them is the same deal. */
  async #twins({ id, members, built }: Piece): Promise<Deal[]> {
    const { store } = this.#options;
    const [first] = members;
    if (first === undefined || built === undefined) return [];
    const pieces = (await store.piecesOf(first.contentKey)).map(({ value }) => value);
    const twins = pieces.filter((piece) => piece.id !== id && piece.built?.pieceCid === built.pieceCid);
    const deals = await Promise.all(twins.map((twin) => store.dealsOf(twin.id)));
    return deals.flat().map(({ value }) => value);
  }

  async #money(headEpoch: number): Promise<Money> {
    const { store, guard, rules } = this.#options;
    const availableAtto = await guard.availableAtto();
    const committedTodayAtto = (await store.day(dayOfEpoch(headEpoch)))?.value.committedAtto ?? 0n;
    const { perDayAtto, perDealAtto } = rules;
    const { maker, board } = this.#options;
    const datacap = await guard.datacap();
    return {
      perDayAtto,
      perDealAtto,
      committedTodayAtto,
      ...(availableAtto === undefined ? {} : { availableAtto }),
      ...(maker.paysFromEscrow === true ? { escrow: board.note() } : {}),
      ...(datacap === undefined ? {} : { datacap }),
    };
  }

  /** The intent on disk; `deal` is undefined when something changed meanwhile and it is to be planned anew. */
  async #intend(
    { piece, deals }: Planned,
    proposal: Proposal,
    headEpoch: number,
    signal: AbortSignal,
  ): Promise<{ deal: Deal | undefined } | { problem: Reason }> {
    const { cars, maker } = this.#options;
    const { built } = piece.value;
    if (built === undefined) return { deal: undefined };
    const car = await cars.ensure(piece.value, built, signal);
    if ('why' in car) return { problem: car.why };
    const dealId = dealIdOf(piece.value.id, piece.value.generation + 1);
    const prepared = await answerOf(maker.prepare(orderOf(dealId, piece.value, built, proposal), within(signal, ASK_PROVIDER_MS)));
    if (prepared === undefined) return { problem: NOT_PREPARED };
    return this.#purse.run('', () => this.#commit({ piece, deals }, dealId, proposal, prepared, headEpoch));
  }

  /** Money that the deal waits for. */
  #isComing({ code }: Reason): boolean {
    const { maker, board } = this.#options;
    return code === 'funds_short' && maker.paysFromEscrow === true && board.note().isComing;
  }

  /** One at a time, so that each sees what the one before it has booked. */
  async #commit(
    { piece, deals }: Pick<Planned, 'piece' | 'deals'>,
    dealId: string,
    proposal: Proposal,
    prepared: PreparedDeal,
    headEpoch: number,
  ): Promise<{ deal: Deal | undefined } | { problem: Reason }> {
    const { store, desk, guard } = this.#options;
    const held = guard.held() ?? (await guard.fundsInDoubt());
    const day = await store.day(dayOfEpoch(headEpoch));
    const others = await this.#twins(piece.value);
    const money = await this.#money(headEpoch);
    const pieceSizeBytes = piece.value.built?.pieceSizeBytes ?? 0;
    const why =
      (held === undefined ? undefined : { ...PAUSED, code: held.code }) ??
      (proposal.verified ? lacksDatacap(pieceSizeBytes, money.datacap, piece.value.policy) : undefined) ??
      unaffordable(costOf(prepared.terms), money) ??
      wrongTerms(prepared, proposal, [...deals, ...others], headEpoch);
    if (why !== undefined) return { problem: why };
    const deal = this.#dealOf(dealId, piece.value, proposal, prepared, headEpoch);
    return { deal: (await desk.intend(piece, deals, deal, day)) ? deal : undefined };
  }

  #dealOf(
    id: string,
    { id: pieceId, built }: Piece,
    proposal: Proposal,
    { terms, wallet, proposalCid, request }: PreparedDeal,
    headEpoch: number,
  ): Deal {
    const { clock, maker } = this.#options;
    const { provider, domain, reason, why, country, replaces } = proposal;
    const atMs = clock.nowMs();
    return {
      id,
      pieceId,
      provider,
      domain,
      maker: maker.name,
      state: 'intended',
      reason,
      createdMs: atMs,
      terms,
      costAtto: costOf(terms),
      budgetDay: dayOfEpoch(headEpoch),
      proposalCid,
      request,
      sends: 0,
      history: [{ state: 'intended', atMs, epoch: headEpoch, reason: why.text }],
      dueEpoch: headEpoch,
      ...(terms.verified && built !== undefined ? { datacapBytes: built.pieceSizeBytes } : {}),
      ...(wallet === undefined ? {} : { wallet }),
      ...(country === undefined ? {} : { country }),
      ...(replaces === undefined ? {} : { replaces }),
    };
  }

  /**
   * Nothing is to be done now. Without its bytes a piece can get no copy: its contents go into another one when nothing
   * else helps. A copy that was lost since the plan was made has made the piece due, and that must not be undone.
   */
  async #settle({ piece, deals }: Planned, next: Reason, look: NextLook | undefined): Promise<void> {
    const { desk } = this.#options;
    const { due: _, ...rest } = piece.value;
    const after: Piece = { ...rest, next, ...(look === undefined ? {} : { due: look }) };
    await desk.settlePiece(piece, next.code === 'no_bytes' ? planRepack(after, deals) : { after });
  }

  /**
   * The CAR goes when as many copies as wanted are active, or none is wanted any more, and no transfer needs it. Sooner, a
   * reorg could leave nobody with the bytes. The manifest goes with the last deal of a piece of which no copy is wanted any more: who
   * pins a content of it again reads it by where it lies. False when something should be gone and is not.
   */
  async #cleanUp({ piece, deals, plan }: Planned, signal: AbortSignal): Promise<boolean> {
    const { cars } = this.#options;
    const { built, id, state, summary } = piece.value;
    const complete = state === 'retired' || plan.next.code === 'enough';
    if (built === undefined || !complete || !isCarIdle(deals)) return true;
    const isOver = state === 'retired' && summary.pending + summary.active === 0;
    return isOver ? cars.forget({ ...built, id }, signal) : cars.release({ ...built, id }, signal);
  }
}

function orderOf(dealId: string, { id }: Piece, built: BuiltPiece, proposal: Proposal): Parameters<DealMaker['prepare']>[0] {
  const { provider, startEpoch, durationEpochs, pricePerEpochAtto, verified } = proposal;
  return { dealId, piece: { ...built, id }, provider, startEpoch, durationEpochs, pricePerEpochAtto, verified };
}

/** A maker that prepares what was not asked for, or the same deal a second time, gets nothing sent. */
function wrongTerms({ terms, proposalCid }: PreparedDeal, asked: Proposal, deals: readonly Deal[], headEpoch: number): Reason | undefined {
  const wrong =
    terms.startEpoch <= headEpoch ||
    terms.endEpoch <= terms.startEpoch ||
    terms.startEpoch !== asked.startEpoch ||
    terms.pricePerEpochAtto !== asked.pricePerEpochAtto ||
    terms.verified !== asked.verified ||
    deals.some((deal) => deal.proposalCid === proposalCid);
  return wrong
    ? { code: 'not_prepared', text: 'the deal that was prepared is not the one that was asked for; it is tried again' }
    : undefined;
}

/** Why is the operator's affair, and users read this. */
const PAUSED: Omit<Reason, 'code'> = { text: 'waiting: no new deals are made at present' };

const NOT_PREPARED: Reason = { code: 'not_prepared', text: 'waiting: the deal could not be prepared; it is tried again' };

function lookOf({ plan, piece }: Planned): { queue: NextLook['queue'] } {
  return { queue: plan.look?.queue ?? piece.value.due?.queue ?? 'create' };
}

/** Something is left to be cleaned up, whenever the next look was to be. */
function soon(planned: Planned, { view }: Look, { retryEpochs }: ColdRules): NextLook {
  const epoch = view.headEpoch + retryEpochs;
  return { ...lookOf(planned), epoch: Math.min(epoch, planned.plan.look?.epoch ?? epoch) };
}

function againAfter({ code }: Reason, headEpoch: number, { retryEpochs, pollEpochs }: ColdRules, isComing: boolean): number {
  if (code === 'over_budget') return nextDayEpoch(headEpoch);
  return headEpoch + (code === 'not_prepared' || isComing ? pollEpochs : retryEpochs);
}
