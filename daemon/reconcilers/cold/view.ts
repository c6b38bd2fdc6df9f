import type { ChainView } from '../../domain/cold-ports.ts';
import type { Breaker, ColdStore, ColdView, PlannedStep, Shortage } from '../../domain/cold-store-port.ts';
import { dayOfEpoch } from '../../domain/epoch.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { EscrowStanding } from '../../domain/escrow.ts';
import type { Piece } from '../../domain/piece.ts';
import type { Reason } from '../../domain/pin.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Provider } from '../../domain/provider.ts';
import { scoreOf } from '../../plan/score.ts';
import { lifted } from '../../plan/set-aside.ts';
import { isWaiting, shortageOf, WAIT_EPOCHS_MAX } from '../../plan/waits.ts';
import type { Desk } from './desk.ts';
import type { EscrowBoard } from './escrow-board.ts';
import type { Funds, SpendingGuard } from './guard.ts';
import type { Proposer } from './propose.ts';
import type { ProviderBook } from './provider-book.ts';

export interface ViewOptions {
  store: ColdStore;
  desk: Desk;
  guard: SpendingGuard;
  book: ProviderBook;
  proposer: Proposer;
  policies: readonly ColdPolicy[];
  trusted: readonly string[];
  perDayAtto: bigint;
  clock: Clock;
  board: EscrowBoard;
  /** Something may go on now. */
  wake(): void;
}

const SAMPLE_KEYS = 3;
const TRUST_MS = 20_000;
/** Of each queue so many are counted at most. */
const COUNTED_MAX = 1_000;
const QUEUES = ['renew', 'create'] as const;

/** The cold layer for operator and API: what the reconcilers saw last, what they would do next, and the switches. */
export class ReconcilerView implements ColdView {
  readonly #options: ViewOptions;

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  held(): Reason | undefined {
    return this.#options.guard.held();
  }

  lastView(): { view: ChainView; atMs: number } | undefined {
    return this.#options.guard.lastView();
  }

  funds(): Funds | undefined {
    return this.#options.guard.funds();
  }

  escrow(): EscrowStanding | undefined {
    const { board, guard } = this.#options;
    return board.standing && { ...board.standing, ...guard.inEscrow() };
  }

  async budget(): Promise<{ perDayAtto: bigint; day: number; committedAtto: bigint }> {
    const { store, guard, perDayAtto } = this.#options;
    const day = dayOfEpoch(guard.headEpoch());
    return { perDayAtto, day, committedAtto: (await store.day(day))?.value.committedAtto ?? 0n };
  }

  policies(): readonly ColdPolicy[] {
    return this.#options.policies;
  }

