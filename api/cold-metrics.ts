import { Gauge, type Registry } from 'prom-client';

import { drillByProvider, type ProviderDrill } from '../daemon/domain/drill.ts';
import type { Clock } from '../daemon/domain/ports.ts';
import type { ColdSide } from './cold-side.ts';

const DEAL_STATES = ['intended', 'proposed', 'accepted', 'published', 'active', 'expired', 'rejected', 'failed', 'missed', 'lost'] as const;
const DUTIES = ['answer', 'take', 'keep', 'give_back'] as const;
const PIECE_STATES = ['sealed', 'built', 'retired'] as const;

/** Registers what the cold layer shows of itself: all of it is at hand, nothing is read from the disk but the day's budget, the few providers, and some of the pieces that wait. */
export function coldMetrics(registry: Registry, { store, view, drills }: ColdSide, clock: Clock): void {
  const registers = [registry];
  counts(registers, { name: 'fbpd_deals', help: 'Deals by state' }, DEAL_STATES, () => store.totals().deals);
  counts(registers, { name: 'fbpd_pieces', help: 'Pieces by state' }, PIECE_STATES, () => store.totals().pieces);
  value(registers, 'fbpd_deals_unknown', 'Deals of which it is not known whether they were made', () => store.totals().unknownDeals);
  value(registers, 'fbpd_deals_committed_attofil', 'Whole commitments of live deals', () => Number(store.totals().committedAtto));
  short(registers, view);
  budget(registers, view);
  reasons(registers, 'fbpd_spending_held', '1 with the reason while nothing is spent', () => view.held()?.code);
  reasons(
    registers,
    'fbpd_breaker',
    '1 with the cause while nothing is spent until the operator says so',
    () => store.breaker()?.value.code,
  );
  value(registers, 'fbpd_chain_head_epoch', 'Head of the chain when it was looked at last', () => view.lastView()?.view.headEpoch);
  value(registers, 'fbpd_chain_finalized_epoch', 'What cannot be taken back any more', () => view.lastView()?.view.finalizedEpoch);
  value(registers, 'fbpd_chain_behind_seconds', 'How far the head lies behind the clock', () => view.lastView()?.view.behindSeconds);
  value(registers, 'fbpd_chain_seen_age_seconds', 'Since the chain was looked at last', () => {
    const last = view.lastView();
    return last && (clock.nowMs() - last.atMs) / 1_000;
  });
  drill(registers, drills);
  setAside(registers, store);
  value(registers, 'fbpd_wallet_attofil', 'In the wallet that pays', () => attoOf(view.funds()?.walletAtto));
  value(registers, 'fbpd_escrow_attofil', 'In escrow with the market', () => attoOf(view.funds()?.escrowAtto));
  value(registers, 'fbpd_escrow_locked_attofil', 'Of the escrow, locked in deals', () => attoOf(view.funds()?.lockedAtto));
  value(registers, 'fbpd_escrow_free_attofil', 'Of the escrow, neither locked nor promised', () => attoOf(view.escrow()?.freeAtto));
  value(registers, 'fbpd_escrow_level_attofil', 'Free after a top-up', () => attoOf(view.escrow()?.levelAtto));
  value(
    registers,
    'fbpd_funds_runway_days',
    'How long wallet and escrow last at the pace of the last week',
    () => view.escrow()?.runwayDays,
  );
  warnings(registers, view);
}

type Registers = Registry[];

function counts(
  registers: Registers,
  named: { name: string; help: string },
  states: readonly string[],
  read: () => Readonly<Record<string, number>>,
): void {
  new Gauge({
    ...named,
    labelNames: ['state'],
    registers,
    collect() {
      const found = read();
      for (const state of states) this.set({ state }, found[state] ?? 0);
    },
  });
}

/** Absent while there is no value. */
function value(registers: Registers, name: string, help: string, read: () => number | undefined): void {
  new Gauge({
    name,
    help,
    registers,
    labelNames: [],
    collect() {
      this.reset();
      const found = read();
      if (found === undefined) this.remove();
      else this.set(found);
    },
  });
}

function reasons(registers: Registers, name: string, help: string, read: () => string | undefined): void {
  new Gauge({
    name,
    help,
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      const reason = read();
      if (reason !== undefined) this.set({ reason }, 1);
    },
  });
}

