import { Gauge, type Registry } from 'prom-client';

import type { Clock } from '../daemon/domain/ports.ts';
import type { ColdSide } from './cold-side.ts';

const DEAL_STATES = ['intended', 'proposed', 'accepted', 'published', 'active', 'expired', 'rejected', 'failed', 'missed', 'lost'] as const;
const PIECE_STATES = ['sealed', 'built', 'retired'] as const;

/** Registers what the cold layer shows of itself: all of it is at hand, nothing is read from the disk but the day's budget. */
export function coldMetrics(registry: Registry, { store, view }: ColdSide, clock: Clock): void {
  const registers = [registry];
  counts(registers, { name: 'fbpd_deals', help: 'Deals by state' }, DEAL_STATES, () => store.totals().deals);
  counts(registers, { name: 'fbpd_pieces', help: 'Pieces by state' }, PIECE_STATES, () => store.totals().pieces);
  value(registers, 'fbpd_deals_unknown', 'Deals of which it is not known whether they were made', () => store.totals().unknownDeals);
  value(registers, 'fbpd_deals_committed_attofil', 'Whole commitments of live deals', () => Number(store.totals().committedAtto));
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
  value(registers, 'fbpd_wallet_attofil', 'In the wallet that pays', () => attoOf(view.funds()?.walletAtto));
  value(registers, 'fbpd_escrow_attofil', 'In escrow with the market', () => attoOf(view.funds()?.escrowAtto));
  value(registers, 'fbpd_escrow_locked_attofil', 'Of the escrow, locked in deals', () => attoOf(view.funds()?.lockedAtto));
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

type Budget = Awaited<ReturnType<ColdSide['view']['budget']>>;

function attoOf(amount: bigint | undefined): number | undefined {
  return amount === undefined ? undefined : Number(amount);
}
