import { ColdError, type DealMaker } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import type { DrillAsk, DrilledCopy, DrillReport, Drills } from '../domain/drill.ts';
import { FbpdError, isFbpdError } from '../domain/errors.ts';
import type { BuiltPiece } from '../domain/piece.ts';
import type { Clock } from '../domain/ports.ts';
import type { SourceOutcome } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';
import { type DrillStep, planDrill } from '../plan/drill.ts';
import { ASK_PROVIDER_MS, transferMs, within } from './cold/deadline.ts';
import { drawContents, namedContent } from './cold/drill-contents.ts';
import type { SpendingGuard } from './cold/guard.ts';
import type { DrillSetup } from './cold/options.ts';
import { eachOf, Tally } from './cold/pool.ts';
import type { RetrievalDesk } from './cold/retrieval-desk.ts';
import type { PassReport, Reconciler } from './scheduler.ts';

export interface DrillOptions extends DrillSetup {
  store: ColdStore;
  maker: Pick<DealMaker, 'retrievalPrice'>;
  /** Where evidence is taken down. */
  retrievals: Pick<RetrievalDesk, 'note'>;
  guard: Pick<SpendingGuard, 'look'>;
  clock: Clock;
  log: Log;
  /** In [0, 1). */
  random(): number;
}

/** Contents that are drawn unless another number is asked for. */
const CONTENTS = 5;
const PROVIDERS_AT_ONCE = 2;

type Asked = { deal: Deal; piece: BuiltPiece & { id: string } };
type End = Pick<DrilledCopy, 'end' | 'code' | 'text'> & Partial<Pick<DrilledCopy, 'bytes' | 'firstByteMs' | 'tookMs'>>;

/**
 * Restores a few contents from their cold copies alone, each from every provider that has it: that bytes come back by the piece does
 * not prove yet that a content does. Nothing is ever paid for it.
 */
export class DrillReconciler implements Reconciler, Drills {
  readonly name = 'drill';
  readonly #options: DrillOptions;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> | undefined;
  #last: { report: DrillReport | undefined } | undefined;

  constructor(options: DrillOptions) {
    this.#options = options;
  }

  async pass(signal: AbortSignal): Promise<PassReport> {
    const tally = new Tally();
    try {
      const { planned, copies } = await this.run({}, {}, signal);
      tally.due = planned;
      tally.done = copies.filter(({ end }) => end === 'ok').length;
      tally.failed = copies.filter(({ end }) => end === 'failed').length;
      for (const { code } of copies.filter(({ end }) => end === 'skipped')) tally.skip(code);
    } catch (error) {
      if (isFbpdError(error, 'CONFLICT')) tally.skip('running');
      else if (isFbpdError(error, 'UNAVAILABLE')) tally.skip(error.subject ?? 'unavailable');
      else throw error;
    }
    return tally.report();
  }

