import { PIN_STATUSES, type PinStatus } from '../../domain/pin.ts';
import { Roster } from './roster.ts';
import { GONE } from './roster-block.ts';
import type { RosterEntry } from './roster-entry.ts';

export type StatusTotals = Readonly<Record<PinStatus, number>>;

/** A status as rosters keep it. */
export function statusCode(status: PinStatus): number {
  return PIN_STATUSES.indexOf(status);
}

/** The roster of every account, and how many pins there are of each status. */
export class Rosters {
  readonly #accounts = new Map<string, { roster: Roster; totals: number[] }>();
  readonly #totals = noTotals();

  get(accountId: string): Roster | undefined {
    return this.#accounts.get(accountId)?.roster;
  }

  entries(): IterableIterator<[accountId: string, account: { roster: Roster }]> {
    return this.#accounts.entries();
  }

  append(accountId: string, createdMs: number, status: number, entry: RosterEntry): void {
    let account = this.#accounts.get(accountId);
    if (account === undefined) {
      account = { roster: new Roster(), totals: noTotals() };
      this.#accounts.set(accountId, account);
    }
    account.roster.append(createdMs, status, entry);
    this.#move(account.totals, GONE, status);
  }

  /** Does nothing when there is no such pin. */
  setStatus(accountId: string, createdMs: number, status: number): void {
    const account = this.#accounts.get(accountId);
    const before = account?.roster.setStatus(createdMs, status);
    if (account !== undefined && before !== undefined) this.#move(account.totals, before, status);
  }

  remove(accountId: string, createdMs: number): void {
    this.setStatus(accountId, createdMs, GONE);
  }

  totals(): StatusTotals {
    return named(this.#totals);
  }

  accountTotals(accountId: string): StatusTotals {
    return named(this.#accounts.get(accountId)?.totals ?? noTotals());
  }

  #move(accountTotals: number[], from: number, to: number): void {
    for (const totals of [accountTotals, this.#totals]) {
      totals[from] = (totals[from] ?? 0) - 1;
      totals[to] = (totals[to] ?? 0) + 1;
    }
  }
}

function noTotals(): number[] {
  return [0, 0, 0, 0, 0];
}

function named([queued = 0, pinning = 0, pinned = 0, failed = 0]: readonly number[]): StatusTotals {
  return { queued, pinning, pinned, failed };
}
