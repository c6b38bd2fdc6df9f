import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';

import { addServed, dayAfter, dayOfMs, isUtcDay, NOTHING_SERVED } from '../../daemon/domain/usage.ts';
import { usageKeys } from '../../daemon/domain/usage-records.ts';
import type { LevelStore } from '../../daemon/store/level-store.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { ALWAYS, createTestMetering, served, totalOf, UnluckyStore } from '../fixtures/create-metering.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { poll } from '../fixtures/poll.ts';

const DAY_MS = 86_400_000;

async function assertWhole(t: ExecutionContext, store: LevelStore): Promise<void> {
  t.deepEqual((await verifyStore(store)).problems, []);
}

test('what is noted is on disk when that is said, by account, day and source', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock(Date.parse('2026-01-31T23:59:59.999Z'));
  const metering = createTestMetering(store, { clock });
  await metering.note(served());
  await metering.note(served({ source: 'cold', bytes: 7, responses: 0 }));
  clock.tick();
  await Promise.all([metering.note(served({ source: 'network', bytes: 5 })), metering.note(served({ accountId: 'bob' }))]);
  const another = createTestMetering(store);
  t.deepEqual(await another.usage('alice', ALWAYS), [
    { day: '2026-01-31', served: { hotBytes: 100, networkBytes: 0, coldBytes: 7, responses: 1 } },
    { day: '2026-02-01', served: { hotBytes: 0, networkBytes: 5, coldBytes: 0, responses: 1 } },
  ]);
  t.is((await another.usage('alice', { from: '2026-02-01', to: '2026-02-01' })).length, 1);
  t.deepEqual(await another.usage('ali', ALWAYS), []);
  await assertWhole(t, store);
});

test('ten thousand notes of many callers cost few commits, and every one is counted', async (t) => {
  const store = await createTestStore(t);
  const unlucky = new UnluckyStore(store);
  const metering = createTestMetering(unlucky);
  const notes = Array.from({ length: 10_000 }, (_, i) =>
    metering.note(served({ accountId: `account-${i % 3}`, contentKey: `content-${i % 500}` })),
  );
  await Promise.all(notes);
  const total = addServed(
    addServed(await totalOf(metering, 'account-0'), await totalOf(metering, 'account-1')),
    await totalOf(metering, 'account-2'),
  );
  t.deepEqual(total, { ...NOTHING_SERVED, hotBytes: 1_000_000, responses: 10_000 });
  t.true(unlucky.commits < 20, `${unlucky.commits}`);
  await assertWhole(t, store);
});

test('notes that come one after another share commits, and the last is not kept waiting when the daemon goes down', async (t) => {
  const unlucky = new UnluckyStore(await createTestStore(t));
  const metering = createTestMetering(unlucky, { limits: { restMs: 300_000 } });
  await metering.note(served());
  const later: Promise<void>[] = [];
  while (later.length < 20) {
    later.push(metering.note(served()));
    await sleep(1);
  }
  t.is(unlucky.commits, 1);
  await metering.close();
  await Promise.all(later);
  t.is(unlucky.commits, 2);
  t.like(await totalOf(metering, 'alice'), { hotBytes: 2_100, responses: 21 });
});

test('while the disk is full sums are kept, few of them, and counted once when there is room', async (t) => {
  const store = await createTestStore(t);
  const unlucky = new UnluckyStore(store, ['full', 'unavailable', 'full', 'outrun', 'full']);
  const metering = createTestMetering(unlucky, { limits: { pendingEntries: 4, groupEntries: 2 } });
  const counted: number[] = [];
  const notes = Array.from({ length: 30 }, (_, i) =>
    metering.note(served({ contentKey: `content-${i % 10}` })).then(() => counted.push(i)),
  );
  t.is(counted.length, 0);
  await Promise.all(notes);
  t.deepEqual(await totalOf(metering, 'alice'), { ...NOTHING_SERVED, hotBytes: 3_000, responses: 30 });
  await assertWhole(t, store);
});

test('a commit of which nobody knows whether it was written is never made again', async (t) => {
  const store = await createTestStore(t);
  const metering = createTestMetering(new UnluckyStore(store, ['unheard']));
  await t.throwsAsync(metering.note(served()), { code: 'STORE_IO' });
  await metering.note(served({ bytes: 1 }));
  t.deepEqual(await totalOf(metering, 'alice'), { ...NOTHING_SERVED, hotBytes: 101, responses: 2 });
});

