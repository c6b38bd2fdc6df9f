import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { CID } from 'multiformats/cid';

import type { BlockIndex, BlockIndexing } from '../../daemon/domain/block-index-port.ts';
import { contentKeyOf } from '../../daemon/domain/cid.ts';
import type { Store } from '../../daemon/domain/ports.ts';
import { createLog } from '../../daemon/log.ts';
import { openBlockIndex } from '../../daemon/store/block-index.ts';
import { IndexRecords } from '../../daemon/store/blocks/verify-index.ts';
import { collect } from '../../daemon/store/pins/collect.ts';
import { MemoryStore } from '../fixtures/create-memory-store.ts';
import { createTestStore } from '../fixtures/create-store.ts';
import { blockOf, indexKeysIn } from './index-model.ts';
import { MortalStore } from './mortal-store.ts';

const CONTENTS = 3;
const BLOCKS = 24;
const never = new AbortController().signal;
const log = createLog('silent');

type Step =
  | { kind: 'begin' | 'finish' | 'stop' | 'drop'; content: number }
  | { kind: 'add'; content: number; blocks: readonly number[] }
  | { kind: 'sweep' }
  | { kind: 'crash'; commits: number; when: 'before' | 'after' };

const content = fc.nat(CONTENTS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('begin' as const), content }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('add' as const), content, blocks: fc.array(fc.nat(BLOCKS - 1), { maxLength: 12 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), content }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), content }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), content }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      commits: fc.integer({ min: 1, max: 6 }),
      when: fc.constantFrom('before', 'after'),
    }),
  },
);

type Check = Pick<ExecutionContext, 'is' | 'deepEqual'>;

interface RawStore extends Store {
  rawBatches(range: object): AsyncIterable<[key: string, record: Buffer][]>;
}

/** What is known of one content: the blocks that a walk may have written, and whether one of them came to its end. */
interface Model {
  /** Added since it was last dropped: the most that can be there. */
  added: Set<number>;
  /** Added to a walk that ended, and so the least: a whole index stays as it is. */
  whole: Set<number> | undefined;
}

/** Runs the steps on the index and on a plain map beside it, and compares the two wherever nothing is being written. */
class Run {
  readonly #t: Check;
  readonly #store: RawStore;
  readonly #roots: readonly CID[];
  readonly #blocks: readonly CID[];
  readonly #models: Model[];
  readonly #walks = new Map<number, { walk: BlockIndexing; added: Set<number> }>();
  #mortal: MortalStore;
  #index: BlockIndex;

  private constructor(t: Check, store: RawStore, roots: readonly CID[], blocks: readonly CID[], opened: [MortalStore, BlockIndex]) {
    this.#t = t;
    this.#store = store;
    this.#roots = roots;
    this.#blocks = blocks;
    this.#models = roots.map(() => ({ added: new Set(), whole: undefined }));
    [this.#mortal, this.#index] = opened;
  }

  static async begin(t: Check, store: RawStore): Promise<Run> {
    const cids = await Promise.all(Array.from({ length: CONTENTS + BLOCKS }, (_, number) => blockOf(number)));
    return new Run(t, store, cids.slice(0, CONTENTS), cids.slice(CONTENTS), await open(store));
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'crash') await this.#reopen({ commits: step.commits, when: step.when });
    else {
      try {
        await this.#take(step);
      } catch (error) {
        if (!this.#mortal.isDead) throw error;
      }
      if (this.#mortal.isDead) await this.#reopen();
    }
    await this.#compare();
  }

  async #take(step: Exclude<Step, { kind: 'crash' }>): Promise<void> {
    if (step.kind === 'sweep') {
      await this.#index.sweep(never);
      return;
    }
    const key = contentKeyOf(this.#root(step.content));
    const model = this.#model(step.content);
    const open = this.#walks.get(step.content);
    if (step.kind === 'drop') {
      await this.#index.drop(key);
      // A walk that has not written yet may do it after the drop.
      this.#models[step.content] = { added: new Set(open?.added), whole: undefined };
    }
    if (step.kind === 'begin') {
      await open?.walk.stop();
      this.#walks.set(step.content, { walk: this.#index.begin(key), added: new Set() });
    }
    if (step.kind === 'add' && open !== undefined) {
      for (const number of step.blocks) {
        open.added.add(number);
        if (model.whole === undefined) model.added.add(number);
        await open.walk.add(this.#blocks[number] as CID);
      }
    }
    if (step.kind === 'stop' || step.kind === 'finish') this.#walks.delete(step.content);
    if (step.kind === 'stop') await open?.walk.stop();
    if (step.kind === 'finish' && open !== undefined) {
      const finished = await open.walk.finish();
      if (finished && open.added.size > 0) model.whole ??= open.added;
    }
  }

  /** The process dies, now or at a later commit, and another one opens the store. */
  async #reopen(death?: { commits: number; when: 'before' | 'after' }): Promise<void> {
    for (const { walk } of this.#walks.values()) await walk.stop();
    this.#walks.clear();
    [this.#mortal, this.#index] = await open(this.#store, death);
  }

  async #compare(): Promise<void> {
    for (const number of this.#blocks.keys()) {
      const found = new Set(await collect((await open(this.#store))[1].contentsOf(this.#blocks[number] as CID, 100)));
      for (const [at, { added, whole }] of this.#models.entries()) {
        const has = found.has(contentKeyOf(this.#root(at)));
        if (whole?.has(number)) this.#t.is(has, true, `block ${number} of ${at}`);
        if (!added.has(number)) this.#t.is(has, false, `block ${number} is none of ${at}`);
      }
    }
    await this.#check();
  }

  async #check(): Promise<void> {
    const records = new IndexRecords();
    const tell = async () => {
      for await (const batch of this.#store.rawBatches({ gte: 'i', lt: 'j' })) for (const [key, record] of batch) records.see(key, record);
    };
    await tell();
    if (records.needsNames) {
      records.nameThem();
      await tell();
    }
    this.#t.deepEqual(records.problems(), []);
  }

  /** With every content dropped and swept nothing is left. */
  async end(): Promise<void> {
    await this.#reopen();
    for (const root of this.#roots) await this.#index.drop(contentKeyOf(root));
    await this.#index.sweep(never);
    this.#t.deepEqual(await indexKeysIn(this.#store), []);
  }

  #root(at: number): CID {
    return this.#roots[at] as CID;
  }

  #model(at: number): Model {
    return this.#models[at] as Model;
  }
}

async function open(store: Store, death?: { commits: number; when: 'before' | 'after' }): Promise<[MortalStore, BlockIndex]> {
  const settled = await openBlockIndex({ store, log });
  await settled.settled();
  const mortal = new MortalStore(store, death);
  return [mortal, await openBlockIndex({ store: mortal, log, partEntries: 3 })];
}

async function runAll(t: Check, store: RawStore, steps: readonly Step[]): Promise<void> {
  const run = await Run.begin(t, store);
  for (const next of steps) await run.take(next);
  await run.end();
}

test('whatever comes in whatever order, a block leads to the contents whose blocks were added, and to no others', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), (steps) => runAll(t, new MemoryStore({ countedTypes: [] }), steps)),
    { numRuns: 150 },
  );
});

test('the same on a real LevelDB', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) =>
      runAll(t, await createTestStore(t, { countedTypes: [] }), steps),
    ),
    { numRuns: 5 },
  );
});
