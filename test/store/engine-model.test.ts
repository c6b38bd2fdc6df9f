import { testProp } from '@fast-check/ava';
import fc from 'fast-check';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import type { Commit, Op, Range } from '../../daemon/domain/ports.ts';
import type { LevelStore } from '../../daemon/store/level-store.ts';
import { createTestDir, createTestStore } from '../fixtures/create-store.ts';

/** The store as a Map: what every commit must do, one after the other. */
class Model {
  readonly records = new Map<string, { value: object; version: number }>();
  sequence = 0;

  /** The sequence number, or undefined for a conflict. */
  commit({ expect, ops }: Commit): number | undefined {
    for (const [key, version] of Object.entries(expect ?? {})) {
      if ((this.records.get(key)?.version ?? null) !== version) return undefined;
    }
    this.sequence += 1;
    for (const op of ops) {
      if ('put' in op) this.records.set(op.put, { value: op.value, version: this.sequence });
      else this.records.delete(op.del);
    }
    return this.sequence;
  }

  /** Keys as LevelDB orders them: by their bytes. */
  keys(range: Range): string[] {
    const bytes = (key: string) => Buffer.from(key);
    const within = [...this.records.keys()].filter(
      (key) =>
        (range.gt === undefined || Buffer.compare(bytes(key), bytes(range.gt)) > 0) &&
        (range.gte === undefined || Buffer.compare(bytes(key), bytes(range.gte)) >= 0) &&
        (range.lt === undefined || Buffer.compare(bytes(key), bytes(range.lt)) < 0) &&
        (range.lte === undefined || Buffer.compare(bytes(key), bytes(range.lte)) <= 0),
    );
    const ordered = within.sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
    return (range.reverse ? ordered.reverse() : ordered).slice(0, range.limit);
  }

  counts(): Record<string, number> {
    const count = (type: string) => [...this.records.keys()].filter((key) => key.split('/')[0] === type).length;
    return { p: count('p'), c: count('c') };
  }
}

const key = fc.constantFrom('p/1', 'p/2', 'p/é', 'c/1', 'c/🦜', 'c/\uFFFD', 'o/1', 'o/2', 'o');
const value = fc.oneof(fc.dictionary(fc.string(), fc.integer()), fc.uint8Array({ maxLength: 40 }));
const op: fc.Arbitrary<Op> = fc.oneof(fc.record({ put: key, value }), fc.record({ del: key }));
const ops = fc.array(op, { maxLength: 5 });

/** What a step expects: what the model holds when the step is made, or something else. */
const step = fc.record({ ops, alsoExpect: fc.array(key, { maxLength: 2 }), stale: fc.boolean(), sync: fc.boolean() });
/** Steps of one burst are handed in at once; between bursts the store may be opened anew. */
const burst = fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 12 }), reopen: fc.boolean() });
const range: fc.Arbitrary<Range> = fc.record(
  { gt: key, gte: key, lt: key, lte: key, reverse: fc.boolean(), limit: fc.nat(6) },
  { requiredKeys: [] },
);

testProp(
  'commits, in bursts and across restarts, do what the same commits do to a Map one by one',
  [fc.array(burst, { maxLength: 6 }), fc.array(range, { minLength: 3, maxLength: 6 })],
  async (t, bursts, ranges) => {
    const dir = await createTestDir(t);
    const model = new Model();
    let store = await createTestStore(t, { dir, journalSlots: 4, limits: { groupOps: 8 } });
    for (const { steps, reopen } of bursts) {
      const outcomes = steps.map((made) => {
        const commit = commitOf(made, model);
        return { expected: model.commit(commit), real: outcomeOf(store, commit) };
      });
      for (const { expected, real } of outcomes) t.is(await real, expected);
      if (reopen) {
        await store.close();
        store = await createTestStore(t, { dir, journalSlots: 4, limits: { groupOps: 8 } });
      }
      await sameAs(store, model, ranges, t);
    }
    await sameAs(store, model, ranges, t);
    await store.close();
  },
  { numRuns: 30 },
);

/** Expects what is true, for every counted key and a few others; when `stale`, one expectation is wrong. */
function commitOf(
  { ops, alsoExpect, stale, sync }: { ops: Op[]; alsoExpect: string[]; stale: boolean; sync: boolean },
  model: Model,
): Commit {
  const keys = [...ops.map((op) => ('put' in op ? op.put : op.del)), ...alsoExpect];
  const expect = Object.fromEntries(keys.map((key) => [key, model.records.get(key)?.version ?? null]));
  const [first] = keys;
  if (stale && first !== undefined) expect[first] = expect[first] === null ? 1 : null;
  return { expect, ops, sync };
}

async function outcomeOf(store: LevelStore, commit: Commit): Promise<number | undefined> {
  try {
    return await store.commit(commit);
  } catch (error) {
    if (isFbpdError(error, 'CONFLICT')) return undefined;
    throw error;
  }
}

async function sameAs(store: LevelStore, model: Model, ranges: Range[], t: { deepEqual(a: unknown, b: unknown): unknown }): Promise<void> {
  t.deepEqual(store.counts(), model.counts());
  for (const range of [{}, ...ranges]) {
    const found: [string, unknown, number][] = [];
    for await (const [key, { value, version }] of store.range(range)) found.push([key, plain(value), version]);
    const expected = model.keys(range).map((key) => {
      const record = model.records.get(key);
      return [key, plain(record?.value), record?.version];
    });
    t.deepEqual(found, expected);
    const keys: string[] = [];
    for await (const key of store.keys(range)) keys.push(key);
    t.deepEqual(keys, model.keys(range));
  }
}

/** Buffers and Uint8Arrays of one content are one value; so is JSON whatever its prototype. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : JSON.stringify(value);
}
