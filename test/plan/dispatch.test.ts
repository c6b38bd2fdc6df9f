import test from 'ava';
import fc from 'fast-check';
import { type DispatchLimits, planDispatch, type RunningFetch } from '../../daemon/plan/dispatch.ts';

const limits: DispatchLimits = {
  concurrentPins: 4,
  searchingPins: 8,
  graceMs: 1_000,
  idleMs: 5_000,
  rotateMs: 30_000,
  quantumMs: 60_000,
};
const places = 2 * limits.concurrentPins + limits.searchingPins;
const NOW_MS = 1_000_000;

function fetches(accountId: string, count: number, { ageMs = 0, idleMs = 0 } = {}): RunningFetch[] {
  return Array.from({ length: count }, (_, index) => ({
    contentKey: `${accountId}-${index}`,
    accountId,
    startedMs: NOW_MS - ageMs - index,
    progressMs: NOW_MS - idleMs,
  }));
}

function decide(running: RunningFetch[], waiting: string[]) {
  return planDispatch({ nowMs: NOW_MS, running, waiting, limits });
}

test('nobody waiting: nothing to do', (t) => {
  t.is(decide(fetches('a', 2), []).kind, 'wait');
});

test('the account with fewer active fetches goes first, whatever the order of asking', (t) => {
  t.deepEqual(decide([...fetches('a', 2), ...fetches('b', 1)], ['a', 'b']), { kind: 'start', accountId: 'b' });
});

test('between equals the least recently served goes first', (t) => {
  t.deepEqual(decide([], ['b', 'a']), { kind: 'start', accountId: 'b' });
});

test('one account alone fills the active places and no more', (t) => {
  t.is(decide(fetches('a', limits.concurrentPins - 1), ['a']).kind, 'start');
  t.is(decide(fetches('a', limits.concurrentPins), ['a']).kind, 'wait');
});

test("a flood in every active place does not hold up another account's first fetch", (t) => {
  t.deepEqual(decide(fetches('flood', limits.concurrentPins), ['flood', 'b']), { kind: 'start', accountId: 'b' });
});

test('a fetch that waits for a peer frees its active place', (t) => {
  t.deepEqual(decide(fetches('a', limits.concurrentPins, { idleMs: limits.idleMs }), ['a']), { kind: 'start', accountId: 'a' });
});

test('a fetch that never had a block frees its active place sooner', (t) => {
  const without = (ageMs: number) => fetches('a', limits.concurrentPins, { ageMs }).map(({ progressMs: _none, ...fetch }) => fetch);
  t.is(decide(without(limits.graceMs - limits.concurrentPins), ['a']).kind, 'wait');
  t.is(decide(without(limits.graceMs), ['a']).kind, 'start');
});

test('with every place taken by searches of a flood, its oldest is rotated for another account at once', (t) => {
  const running = fetches('flood', places, { idleMs: limits.idleMs });
  t.deepEqual(decide(running, ['b']), { kind: 'preempt', contentKey: `flood-${places - 1}`, reason: 'rotated' });
});

test('with every place taken by its own searches, an account rotates only those that had their time', (t) => {
  t.is(decide(fetches('a', places, { idleMs: limits.idleMs, ageMs: limits.idleMs }), ['a']).kind, 'wait');
  t.is(decide(fetches('a', places, { idleMs: limits.idleMs, ageMs: limits.rotateMs }), ['a']).kind, 'preempt');
});

test('active places beyond the guarantee are shared after a quantum', (t) => {
  const running = (ageMs: number) => [...fetches('a', 5, { ageMs }), ...fetches('c', 3, { ageMs })];
  t.is(decide(running(0), ['b']).kind, 'wait');
  t.deepEqual(decide(running(limits.quantumMs), ['b']), { kind: 'preempt', contentKey: 'a-4', reason: 'shared' });
});

test('waiting names a moment in the future at which the answer may change', (t) => {
  const decision = decide(fetches('a', limits.concurrentPins), ['a']);
  t.is(decision.kind, 'wait');
  t.true(decision.kind === 'wait' && decision.atMs !== undefined && decision.atMs > NOW_MS && decision.atMs <= NOW_MS + limits.idleMs);
});