test('a damaged record fails the notes that need it, and no others', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock();
  const metering = createTestMetering(store, { clock });
  await store.commit({ ops: [{ put: usageKeys.content('alice', dayOfMs(clock.ms), 'bad'), value: { hotBytes: -1 } }] });
  const [bad, good] = await Promise.allSettled([
    metering.note(served({ contentKey: 'bad' })),
    metering.note(served({ contentKey: 'good' })),
  ]);
  t.is(bad?.status, 'rejected');
  t.is(good?.status, 'fulfilled');
  t.is((await totalOf(metering, 'alice')).responses, 1);
});

test('a clock that jumps a year, and back, neither loses nor doubles anything', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock(Date.parse('2026-06-01T12:00:00Z'));
  const metering = createTestMetering(store, { clock });
  for (const days of [0, 365, -365, -365, 365, 1, 3_000_000, -3_000_000]) {
    clock.ms += days * DAY_MS;
    await metering.note(served());
  }
  t.is((await totalOf(metering, 'alice')).responses, 8);
  const { contents } = await metering.contents('alice', ALWAYS, 10);
  t.deepEqual(contents, [{ contentKey: 'bafkqaaa', served: { ...NOTHING_SERVED, hotBytes: 800, responses: 8 } }]);
  await assertWhole(t, store);
});

test('the contents read most come first; of more records than may be looked at the newest are, and it is said', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock(Date.parse('2026-06-01T12:00:00Z'));
  const metering = createTestMetering(store, { clock, limits: { scanRecords: 4 } });
  const note = (contentKey: string, bytes: number) => metering.note(served({ contentKey, bytes }));
  await Promise.all([note('a', 5), note('b', 6)]);
  clock.tick(DAY_MS);
  await Promise.all([note('a', 5), note('c', 1)]);
  const bytes = async (limit: number, range = ALWAYS) => {
    const { contents, isWhole } = await metering.contents('alice', range, limit);
    return [contents.map(({ contentKey, served: { hotBytes } }) => `${contentKey} ${hotBytes}`).join(), isWhole];
  };
  t.deepEqual(await bytes(2), ['a 10,b 6', true]);
  t.deepEqual(await bytes(9, { from: '2026-06-01', to: '2026-06-01' }), ['b 6,a 5', true]);
  await note('d', 2);
  // Of the older day only b is looked at, which sorts behind a.
  t.deepEqual(await bytes(9), ['b 6,a 5,d 2,c 1', false]);
});

test('of a day with very many contents those that come late are counted together', async (t) => {
  const store = await createTestStore(t);
  const metering = createTestMetering(store, { limits: { contentsPerDay: 2 } });
  for (const contentKey of ['a', 'b', 'c', 'd', 'a']) await metering.note(served({ contentKey }));
  await Promise.all(['a', 'c', 'e'].map((contentKey) => metering.note(served({ contentKey }))));
  t.is((await totalOf(metering, 'alice')).responses, 8);
  const { contents } = await metering.contents('alice', ALWAYS, 10);
  t.deepEqual(
    contents.map(({ contentKey, served }) => [contentKey, served.responses]),
    [
      ['a', 3],
      ['b', 1],
    ],
  );
  await assertWhole(t, store);
});

test('contents are told apart for the newest days with reads, and older days keep their sums', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock(Date.parse('2026-06-01T12:00:00Z'));
  const metering = createTestMetering(store, { clock, limits: { keptDays: 3 } });
  for (let day = 0; day < 6; day += 1) {
    await Promise.all(Array.from({ length: 700 }, (_, i) => metering.note(served({ contentKey: `content-${i}` }))));
    clock.tick(DAY_MS);
  }
  const tooOld = { from: '2026-06-01', to: '2026-06-03' };
  await poll('the old days have no contents', 20_000, async () => (await metering.contents('alice', tooOld, 1)).contents.length === 0);
  t.is((await totalOf(metering, 'alice')).responses, 4_200);
  const { contents } = await metering.contents('alice', ALWAYS, 1_000);
  t.is(contents.length, 700);
  t.true(contents.every(({ served }) => served.responses === 3));
  await assertWhole(t, store);
});

