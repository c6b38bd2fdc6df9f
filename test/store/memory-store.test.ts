import { testProp } from '@fast-check/ava';
import fc from 'fast-check';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Commit, Op, Range, Store } from '../../daemon/domain/ports.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite('in memory', async (_, options) => new MemoryStore({ countedTypes: ['p', 'c'], ...options }));

const numbered = fc.nat(700).map((number) => `k/${number}`);
const key = fc.oneof(fc.constantFrom('p/1', 'p/é', 'c/🦜', 'c/\uFFFD', 'k'), numbered);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ put: key, value: fc.record({ number: fc.nat() }) }) },
  { weight: 1, arbitrary: fc.record({ del: key }) },
);
const commit: fc.Arbitrary<Commit> = fc
  .record({ ops: fc.array(op, { maxLength: 150 }), guess: fc.constantFrom(null, null, 1, 2) })
  .map(({ ops, guess }) => {
    const counted = ops.map((made) => ('put' in made ? made.put : made.del)).filter((made) => /^[pc]\//.test(made));
    return { ops, expect: Object.fromEntries(counted.map((made) => [made, guess])) };
  });
const range: fc.Arbitrary<Range> = fc.record(
  { gt: key, gte: key, lt: key, lte: key, reverse: fc.boolean(), limit: fc.nat(300) },
  { requiredKeys: [] },
);

testProp(
  'the store in memory answers as LevelDB does',
  [fc.array(commit, { minLength: 1, maxLength: 12 }), fc.array(range, { minLength: 5, maxLength: 20 })],
  async (t, commits, ranges) => {
    const real = await createTestStore(t);
    const memory = new MemoryStore({ countedTypes: ['p', 'c'] });
    for (const made of commits) t.deepEqual(await outcomeOf(memory, made), await outcomeOf(real, made));
    for (const made of [{}, ...ranges]) {
      t.deepEqual(await collect(memory.range(made)), await collect(real.range(made)));
      t.deepEqual(await collect(memory.keys(made)), await collect(real.keys(made)));
    }
    t.deepEqual(memory.counts(), real.counts());
    await real.close();
  },
  { numRuns: 15 },
);

async function outcomeOf(store: Store, made: Commit): Promise<number | string> {
  try {
    return await store.commit(made);
  } catch (error) {
    if (isFbpdError(error, 'CONFLICT')) return error.message;
    throw error;
  }
}