/** What deals will wait for if nobody does something: alert on this one. */
function warnings(registers: Registers, view: ColdSide['view']): void {
  new Gauge({
    name: 'fbpd_funds_warning',
    help: '1 with each reason for which money will be short',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const { code } of view.escrow()?.warnings ?? []) this.set({ reason: code }, 1);
    },
  });
}

/** One for each duty that providers fail at. */
function setAside(registers: Registers, store: ColdSide['store']): void {
  new Gauge({
    name: 'fbpd_providers_set_aside',
    help: 'Providers that failed in a row and are given no deals for a while, by what they failed at',
    labelNames: ['duty'],
    registers,
    async collect() {
      const found = (await store.providers()).map(({ value }) => value.setAside?.duty);
      for (const duty of DUTIES) this.set({ duty }, found.filter((one) => one === duty).length);
    },
  });
}

/** Of each queue a thousand at most are counted. */
function short(registers: Registers, view: ColdSide['view']): void {
  new Gauge({
    name: 'fbpd_pieces_short',
    help: 'Pieces that wait and have fewer copies than wanted, or than min; up to some thousand are counted',
    labelNames: ['below'],
    registers,
    async collect() {
      const found = await view.shortage();
      this.set({ below: 'target' }, found?.pieces ?? 0);
      this.set({ below: 'min' }, found?.belowMin ?? 0);
    },
  });
}

function budget(registers: Registers, view: ColdSide['view']): void {
  for (const [name, help, read] of [
    ['fbpd_budget_per_day_attofil', 'The most that is promised in a day', ({ perDayAtto }) => perDayAtto],
    ['fbpd_budget_committed_attofil', 'Promised on the day of the head', ({ committedAtto }) => committedAtto],
  ] as const satisfies readonly (readonly [string, string, (budget: Budget) => bigint])[]) {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(Number(read(await view.budget())));
      },
    });
  }
}

/** Of the newest one; a provider that was not asked then is not shown. */
function drill(registers: Registers, drills: ColdSide['drills']): void {
  const rows = async () => drillByProvider((await drills.last())?.copies ?? []);
  new Gauge({
    name: 'fbpd_drill_last_timestamp_seconds',
    help: 'When the last restore drill ended; 0 before the first',
    registers,
    async collect() {
      this.set(((await drills.last())?.endedMs ?? 0) / 1_000);
    },
  });
  new Gauge({
    name: 'fbpd_drill_copies',
    help: 'Copies that the last restore drill asked a provider for, by what came of it',
    labelNames: ['provider', 'end'],
    registers,
    async collect() {
      const found = await rows();
      this.reset();
      for (const { provider, ok, failed, skipped } of found) {
        for (const [end, count] of Object.entries({ ok, failed, skipped })) this.set({ provider, end }, count);
      }
    },
  });
  for (const [name, help, read] of [
    ['fbpd_drill_bytes', 'Bytes that came whole from a provider in the last restore drill', ({ bytes }) => bytes],
    [
      'fbpd_drill_first_byte_seconds',
      'To the first byte in the last restore drill, in the middle',
      ({ firstByteMs }) => secondsOf(firstByteMs),
    ],
    ['fbpd_drill_seconds', 'To the last byte in the last restore drill, of the slowest twentieth', ({ p95Ms }) => secondsOf(p95Ms)],
    ['fbpd_drill_bytes_per_second', 'Speed of a provider in the last restore drill', ({ bytesPerSecond }) => bytesPerSecond],
  ] as const satisfies readonly (readonly [string, string, (row: ProviderDrill) => number | undefined])[]) {
    new Gauge({
      name,
      help,
      labelNames: ['provider'],
      registers,
      async collect() {
        const found = await rows();
        this.reset();
        for (const row of found) {
          const amount = read(row);
          if (amount !== undefined) this.set({ provider: row.provider }, amount);
        }
      },
    });
  }
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

type Budget = Awaited<ReturnType<ColdSide['view']['budget']>>;

function attoOf(amount: bigint | undefined): number | undefined {
  return amount === undefined ? undefined : Number(amount);
}