  /**
   * Each piece that is due is planned as if it were the next one; what they cost together may be more than a day's budget. Then come those that
   * are looked at later, with what they wait for.
   */
  async preview(limit: number): Promise<{ steps: PlannedStep[]; costAtto: bigint; more: boolean }> {
    const { store, guard, book, proposer } = this.#options;
    const headEpoch = guard.headEpoch();
    const providers = await book.known();
    const steps: PlannedStep[] = [];
    for (const { value: piece } of await store.sealedPieces(limit + 1))
      steps.push({ ...aboutPiece(piece), step: { kind: 'build', why: piece.next } });
    for (const queue of QUEUES) {
      for (const { value } of await store.duePieces(queue, headEpoch, limit + 1)) {
        const planned = steps.length > limit ? undefined : await proposer.plan(value.id, providers, headEpoch);
        if (planned !== undefined) steps.push(...stepsOf(planned.piece.value, planned.plan));
      }
    }
    if (steps.length <= limit) steps.push(...(await this.#waiting(limit + 1 - steps.length)));
    const shown = steps.slice(0, limit);
    const costAtto = shown.reduce((sum, { step }) => sum + (step.kind === 'propose' ? step.costAtto : 0n), 0n);
    return { steps: shown, costAtto, more: steps.length > limit };
  }

  async shortage(): Promise<Shortage | undefined> {
    const { store, guard } = this.#options;
    const until = guard.headEpoch() + WAIT_EPOCHS_MAX;
    const queues = await Promise.all(QUEUES.map((queue) => store.comingPieces(queue, { until }, COUNTED_MAX)));
    return shortageOf(
      queues.flat().map(({ value }) => value),
      queues.some(({ length }) => length === COUNTED_MAX),
    );
  }

  /** What is looked at later, and why not now. */
  async #waiting(limit: number): Promise<PlannedStep[]> {
    const { store, guard } = this.#options;
    const after = guard.headEpoch();
    const steps: PlannedStep[] = [];
    for (const queue of QUEUES) {
      for (const { value } of await store.comingPieces(queue, { after, until: after + WAIT_EPOCHS_MAX }, COUNTED_MAX)) {
        if (steps.length === limit) return steps;
        const piece = isWaiting(value) ? await store.piece(value.id) : undefined;
        if (piece !== undefined) steps.push({ ...aboutPiece(piece.value), step: { kind: 'wait', why: value.next } });
      }
    }
    return steps;
  }

  freeze(text: string): Promise<Breaker> {
    return this.#options.guard.trip({ code: 'frozen', text }, 'operator');
  }

  async unfreeze(): Promise<void> {
    if (!(await this.#options.guard.unfreeze())) throw new FbpdError('NOT_FOUND', 'spending is not frozen: there is nothing to unfreeze');
    this.#options.wake();
  }

  /** What a scan has found of it is where we begin; of a stranger the chain must know. */
  async trust(providerId: string): Promise<Provider> {
    const { store, desk, book, clock } = this.#options;
    const found = (await store.candidate(providerId))?.value;
    const known = (await store.provider(providerId))?.value.chain ?? found?.chain;
    const chain = known ?? (await book.stranger(providerId, AbortSignal.timeout(TRUST_MS)));
    const provider = await desk.changeProvider(providerId, (before) => ({
      ...(before.chain === undefined && found !== undefined
        ? { ...before, chain: found.chain, ask: found.ask, refreshedEpoch: found.readEpoch }
        : before),
      ...(before.chain === undefined && chain !== undefined ? { chain } : {}),
      trusted: { atMs: clock.nowMs() },
    }));
    this.#options.wake();
    return provider;
  }

  async untrust(providerId: string): Promise<Provider> {
    if (this.#options.trusted.includes(providerId))
      throw new FbpdError('CONFLICT', `${providerId} is named in providers.trusted: take it out there, and restart`, {
        subject: providerId,
      });
    return this.#change(providerId, ({ trusted: _, ...provider }) => provider);
  }

  suspend(providerId: string, text: string): Promise<Provider> {
    return this.#change(providerId, (provider) => ({ ...provider, suspended: { text, atMs: this.#options.clock.nowMs() } }));
  }

  async unsuspend(providerId: string): Promise<Provider> {
    const provider = await this.#change(providerId, lifted);
    this.#options.wake();
    return provider;
  }

  async refresh(providerId: string, signal: AbortSignal): Promise<Provider> {
    await this.#assertKnown(providerId);
    return this.#options.book.refresh(providerId, this.#options.guard.headEpoch(), signal);
  }

  score(provider: Provider): { value: number; reasons: readonly string[] } {
    return scoreOf(provider);
  }

  async #change(providerId: string, change: (provider: Provider) => Provider): Promise<Provider> {
    await this.#assertKnown(providerId);
    return this.#options.desk.changeProvider(providerId, change);
  }

  async #assertKnown(providerId: string): Promise<void> {
    const { store, trusted } = this.#options;
    if (
      trusted.includes(providerId) ||
      (await store.provider(providerId)) !== undefined ||
      (await store.candidate(providerId)) !== undefined
    )
      return;
    throw new FbpdError(
      'NOT_FOUND',
      `no provider ${providerId} is known: add it to providers.trusted, or \`fbpd providers trust ${providerId}\``,
      {
        subject: providerId,
      },
    );
  }
}

function aboutPiece({ id, members }: Piece): Omit<PlannedStep, 'step'> {
  const wanted = members.filter(({ gone }) => gone === undefined).map(({ contentKey }) => contentKey);
  return { pieceId: id, contents: wanted.length, sampleKeys: wanted.slice(0, SAMPLE_KEYS) };
}

function stepsOf(piece: Piece, plan: NonNullable<Awaited<ReturnType<Proposer['plan']>>>['plan']): PlannedStep[] {
  const about = aboutPiece(piece);
  if (plan.proposals.length === 0) return [{ ...about, step: { kind: 'wait', why: plan.next } }];
  return plan.proposals.map(({ provider, country, domain, why, costAtto, startEpoch, durationEpochs }) => ({
    ...about,
    step: {
      kind: 'propose',
      provider,
      ...(country === undefined ? {} : { country }),
      owner: domain.owner,
      why,
      costAtto,
      startEpoch,
      endEpoch: startEpoch + durationEpochs,
    },
  }));
}
