import { fc, testProp } from '@fast-check/ava';

import type { Metering } from '../../daemon/accounts/metering.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { ServedBytes } from '../../daemon/domain/retrieval-ports.ts';
import { addServed, NOTHING_SERVED, type ServedSums, servedBy } from '../../daemon/domain/usage.ts';
import { verifyStore } from '../../daemon/store/verify.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { ALWAYS, createTestMetering, type Mishap, totalOf, UnluckyStore } from '../fixtures/create-metering.ts';
import { StepClock } from '../fixtures/create-pin-store.ts';
import { Dead, MortalStore } from '../store/mortal-store.ts';

const DAY_MS = 86_400_000;
const ACCOUNTS = ['alice', 'bob', 'public'];

const served: fc.Arbitrary<ServedBytes> = fc.record({
  accountId: fc.constantFrom(...ACCOUNTS),
  contentKey: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  source: fc.constantFrom('hot' as const, 'network' as const, 'cold' as const),
  bytes: fc.nat(64),
  responses: fc.nat(1),
});

/** One process: what happens to its commits, when it dies, and what its callers note, by turns. */
interface Life {
  mishaps: Mishap[];
  death: { commits: number; when: 'before' | 'after' };
  turns: { days: number; notes: ServedBytes[] }[];
}

const life: fc.Arbitrary<Life> = fc.record({
  mishaps: fc.array(fc.constantFrom<Mishap>('none', 'none', 'full', 'unavailable', 'outrun', 'unheard'), { maxLength: 8 }),
  death: fc.record({ commits: fc.integer({ min: 1, max: 12 }), when: fc.constantFrom('before' as const, 'after' as const) }),
  turns: fc.array(fc.record({ days: fc.constantFrom(0, 0, 1, 365, -365), notes: fc.array(served, { minLength: 1, maxLength: 12 }) }), {
    minLength: 1,
    maxLength: 6,
  }),
});

/** What callers know of one account. */
interface Known {
  acknowledged: ServedSums;
  handedIn: ServedSums;
}

testProp(
  'whatever dies and fails, there is what was acknowledged, and never more than was handed in',
  [fc.array(life, { minLength: 1, maxLength: 3 })],
  async (t, lives) => {
    const store = new MemoryStore({ countedTypes: [] });
    const clock = new StepClock(Date.parse('2026-06-01T12:00:00Z'));
    const known = new Map(ACCOUNTS.map((id): [string, Known] => [id, { acknowledged: NOTHING_SERVED, handedIn: NOTHING_SERVED }]));
    for (const { mishaps, death, turns } of lives) {
      const mortal = new MortalStore(new UnluckyStore(store, mishaps), death);
      const metering = createTestMetering(mortal, {
        clock,
        limits: { pendingEntries: 4, groupEntries: 3, contentsPerDay: 3, keptDays: 2 },
      });
      for (const { days, notes } of turns) {
        clock.tick(days * DAY_MS);
        await Promise.all(notes.map((note) => noteAndRemember(metering, note, known)));
      }
      await metering.close();
      await assertInBetween(t, createTestMetering(store, { clock }), known);
      const { problems } = await verifyStore(store);
      t.deepEqual(
        problems.filter((problem) => !problem.includes('journal')),
        [],
      );
    }
  },
  { numRuns: 150 },
);

async function noteAndRemember(metering: Metering, note: ServedBytes, known: ReadonlyMap<string, Known>): Promise<void> {
  const account = known.get(note.accountId);
  if (account === undefined) throw new Error('nobody knows this account');
  account.handedIn = addServed(account.handedIn, servedBy(note));
  try {
    await metering.note(note);
    account.acknowledged = addServed(account.acknowledged, servedBy(note));
  } catch (error) {
    if (!(error instanceof Dead) && !isFbpdError(error, 'STORE_IO')) throw error;
  }
}

async function assertInBetween(
  t: { true(value: boolean, message: string): unknown },
  metering: Metering,
  known: ReadonlyMap<string, Known>,
): Promise<void> {
  for (const [accountId, { acknowledged, handedIn }] of known) {
    const found = await totalOf(metering, accountId);
    for (const key of ['hotBytes', 'networkBytes', 'coldBytes', 'responses'] as const) {
      const isRight = acknowledged[key] <= found[key] && found[key] <= handedIn[key];
      t.true(isRight, `${accountId} ${key}: ${found[key]} of ${acknowledged[key]} to ${handedIn[key]}`);
    }
    const { contents } = await metering.contents(accountId, ALWAYS, 100);
    const byContent = contents.reduce((sum, { served: { responses } }) => sum + responses, 0);
    t.true(byContent <= found.responses, 'contents are a part of the sums');
  }
}
