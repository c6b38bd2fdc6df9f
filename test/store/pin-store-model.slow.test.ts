import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';

import { NAME_MATCHES, PIN_STATUSES, type PinQuery } from '../../daemon/domain/pin.ts';
import type { FetchOutcome } from '../../daemon/domain/ports.ts';
import { createTestPinStore, StepClock, type TestPinStore } from '../fixtures/create-pin-store.ts';
import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { checkPinInvariants } from './pin-invariants.ts';
import { type ModelPin, PinModel } from './pin-model.ts';

const ACCOUNTS = ['alice', 'bob'];
/** Few, so that they are met in every state. */
const CONTENTS = [0, 1].map(createContentKey);
const START_MS = 1_700_000_000_000;
const REASON = { code: 'stalled', text: 'no block for a while' };
const OUTCOMES: FetchOutcome[] = [
  { kind: 'pinned', sizeBytes: 5, blocks: 1 },
  { kind: 'pinned', sizeBytes: 5, blocks: 1 },
  { kind: 'failed', reason: REASON },
  { kind: 'later', notBeforeMs: START_MS, reason: REASON },
];

const account = fc.constantFrom(...ACCOUNTS);
const contentKey = fc.constantFrom(...CONTENTS);
/** Picks one of the pins there are. */
const pick = fc.nat(30);
const fields = fc.record(
  { name: fc.constantFrom('a.txt', 'A.TXT', 'b'), meta: fc.constantFrom({ app: 'x' }, { app: 'y', tag: '1' }) },
  { requiredKeys: [] },
);

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), account, contentKey, fields }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replace' as const), pick, contentKey, fields }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('begin' as const), contentKey, owner: fc.constantFrom('ours' as const, 'foreign' as const) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end' as const), contentKey, outcome: fc.constantFrom(...OUTCOMES) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('released' as const), contentKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('vanish' as const), contentKey }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('evict' as const), contentKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('vanishToCold' as const), contentKey }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('beginWarm' as const), contentKey }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('endWarm' as const), contentKey, isPinned: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), contentKey }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('block' as const), contentKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unblock' as const), contentKey }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeAll' as const), account }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('recover' as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const query: fc.Arbitrary<PinQuery> = fc
  .record(
    {
      statuses: fc.subarray([...PIN_STATUSES], { minLength: 1 }),
      contentKeys: fc.subarray(CONTENTS, { minLength: 1 }),
      name: fc.constantFrom('a.txt', 'A', 'b', ''),
      meta: fc.constantFrom({ app: 'x' }, { app: 'y', tag: '1' }, { tag: '2' }),
      beforeMs: fc.nat(60).map((ms) => START_MS + ms),
      afterMs: fc.nat(60).map((ms) => START_MS + ms),
    },
    { requiredKeys: [] },
  )
  .chain((filters) =>
    fc.record({ match: fc.constantFrom(...NAME_MATCHES), limit: fc.integer({ min: 1, max: 20 }) }).map((rest) => ({ ...filters, ...rest })),
  );

test('whatever happens, the store answers as plain arrays would, and agrees with itself', async (t) => {
  t.timeout(300_000);
  const step = fc.record({ action, query, account, tickMs: fc.nat(2) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }), async (steps) => {
      const own = await createTestPinStore(t, new StepClock(START_MS));
      const model = new PinModel();
      for (const { action: next, query: filters, account: asked, tickMs } of steps) {
        own.clock.tick(tickMs);
        await act(t, own, model, next);
        await agree(t, own, model, asked, filters);
      }
      await own.store.close();
    }),
    // A counterexample is made smaller, but not for ever.
    { numRuns: 40, interruptAfterTimeLimit: 120_000 },
  );
  t.pass();
});