/** A whole queue run by the planner: every fetch searches for ever, or ends after `lengthMs`. */
function simulate(accounts: Record<string, { lengthMs: number }[]>, untilMs: number): Map<string, number> {
  const queues = new Map(Object.entries(accounts).map(([id, jobs]) => [id, jobs.map((job, index) => ({ ...job, key: `${id}-${index}` }))]));
  const endsMs = new Map<string, { accountId: string; atMs: number; key: string; lengthMs: number }>();
  const firstEndMs = new Map<string, number>();
  let running: RunningFetch[] = [];
  let served: string[] = [...queues.keys()];
  for (let nowMs = 0; nowMs < untilMs; nowMs += 1_000) {
    for (const fetch of running) {
      const end = endsMs.get(fetch.contentKey);
      if (end === undefined || !Number.isFinite(end.lengthMs)) continue;
      fetch.progressMs = nowMs;
      if (nowMs < end.atMs) continue;
      running = running.filter((other) => other !== fetch);
      if (!firstEndMs.has(fetch.accountId)) firstEndMs.set(fetch.accountId, nowMs);
    }
    for (let steps = 0; steps < 1_000; steps += 1) {
      const waiting = served.filter((id) => (queues.get(id)?.length ?? 0) > 0);
      const decision = planDispatch({ nowMs, running, waiting, limits });
      if (decision.kind === 'wait') break;
      if (decision.kind === 'preempt') {
        const put = endsMs.get(decision.contentKey);
        running = running.filter((fetch) => fetch.contentKey !== decision.contentKey);
        if (put !== undefined) queues.get(put.accountId)?.push({ lengthMs: put.lengthMs, key: put.key });
        continue;
      }
      const job = queues.get(decision.accountId)?.shift();
      served = [...served.filter((id) => id !== decision.accountId), decision.accountId];
      if (job === undefined) continue;
      running.push({ contentKey: job.key, accountId: decision.accountId, startedMs: nowMs });
      endsMs.set(job.key, { accountId: decision.accountId, atMs: nowMs + job.lengthMs, key: job.key, lengthMs: job.lengthMs });
    }
  }
  return firstEndMs;
}

test('ten thousand dead CIDs of one account delay the living pin of another by less than one rotation', (t) => {
  const dead = Array.from({ length: 10_000 }, () => ({ lengthMs: Number.POSITIVE_INFINITY }));
  const ends = simulate({ flood: dead, b: [{ lengthMs: 2_000 }] }, 60_000);
  t.true((ends.get('b') ?? Number.POSITIVE_INFINITY) <= 5_000);
});

test("an account's own dead CIDs ahead of a living one only delay it by rotations", (t) => {
  const dead = Array.from({ length: 200 }, () => ({ lengthMs: Number.POSITIVE_INFINITY }));
  const ends = simulate({ a: [...dead, { lengthMs: 2_000 }] }, 1_200_000);
  t.true(ends.has('a'));
});

test('any mixture: places are never exceeded, and an account that waits with nothing running gets a start or a preemption within a quantum', (t) => {
  const fetch = fc.record({
    accountId: fc.constantFrom('a', 'b', 'c', 'd'),
    ageMs: fc.integer({ min: 0, max: 200_000 }),
    idle: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(fetch, { maxLength: places }),
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
      (specs, waiting) => {
        const running = specs.map(({ accountId, ageMs, idle }, index) => ({
          contentKey: String(index),
          accountId,
          startedMs: NOW_MS - ageMs,
          progressMs: NOW_MS - Math.floor(ageMs * idle),
        }));
        const decision = decide(running, waiting);
        if (decision.kind === 'start') return running.length < places && waiting.some((id) => id === decision.accountId);
        if (decision.kind === 'preempt') return running.some(({ contentKey }) => contentKey === decision.contentKey);
        return decision.atMs !== undefined && decision.atMs > NOW_MS;
      },
    ),
  );
  t.pass();
});
