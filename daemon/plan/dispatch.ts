/** A fetch under way, as the planner sees it. */
export interface RunningFetch {
  contentKey: string;
  accountId: string;
  startedMs: number;
  /** When the last new block came; absent while none has. */
  progressMs?: number;
}

export interface DispatchLimits {
  /** Fetches that are bringing blocks in, or are too young to tell. */
  concurrentPins: number;
  /** Fetches beyond those that still wait for a peer: they cost kubo a want-list entry and nothing else. */
  searchingPins: number;
  /**
   * Without a first block for this long a fetch counts as searching and frees its active place. It bounds how fast
   * the fetches of a queue begin, so it is what dead CIDs ahead of a living one cost it.
   */
  graceMs: number;
  /** The same after a block. */
  idleMs: number;
  /** A searching fetch may be put back for somebody else after this long. */
  rotateMs: number;
  /** An active fetch may be put back, for an account that has nothing running, after this long. */
  quantumMs: number;
}

export interface DispatchInput {
  nowMs: number;
  running: readonly RunningFetch[];
  /** Accounts that may have something due, least recently served first. Read only as far as needed. */
  waiting: Iterable<string>;
  limits: DispatchLimits;
}

/**
 * What to do about the next waiting content.
 * - `start`: it is this account's turn
 * - `preempt`: end this fetch without prejudice (its blocks stay), then ask again
 * - `wait`: nothing can begin now; look again at `atMs`, or when a fetch ends or something becomes due
 */
export type DispatchDecision =
  | { kind: 'start'; accountId: string }
  | { kind: 'preempt'; contentKey: string; reason: PreemptReason }
  | { kind: 'wait'; atMs?: number };

export type PreemptReason =
  /** It has found no peer for a while and others wait to try. */
  | 'rotated'
  /** Its account has more than its share and another account waits. */
  | 'shared';

interface Load {
  active: number;
  total: number;
}

const NO_LOAD: Load = { active: 0, total: 0 };

/**
 * Max-min fairness between accounts. The account with the fewest active fetches goes next; an account with none
 * always finds a place (up to twice `concurrentPins`), so neither somebody's flood nor somebody's dead CIDs hold it
 * up. A fetch that waits for a peer gives its active place away and, when the searching places are gone too, is
 * rotated.
 */
export function planDispatch({ nowMs, running, waiting, limits }: DispatchInput): DispatchDecision {
  const loads = loadsByAccount(running, nowMs, limits);
  const load = (accountId: string): Load => loads.get(accountId) ?? NO_LOAD;
  const accountId = leastLoaded(waiting, load);
  if (accountId === undefined) return { kind: 'wait' };

  const active = running.filter((fetch) => isActive(fetch, nowMs, limits)).length;
  const mayBegin = active < limits.concurrentPins || (load(accountId).active === 0 && active < 2 * limits.concurrentPins);
  const hasRoom = running.length < 2 * limits.concurrentPins + limits.searchingPins;
  if (mayBegin && hasRoom) return { kind: 'start', accountId };

  const victim = mayBegin ? longestSearch(running, load, accountId, nowMs, limits) : overShare(running, load, accountId, nowMs, limits);
  if (victim !== undefined) return { kind: 'preempt', contentKey: victim.contentKey, reason: mayBegin ? 'rotated' : 'shared' };
  return { kind: 'wait', atMs: nextChangeMs(running, nowMs, limits) };
}

function isActive(fetch: RunningFetch, nowMs: number, limits: DispatchLimits): boolean {
  return nowMs < activeUntilMs(fetch, limits);
}

function activeUntilMs({ startedMs, progressMs }: RunningFetch, { graceMs, idleMs }: DispatchLimits): number {
  return progressMs === undefined ? startedMs + graceMs : progressMs + idleMs;
}

function loadsByAccount(running: readonly RunningFetch[], nowMs: number, limits: DispatchLimits): Map<string, Load> {
  const loads = new Map<string, Load>();
  for (const fetch of running) {
    const load = loads.get(fetch.accountId) ?? { active: 0, total: 0 };
    load.total += 1;
    if (isActive(fetch, nowMs, limits)) load.active += 1;
    loads.set(fetch.accountId, load);
  }
  return loads;
}

/** The first of those with the fewest active fetches. */
function leastLoaded(waiting: Iterable<string>, load: (accountId: string) => Load): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const accountId of waiting) {
    const { active } = load(accountId);
    if (active >= fewest) continue;
    best = accountId;
    fewest = active;
    if (fewest === 0) break;
  }
  return best;
}

/** Every active place is taken: an account with nothing active may displace a long runner of one with several. */
function overShare(
  running: readonly RunningFetch[],
  load: (accountId: string) => Load,
  accountId: string,
  nowMs: number,
  limits: DispatchLimits,
): RunningFetch | undefined {
  if (load(accountId).active > 0) return undefined;
  return oldest(
    running.filter(
      (fetch) => isActive(fetch, nowMs, limits) && load(fetch.accountId).active > 1 && nowMs - fetch.startedMs >= limits.quantumMs,
    ),
    (fetch) => fetch.startedMs,
  );
}

/** Every place is taken: a search goes back, of the account that has the most running, the asking one included. */
function longestSearch(
  running: readonly RunningFetch[],
  load: (accountId: string) => Load,
  accountId: string,
  nowMs: number,
  limits: DispatchLimits,
): RunningFetch | undefined {
  const searches = running.filter((fetch) => !isActive(fetch, nowMs, limits));
  const most = Math.max(...searches.map((fetch) => load(fetch.accountId).total));
  const unequal = most > load(accountId).total + 1;
  const due = searches.filter((fetch) => load(fetch.accountId).total === most && (unequal || nowMs - fetch.startedMs >= limits.rotateMs));
  return oldest(due, (fetch) => fetch.startedMs);
}

function oldest(fetches: readonly RunningFetch[], sinceMs: (fetch: RunningFetch) => number): RunningFetch | undefined {
  return fetches.reduce<RunningFetch | undefined>(
    (best, fetch) => (best === undefined || sinceMs(fetch) < sinceMs(best) ? fetch : best),
    undefined,
  );
}

/** The soonest moment at which a running fetch turns into a search, or becomes old enough to be put back. */
function nextChangeMs(running: readonly RunningFetch[], nowMs: number, limits: DispatchLimits): number {
  const moments = running.flatMap((fetch) => [
    activeUntilMs(fetch, limits),
    fetch.startedMs + limits.rotateMs,
    fetch.startedMs + limits.quantumMs,
  ]);
  return Math.min(...moments.filter((atMs) => atMs > nowMs), nowMs + limits.idleMs);
}