async function act(t: ExecutionContext, own: TestPinStore, model: PinModel, next: Action): Promise<void> {
  const { pins } = own;
  const picked = 'pick' in next ? model.pins[next.pick % Math.max(1, model.pins.length)] : undefined;
  switch (next.do) {
    case 'add':
      return add(t, own, model, next.account, createPinRequest(0, { contentKey: next.contentKey, ...next.fields }));
    case 'remove':
      if (picked === undefined) return;
      await pins.remove(picked.accountId, picked.requestId);
      return model.remove(picked.requestId);
    case 'replace':
      if (picked === undefined) return;
      return add(t, own, model, picked.accountId, createPinRequest(0, { contentKey: next.contentKey, ...next.fields }), picked);
    case 'begin':
      t.is(await pins.beginFetch(next.contentKey, next.owner), model.begin(next.contentKey, next.owner));
      return;
    case 'end':
      t.is(await pins.endFetch(next.contentKey, next.outcome), model.end(next.contentKey, next.outcome));
      return;
    case 'released':
      await pins.released(next.contentKey);
      return model.released(next.contentKey);
    case 'vanish':
      t.is(await pins.vanished(next.contentKey), model.vanished(next.contentKey));
      return;
    case 'evict':
      t.is(await pins.evict(next.contentKey, 'room is needed'), model.evict(next.contentKey));
      return;
    case 'vanishToCold':
      t.is(await pins.vanishedToCold(next.contentKey), model.vanishedToCold(next.contentKey));
      return;
    case 'beginWarm':
      t.is(await pins.beginWarm(next.contentKey), model.beginWarm(next.contentKey));
      return;
    case 'endWarm': {
      const facts = next.isPinned ? { sizeBytes: 5, blocks: 1 } : undefined;
      t.is(await pins.endWarm(next.contentKey, facts), model.endWarm(next.contentKey, next.isPinned));
      return;
    }
    case 'lose':
      t.is(await pins.lose(next.contentKey, REASON), model.lose(next.contentKey));
      return;
    case 'retry':
      return retry(t, own, model, picked);
    case 'block':
      await pins.block(next.contentKey, 'note');
      return model.block(next.contentKey);
    case 'unblock':
      await pins.unblock(next.contentKey);
      model.blocked.delete(next.contentKey);
      return;
    case 'removeAll': {
      const ids = model.pins.filter((pin) => pin.accountId === next.account).map((pin) => pin.requestId);
      t.is(await pins.removeAll(next.account), ids.length);
      for (const id of ids) model.remove(id);
      return;
    }
    case 'reopen':
      own.pins = await own.reopen();
      return;
    case 'recover':
      t.deepEqual((await pins.recoverFetches()).sort(), model.recover().sort());
  }
}

async function add(
  t: ExecutionContext,
  { pins }: TestPinStore,
  model: PinModel,
  accountId: string,
  request: ReturnType<typeof createPinRequest>,
  old?: ModelPin,
): Promise<void> {
  const adding = old === undefined ? pins.add(accountId, request) : pins.replace(accountId, old.requestId, request);
  if (model.blocked.has(request.contentKey)) {
    await t.throwsAsync(adding, { code: 'CID_BLOCKED' });
    return;
  }
  const { requestId, createdMs, contentKey: key, name, meta, status } = await adding;
  model.add({ requestId, accountId, createdMs, contentKey: key, ...(name && { name }), ...(meta && { meta }) });
  if (old !== undefined) model.remove(old.requestId);
  t.is(status, model.statusOf(key));
}

async function retry(t: ExecutionContext, { pins }: TestPinStore, model: PinModel, picked: ModelPin | undefined): Promise<void> {
  const pin = picked && (await pins.find(picked.requestId));
  if (pin === undefined) return;
  if (model.blocked.has(pin.contentKey)) {
    await t.throwsAsync(pins.retry(pin), { code: 'CID_BLOCKED' });
    return;
  }
  model.retry(pin.contentKey);
  t.is((await pins.retry(pin)).status, model.statusOf(pin.contentKey));
}

async function agree(
  t: ExecutionContext,
  { pins, store }: TestPinStore,
  model: PinModel,
  accountId: string,
  filters: PinQuery,
): Promise<void> {
  await checkPinInvariants(t, store, pins);
  const expected = model.matching(accountId, filters);
  const page = await pins.list(accountId, filters);
  t.is(page.count, expected.length);
  t.deepEqual(
    page.pins.map(({ requestId, createdMs, status, name, meta }) => ({ requestId, createdMs, status, name, meta })),
    expected.slice(0, filters.limit).map(({ requestId, createdMs, status, name, meta }) => ({ requestId, createdMs, status, name, meta })),
  );
  for (const status of PIN_STATUSES)
    t.is(pins.totals()[status], model.pins.filter((pin) => model.statusOf(pin.contentKey) === status).length);
  t.deepEqual(
    (await pins.releasing(100)).map(({ key }) => key).sort(),
    CONTENTS.filter((key) => model.contents.get(key)?.unpinning).sort(),
  );
  for (const key of CONTENTS) t.is((await pins.content(key)) !== undefined, model.contents.has(key), `there is a record of ${key}`);
  const { next } = await pins.nextQueued(accountId, () => false);
  const waiting = model.pins.some((pin) => pin.accountId === accountId && model.isQueued(pin.contentKey));
  t.is(next !== undefined, waiting);
}