test('of an account that is deleted nothing is left, although responses to it are still ending', async (t) => {
  const store = await createTestStore(t);
  const metering = createTestMetering(store, { limits: { groupEntries: 10 } });
  const notes = Array.from({ length: 1_000 }, (_, i) => metering.note(served({ contentKey: `content-${i}` })));
  const others = Array.from({ length: 100 }, (_, i) => metering.note(served({ accountId: 'bob', contentKey: `content-${i}` })));
  await notes[15];
  const forgotten = metering.forget('alice');
  await metering.note(served());
  await Promise.all([forgotten, ...notes, ...others]);
  await metering.note(served());
  t.deepEqual(await metering.usage('alice', ALWAYS), []);
  t.deepEqual((await metering.contents('alice', ALWAYS, 10)).contents, []);
  t.is((await totalOf(metering, 'bob')).responses, 100);
  await assertWhole(t, store);
});

test('closing writes what was noted, and refuses what comes later', async (t) => {
  const store = await createTestStore(t);
  const metering = createTestMetering(store);
  const noted = metering.note(served());
  await metering.close();
  await noted;
  await t.throwsAsync(metering.note(served()), { code: 'UNAVAILABLE' });
  t.is((await totalOf(metering, 'alice')).responses, 1);
});

test('a disk that stays full does not keep the daemon from going down', async (t) => {
  const store = await createTestStore(t);
  const unlucky = new UnluckyStore(
    store,
    Array.from({ length: 1_000 }, () => 'full' as const),
  );
  const metering = createTestMetering(unlucky, { limits: { pendingEntries: 1, groupEntries: 1, retryMs: 60_000, maxRetryMs: 60_000 } });
  const notes = ['a', 'b', 'c'].map((contentKey) => metering.note(served({ contentKey })));
  const settled = Promise.allSettled(notes);
  await sleep(1);
  await metering.close();
  t.deepEqual(
    (await settled).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
});

test('in a hurry, what the disk has no room for is given up, and what comes later is still taken', async (t) => {
  const store = await createTestStore(t);
  const unlucky = new UnluckyStore(store, ['full', 'full']);
  const metering = createTestMetering(unlucky, { limits: { retryMs: 60_000, maxRetryMs: 60_000 } });
  const refused = t.throwsAsync(metering.note(served()), { code: 'STORAGE_FULL' });
  await poll('it was tried once', 10_000, () => unlucky.commits === 1);
  metering.hurry();
  await refused;
  await metering.note(served());
  t.is((await totalOf(metering, 'alice')).responses, 1);
});

test('no more notes wait for a full disk than may', async (t) => {
  const store = await createTestStore(t);
  const metering = createTestMetering(new UnluckyStore(store, ['full']), { limits: { openNotes: 2 } });
  const notes = [metering.note(served()), metering.note(served())];
  await t.throwsAsync(metering.note(served()), { code: 'UNAVAILABLE' });
  await Promise.all(notes);
  await metering.note(served());
  t.is((await totalOf(metering, 'alice')).responses, 3);
});

test('a day whose contents do not add up to it is found and named', async (t) => {
  const store = await createTestStore(t);
  const clock = new StepClock(Date.parse('2026-06-01T12:00:00Z'));
  const metering = createTestMetering(store, { clock });
  await metering.note(served());
  clock.tick(DAY_MS);
  await metering.note(served());
  await store.commit({
    ops: [{ put: usageKeys.content('alice', '2026-06-02', 'slipped-in'), value: { ...NOTHING_SERVED, coldBytes: 1 } }],
  });
  const { problems } = await verifyStore(store);
  t.deepEqual(
    problems.map((problem) => /alice 2026-06-\d\d: [^,]*/.exec(problem)?.[0]),
    ['alice 2026-06-02: 100 hot', 'alice 2026-06-02: 100 hot'],
  );
});

test('days are those of UTC, and only those that there are', (t) => {
  t.is(dayOfMs(-5), '1970-01-01');
  t.is(dayOfMs(8.64e15), '9999-12-31');
  t.is(dayAfter('2024-02-28', 1), '2024-02-29');
  t.is(dayAfter('2026-01-01', -1), '2025-12-31');
  t.true(isUtcDay('2024-02-29'));
  for (const text of ['2023-02-29', '2026-13-01', '2026-1-1', '1969-12-31', 'today', '2026-01-01T00:00:00Z']) t.false(isUtcDay(text), text);
});

test('what cannot be counted is refused', async (t) => {
  const metering = createTestMetering(await createTestStore(t));
  for (const change of [
    { bytes: -1 },
    { bytes: 0.5 },
    { responses: Number.NaN },
    { contentKey: 'a/b' },
    { accountId: '' },
    { contentKey: '~' },
  ]) {
    await t.throwsAsync(metering.note(served(change)), { instanceOf: TypeError });
  }
});