  async run(ask: DrillAsk, hear: Parameters<Drills['run']>[1], signal: AbortSignal): Promise<DrillReport> {
    if (this.#stopping.signal.aborted) throw new FbpdError('UNAVAILABLE', 'drill: the daemon is going down', { subject: 'down' });
    if (this.#running !== undefined) throw new FbpdError('CONFLICT', 'drill: another one is under way; wait for its end');
    const running = this.#run(ask, hear, AbortSignal.any([signal, this.#stopping.signal]));
    this.#running = running.catch(() => undefined);
    try {
      return await running;
    } finally {
      this.#running = undefined;
    }
  }

  async last(): Promise<DrillReport | undefined> {
    this.#last ??= { report: await this.#options.reports.last() };
    return this.#last.report;
  }

  /** Resolves when none is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(ask: DrillAsk, hear: Parameters<Drills['run']>[1], signal: AbortSignal): Promise<DrillReport> {
    const { guard, scratch, clock, log } = this.#options;
    const startedMs = clock.nowMs();
    const look = await guard.look(signal);
    if (!('view' in look)) throw new FbpdError('UNAVAILABLE', `drill: ${look.text}`, { subject: look.code });
    const { steps, without } = await this.#plan(ask);
    hear.onPlanned?.(steps.length);
    await scratch.clear();
    const copies: DrilledCopy[] = [];
    await this.#ask(steps, signal, (copy) => {
      copies.push(copy);
      hear.onCopy?.(copy);
    });
    await scratch.clear();
    const report: DrillReport = { startedMs, endedMs: clock.nowMs(), planned: steps.length, copies, without };
    if (copies.length > 0) await this.#keep(report);
    const failed = copies.filter(({ end }) => end === 'failed').length;
    if (steps.length > 0) log.info({ planned: steps.length, copies: copies.length, failed }, 'a restore drill has ended');
    return report;
  }

  async #keep(report: DrillReport): Promise<void> {
    const { reports, log } = this.#options;
    this.#last = { report };
    try {
      await reports.keep(report);
    } catch (error) {
      if (!isFbpdError(error, 'STORAGE_FULL') && !isFbpdError(error, 'UNAVAILABLE')) throw error;
      log.warn({ err: error }, 'the report of a restore drill is not on disk');
    }
  }

  async #plan({ contentKeys, count = CONTENTS }: DrillAsk): Promise<{ steps: DrillStep[]; without: string[] }> {
    const { store, drillBytes, random } = this.#options;
    if (contentKeys === undefined) {
      const drawn = await drawContents(store, count, random);
      return { steps: planDrill(drawn, { bytesMax: drillBytes, contentsMax: count, random }), without: [] };
    }
    const named = await Promise.all([...new Set(contentKeys)].map((contentKey) => namedContent(store, contentKey)));
    const without = named.filter(({ copies }) => copies.length === 0).map(({ contentKey }) => contentKey);
    const all = Number.POSITIVE_INFINITY;
    return { steps: planDrill(named, { bytesMax: all, contentsMax: all, random }), without };
  }

  /** One after the other from each provider, so that none is asked for much at once, and one that hangs holds up its own only. */
  async #ask(steps: readonly DrillStep[], signal: AbortSignal, hear: (copy: DrilledCopy) => void): Promise<void> {
    const full = new AbortController();
    const until = AbortSignal.any([signal, full.signal]);
    const byProvider = Map.groupBy(steps, ({ provider }) => provider);
    await eachOf(byProvider.values(), PROVIDERS_AT_ONCE, signal, async (own) => {
      let isSilent = false;
      for (const step of own) {
        if (signal.aborted) return;
        const end: End = full.signal.aborted ? NO_ROOM : isSilent ? SILENT : await this.#askOne(step, until);
        if (end.code === 'no_room') full.abort();
        isSilent ||= end.code === 'stalled' || end.code === 'unreachable';
        const { contentKey, provider, dealId } = step;
        if (!signal.aborted) hear({ contentKey, provider, dealId, bytes: 0, tookMs: 0, ...end });
      }
    });
  }

  async #askOne(step: DrillStep, signal: AbortSignal): Promise<End> {
    const { store, scratch, log, retrievals } = this.#options;
    const deal = (await store.deal(step.dealId))?.value;
    const built = deal === undefined ? undefined : await store.built(deal.pieceId);
    if (deal?.state !== 'active' || built === undefined) return ENDED;
    const asked: Asked = { deal, piece: { ...built, id: deal.pieceId } };
    const refused = await this.#whyNot(asked, signal);
    if (refused !== undefined) return refused;
    const timeoutMs = transferMs(built.carSizeBytes);
    const deadline = within(signal, timeoutMs);
    try {
      const outcome = lateWhen(await scratch.fetch(asked, step, deadline), deadline.aborted && !signal.aborted, timeoutMs);
      if (outcome.result === 'superseded') return NO_ROOM;
      if (outcome.result !== 'done') log.warn({ ...outcome, cid: step.contentKey }, 'a content could not be restored from a cold copy');
      await retrievals.note([outcome]);
      const { result: code, text, bytes, firstByteMs, tookMs } = outcome;
      return { end: code === 'done' ? 'ok' : 'failed', code, text, bytes, tookMs, ...(firstByteMs === undefined ? {} : { firstByteMs }) };
    } catch (error) {
      if (!isFbpdError(error, 'STORAGE_FULL') && !isFbpdError(error, 'BAD_ENVIRONMENT')) throw error;
      log.warn({ err: error }, 'a restore drill has no room');
      return { ...NO_ROOM, text: error.message };
    }
  }

  /** Who says no gives nothing back either. That no answer came may be the node's fault, and is not held against the provider. */
  async #whyNot({ deal, piece }: Asked, signal: AbortSignal): Promise<End | undefined> {
    const { maker, retrievals, clock } = this.#options;
    const beganMs = clock.nowMs();
    const failed = (code: 'refused' | 'unreachable', text: string): End & { tookMs: number } => {
      return { end: 'failed', code, text, tookMs: clock.nowMs() - beganMs };
    };
    try {
      const priceAtto = await maker.retrievalPrice(deal, piece, within(signal, ASK_PROVIDER_MS));
      if (priceAtto === undefined) {
        const end = failed('refused', 'it does not offer it');
        const source = { provider: deal.provider, dealId: deal.id, pieceId: piece.id };
        await retrievals.note([{ source, result: 'refused', text: end.text, bytes: 0, tookMs: end.tookMs }]);
        return end;
      }
      if (priceAtto > 0n) return { end: 'skipped', code: 'paid', text: `it asks ${priceAtto} attoFIL, and a drill pays nothing` };
      return undefined;
    } catch (error) {
      if (!(error instanceof ColdError)) throw error;
      if (signal.aborted) return NO_ROOM;
      return failed(error.failure === 'refused' ? 'refused' : 'unreachable', error.message);
    }
  }
}

const ENDED: End = { end: 'skipped', code: 'ended', text: 'the deal has ended meanwhile' };
const SILENT: End = { end: 'skipped', code: 'silent', text: 'not asked, as it had just not answered' };
const NO_ROOM: End = { end: 'skipped', code: 'no_room', text: 'not asked, as there was no room for it' };

/** What our own deadline has cut off came too slowly. */
function lateWhen(outcome: SourceOutcome, isLate: boolean, timeoutMs: number): SourceOutcome {
  if (outcome.result !== 'superseded' || !isLate) return outcome;
  return { ...outcome, result: 'stalled', text: `not all of it came within ${Math.round(timeoutMs / 1_000)} s` };
}
