import { FbpdError } from '../../domain/errors.ts';
import { PIN_STATUSES, type PinStatus } from '../../domain/pin.ts';
import type { Store } from '../../domain/ports.ts';
import type { Want } from './fate.ts';
import { Hash64Map, type KeyedHash } from './keyed-hash.ts';
import { createdOfKey, segmentOfKey, under } from './keys.ts';
import { Roster } from './roster.ts';
import { GONE } from './roster-block.ts';
import { type RosterEntry, rosterEntry } from './roster-entry.ts';

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

/**
 * Reads every roster entry. Contents with a want are not held, and few; all the others are, so no content's record
 * needs to be read.
 *
 * @throws FbpdError `STORE_DAMAGED` when there are not as many entries as the store counted
 */
export async function loadRosters(store: Store, hash: KeyedHash): Promise<Rosters> {
  const unheld = await loadUnheld(store, hash);
  const rosters = new Rosters();
  let entries = 0;
  let prefix = 'x/';
  let accountId = '';
  for await (const [key, { value }] of store.range<RosterEntry>(under('x'))) {
    if (entries === 0 || !key.startsWith(prefix)) {
      accountId = segmentOfKey(key, 1);
      prefix = `x/${accountId}/`;
    }
    const status = unheld.get(rosterEntry.hashHalf(value, 1), rosterEntry.hashHalf(value, 0)) ?? statusCode('pinned');
    rosters.append(accountId, createdOfKey(key), status, value);
    entries += 1;
  }
  checkCounts(store.counts(), entries);
  return rosters;
}

/** The status of every content that is not held. */
async function loadUnheld(store: Store, hash: KeyedHash): Promise<Hash64Map> {
  const unheld = new Hash64Map();
  const set = (contentKey: string, status: PinStatus): void => {
    const { hi, lo } = hash.content(contentKey);
    unheld.set(hi, lo, statusCode(status));
  };
  for await (const [key, { value }] of store.range<Want>(under('w'))) {
    set(segmentOfKey(key, 1), value.dueMs === null ? 'failed' : 'queued');
  }
  for await (const key of store.keys(under('f'))) {
    const contentKey = segmentOfKey(key, 1);
    const { hi, lo } = hash.content(contentKey);
    if (unheld.get(hi, lo) === statusCode('queued')) set(contentKey, 'pinning');
  }
  return unheld;
}

function checkCounts({ p = 0, x = 0 }: Readonly<Record<string, number>>, entries: number): void {
  if (entries === x && x === p) return;
  throw new FbpdError(
    'STORE_DAMAGED',
    `store: ${entries} roster entries were found where the store counted ${x}, for ${p} pins: restore the store from a backup`,
    { subject: 'x/' },
  );
}
