import type { DealMaker, SendReply } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { DealStep, Seen } from '../../plan/deal-step.ts';
import { tripByOtherProposal } from '../../plan/losses.ts';
import { isLive } from '../../plan/providers.ts';
import type { ColdRules } from '../../plan/rules.ts';
import { planSent } from '../../plan/verify-pending.ts';
import type { Cars } from './cars.ts';
import { answerOf, SEND_MS, transferMs, within } from './deadline.ts';
import type { Desk } from './desk.ts';
import type { Look, SpendingGuard } from './guard.ts';
import { Gates } from './pool.ts';

export interface SenderOptions {
  store: ColdStore;
  maker: DealMaker;
  cars: Cars;
  desk: Desk;
  guard: SpendingGuard;
  rules: ColdRules;
  clock: Clock;
  log: Log;
}

const PER_PROVIDER = 2;

/** Sends what was intended: the CAR first, then the very request that is on disk, each send counted on disk before it is made. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #underWay = new Map<string, Promise<boolean>>();
  readonly #gates = new Gates(PER_PROVIDER);

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  isUnderWay(dealId: string): boolean {
    return this.#underWay.has(dealId);
  }

  /** False when it did not get as far as a reply; the next look at the deal goes on from there. */
  async send(deal: Deal, look: Look, signal: AbortSignal): Promise<boolean> {
    if (this.#underWay.has(deal.id)) return false;
    const sending = this.#gates.run(deal.provider, () => this.#send(deal, look, signal)).finally(() => this.#underWay.delete(deal.id));
    this.#underWay.set(deal.id, sending);
    return await sending;
  }

  /** Resolves when none is under way, which is soon once the signals of all have fired. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #send({ id, pieceId }: Deal, look: Look, signal: AbortSignal): Promise<boolean> {
    const { store, maker, desk, guard } = this.#options;
    const { headEpoch } = look.view;
    if (signal.aborted || guard.held() !== undefined || !(await this.#stage(pieceId, signal))) return false;
    const counted = await desk.change(id, headEpoch, (deal) => this.#beginSend(deal));
    if (counted === undefined || signal.aborted || guard.held() !== undefined) return false;
    const reply = await answerOf(maker.send(counted.deal, within(signal, SEND_MS)));
    if (reply?.kind === 'refused' && reply.why === 'funds') guard.noteFundsRefused(headEpoch);
    if (reply?.kind === 'sent' && reply.as !== undefined) await guard.trip(tripByOtherProposal(counted.deal, reply.as));
    await this.#noteReply(id, reply, look);
    const after = await store.deal(id);
    return after !== undefined && after.value.outcome === undefined;
  }

  async #stage(pieceId: string, signal: AbortSignal): Promise<boolean> {
    const { store, maker, cars } = this.#options;
    const piece = (await store.piece(pieceId))?.value;
    if (piece?.built === undefined) return false;
    const car = await cars.ensure(piece, piece.built, signal);
    if ('why' in car) return false;
    if (!maker.needsFile) return true;
    if (car.file === undefined) return false;
    const staged = maker.stage({ ...piece.built, id: piece.id }, car.file, within(signal, transferMs(piece.built.carSizeBytes)));
    return (await answerOf(staged.then(() => true))) === true;
  }

  /** From here on it may have been sent, whatever becomes of us. */
  #beginSend(deal: Deal): DealStep | undefined {
    // Making the CAR known may have taken hours, in which the operator said stop.
    if (!isLive(deal) || deal.state !== 'intended' || this.#options.guard.held() !== undefined) return undefined;
    return { deal: { ...deal, sends: deal.sends + 1 }, budgetAtto: 0n, events: [], resend: false };
  }

  async #noteReply(dealId: string, reply: SendReply | undefined, { view }: Look): Promise<void> {
    const { desk, rules, clock } = this.#options;
    const seen: Seen = {
      headEpoch: view.headEpoch,
      finalizedEpoch: view.finalizedEpoch,
      nowMs: clock.nowMs(),
      final: undefined,
      atHead: undefined,
    };
    await desk.change(dealId, view.headEpoch, (deal) => (isLive(deal) ? planSent({ deal, seen, rules }, reply) : undefined));
  }
}
