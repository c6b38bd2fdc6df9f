import { FbpdError } from '../../domain/errors.ts';
import type { PinStatus } from '../../domain/pin.ts';
import type { Store } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import { collect } from './collect.ts';
import type { Want } from './fate.ts';
import { Hash64Map, type KeyedHash } from './keyed-hash.ts';
import { createdOfKey, keys, segmentOfKey, under } from './keys.ts';
import { decodePack } from './pack-codec.ts';
import { type AccountPacks, Packs, type StalePack } from './packs.ts';
import { type RosterEntry, rosterEntry } from './roster-entry.ts';
import { Rosters, statusCode } from './rosters.ts';

/** What is read of the roster entries at open. */
interface Loaded {
  rosters: Rosters;
  accounts: Map<string, { packedToMs: number; unpacked: number; stale: StalePack[] }>;
  pins: number;
}

/**
 * Reads what filters need of every pin: packs, and the entries that lie in none. Contents with a want are not held, and
 * few; all the others are, so no content's record needs to be read.
 *
 * @throws FbpdError `STORE_DAMAGED` when there are not as many entries as the store counted
 */
export async function loadRosters(store: Store, hash: KeyedHash, log: Log): Promise<{ rosters: Rosters; packs: Packs }> {
  const unheld = await loadUnheld(store, hash);
  const { p = 0, x = 0 } = store.counts();
  let loaded = await load(store, unheld);
  if (loaded.pins !== x) {
    log.warn({ found: loaded.pins, counted: x }, 'packed roster entries do not add up; every entry is read');
    await dropPacks(store);
    loaded = await load(store, unheld);
  }
  if (loaded.pins !== x || x !== p) throw damaged(loaded.pins, x, p);
  const packs = new Packs({ store, log, rosters: loaded.rosters });
  for (const [accountId, account] of loaded.accounts) packs.restore(accountId, account satisfies AccountPacks);
  return { rosters: loaded.rosters, packs };
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

async function load(store: Store, unheld: Hash64Map): Promise<Loaded> {
  const loaded: Loaded = { rosters: new Rosters(), accounts: new Map(), pins: 0 };
  const add = (accountId: string, createdMs: number, entry: RosterEntry): void => {
    const status = unheld.get(rosterEntry.hashHalf(entry, 1), rosterEntry.hashHalf(entry, 0)) ?? statusCode('pinned');
    loaded.rosters.append(accountId, createdMs, status, entry);
    loaded.pins += 1;
  };
  await loadPacks(store, loaded, add);
  await loadEntries(store, loaded, add);
  return loaded;
}

type AddRow = (accountId: string, createdMs: number, entry: RosterEntry) => void;

async function loadPacks(store: Store, { accounts }: Loaded, add: AddRow): Promise<void> {
  const gone = await loadGone(store);
  for await (const [key, { value }] of store.range<Uint8Array>(under('y'))) {
    const accountId = segmentOfKey(key, 1);
    const account = accountIn(accounts, accountId);
    const goneMs: number[] = [];
    let rows = 0;
    decodePack(value, (createdMs, entry) => {
      rows += 1;
      account.packedToMs = createdMs;
      if (gone.get(accountId)?.has(createdMs)) goneMs.push(createdMs);
      else add(accountId, createdMs, entry);
    });
    if (goneMs.length * 2 >= rows) account.stale.push({ firstMs: createdOfKey(key), lastMs: account.packedToMs, goneMs });
  }
}

async function loadGone(store: Store): Promise<Map<string, Set<number>>> {
  const gone = new Map<string, Set<number>>();
  for await (const key of store.keys(under('z'))) {
    const accountId = segmentOfKey(key, 1);
    const times = gone.get(accountId) ?? new Set();
    gone.set(accountId, times.add(createdOfKey(key)));
  }
  return gone;
}

/** Entries that lie after their account's packs. What lies before is passed over by a seek. */
async function loadEntries(store: Store, { accounts }: Loaded, add: AddRow): Promise<void> {
  const { gte, lt } = under('x');
  for (let from: string | undefined = gte; from !== undefined; ) {
    let next: string | undefined;
    let prefix = '';
    let accountId = '';
    for await (const [key, { value }] of store.range<RosterEntry>({ gte: from, lt })) {
      if (prefix === '' || !key.startsWith(prefix)) {
        accountId = segmentOfKey(key, 1);
        prefix = `x/${accountId}/`;
        const { packedToMs } = accountIn(accounts, accountId);
        if (createdOfKey(key) <= packedToMs) {
          next = keys.rosterEntry(accountId, packedToMs + 1);
          break;
        }
      }
      add(accountId, createdOfKey(key), value);
      accountIn(accounts, accountId).unpacked += 1;
    }
    from = next;
  }
}

async function dropPacks(store: Store): Promise<void> {
  for (const type of ['y', 'z']) {
    const ops = (await collect(store.keys(under(type)))).map((key) => ({ del: key }));
    if (ops.length > 0) await store.commit({ ops, sync: false });
  }
}

function accountIn(accounts: Loaded['accounts'], accountId: string): { packedToMs: number; unpacked: number; stale: StalePack[] } {
  let account = accounts.get(accountId);
  if (account === undefined) {
    account = { packedToMs: 0, unpacked: 0, stale: [] };
    accounts.set(accountId, account);
  }
  return account;
}

function damaged(found: number, entries: number, pins: number): FbpdError {
  return new FbpdError(
    'STORE_DAMAGED',
    `store: ${found} roster entries were found where the store counted ${entries}, for ${pins} pins: restore the store from a backup`,
    { subject: 'x/' },
  );
}
