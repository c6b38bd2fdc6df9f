import type { Clock, PinStore, Store } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { ColdList } from './pins/cold-list.ts';
import { PinCommits } from './pins/commits.ts';
import type { PinContext } from './pins/context.ts';
import { CreatedStamps } from './pins/created-stamps.ts';
import { PinFetches } from './pins/fetches.ts';
import { HeadMark } from './pins/head-mark.ts';
import { openKeyedHash } from './pins/keyed-hash.ts';
import { KeyedLock } from './pins/keyed-lock.ts';
import { type PinAddress, segmentOfKey, under } from './pins/keys.ts';
import { loadRosters } from './pins/load-rosters.ts';
import { PinQueries } from './pins/queries.ts';
import { Queues } from './pins/queues.ts';
import { PinRequests } from './pins/requests.ts';
import type { Rosters } from './pins/rosters.ts';

/** The types of keys of pins of which the store must count the records: pins, their index, contents. */
export const COUNTED_TYPES = ['p', 'x', 'o'] as const;

export interface PinStoreOptions {
  store: Store;
  clock: Clock;
  log: Log;
  /** Request ids. */
  randomUUID: () => string;
  /** Keeps the list from which the cold layer works. Default false: nothing is written for it. */
  cold?: boolean;
}

export interface OpenedPinStore extends PinStore {
  /** Resolves when no work in the background is under way; it can be cut off at any time. */
  settled(): Promise<void>;
  /** Called after every commit that puts contents on the list of the cold layer. */
  onColdListed(listener: (contentKeys: readonly string[]) => void): void;
}

/**
 * Opens the pins of a store whose counted types include {@link COUNTED_TYPES}. Reads the index of every pin into memory
 * (some 60 bytes and the name, each), letting others run meanwhile.
 *
 * @throws FbpdError `STORE_DAMAGED` when the index is not what the store counted
 */
export async function openPinStore({ store, clock, log, randomUUID, cold = false }: PinStoreOptions): Promise<OpenedPinStore> {
  const hash = await openKeyedHash(store);
  const queues = new Queues(store);
  await queues.load();
  const { rosters, packs } = await loadRosters(store, hash, log);
  const stamps = await loadStamps(store, rosters);
  const coldList = await ColdList.open({ store, log, isOn: cold });
  const memory = { rosters, packs, queues, unpins: new HeadMark(under('u').gte), coldList };
  const commits = new PinCommits(store, memory);
  return pinStore({ ...memory, store, clock, log, randomUUID, hash, stamps, commits, lock: new KeyedLock() });
}

function pinStore(context: PinContext): OpenedPinStore {
  const requests = new PinRequests(context);
  const fetches = new PinFetches(context);
  const queries = new PinQueries(context);
  return {
    add: (accountId, request) => requests.add(accountId, request),
    replace: (accountId, requestId, request) => requests.replace(accountId, requestId, request),
    remove: (accountId, requestId) => requests.remove(accountId, requestId),
    removeAll: (accountId) => requests.removeAll(accountId),
    retry: (pin) => requests.retry(pin),

    get: (accountId, requestId) => queries.get(accountId, requestId),
    find: (requestId) => queries.find(requestId),
    list: (accountId, query) => queries.list(accountId, query),
    events: (pin) => queries.events(pin),
    content: (contentKey) => queries.content(contentKey),
    contents: (contentKeys) => queries.contents(contentKeys),
    standing: (contentKey, accountId) => queries.standing(contentKey, accountId),
    totals: () => context.rosters.totals(),
    accountTotals: (accountId) => context.rosters.accountTotals(accountId),

    block: (contentKey, note) => fetches.block(contentKey, note),
    unblock: (contentKey) => fetches.unblock(contentKey),
    blocked: () => fetches.blocked(),
    queuedAccounts: () => context.queues.accounts(),
    nextQueued: (accountId, skip) => fetches.nextQueued(accountId, skip),
    beginFetch: (contentKey, owner) => fetches.beginFetch(contentKey, owner),
    endFetch: (contentKey, outcome) => fetches.endFetch(contentKey, outcome),
    recoverFetches: (isRunning) => fetches.recoverFetches(isRunning),
    releasing: (limit) => fetches.releasing(limit),
    released: (contentKey) => fetches.released(contentKey),
    takeBack: (contentKey) => fetches.takeBack(contentKey),
    vanished: (contentKey) => fetches.vanished(contentKey),
    held: (after) => fetches.held(after),
    evict: (contentKey, text) => fetches.evict(contentKey, text),
    vanishedToCold: (contentKey) => fetches.vanishedToCold(contentKey),
    cold: () => fetches.cold(),
    beginWarm: (contentKey) => fetches.beginWarm(contentKey),
    endWarm: (contentKey, facts) => fetches.endWarm(contentKey, facts),
    lose: (contentKey, reason) => fetches.lose(contentKey, reason),

    async settled() {
      await context.packs.settled();
      await context.coldList.settled();
    },
    onColdListed: (listener) => context.coldList.onListed(listener),
    onDue: (listener) => context.commits.onDue(listener),
    onUnwanted: (listener) => context.commits.onUnwanted(listener),
  };
}

async function loadStamps(store: Store, rosters: Rosters): Promise<CreatedStamps> {
  const stamps = new CreatedStamps();
  for (const [accountId, { roster }] of rosters.entries()) stamps.reserve(accountId, roster.lastMs);
  for await (const [key, { value }] of store.range<Pick<PinAddress, 'createdMs'>>(under('h'))) {
    stamps.reserve(segmentOfKey(key, 1), value.createdMs);
  }
  return stamps;
}
