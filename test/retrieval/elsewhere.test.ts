import test, { type ExecutionContext } from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { type Elsewhere, RetrievalError } from '../../daemon/domain/retrieval-ports.ts';
import {
  type Conduct,
  carOf,
  createTestDag,
  createTestRetrieval,
  ScriptedSource,
  type TestDag,
  type TestRetrieval,
} from '../fixtures/create-retrieval.ts';
import { poll } from '../fixtures/poll.ts';

const WAIT_MS = 10_000;
const HASTY = { dagBytes: 2 ** 30, dagBlocks: 10_000, networkFirstMs: 0, hedgeMs: 20, stallMs: 60_000, unpinWaitMs: 0 };

function sourceOf(dag: TestDag, name: string, conduct: Conduct): ScriptedSource {
  return new ScriptedSource(name, carOf(dag.root, dag.blocks), conduct);
}

/** A router that knows these. */
function routerOf(...parties: readonly ScriptedSource[]): Elsewhere & { asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  return {
    router: 'router.example.org',
    asked,
    async find(_root, except) {
      asked.push(except);
      return parties.map((party) => ({ name: party.provider, open: (signal) => party.open(signal) }));
    },
  };
}

async function isWholeAndHot(t: ExecutionContext, dag: TestDag, own: TestRetrieval): Promise<void> {
  const reading = own.retrieval.read(own.content.key, 'whole');
  await poll('the retrieval is over', WAIT_MS, () => own.retrieval.running() === 0);
  reading.release();
  for (const { cid, bytes } of dag.blocks) t.deepEqual(Buffer.from(own.intake.here.get(cid.toString()) ?? []), Buffer.from(bytes));
  t.deepEqual(own.steps, ['begin', 'pin', 'end', 'hot again']);
}

test('when no provider gives it, somebody else whom a router knows does; it is nobodys deal', async (t) => {
  const dag = await createTestDag();
  const elsewhere = routerOf(sourceOf(dag, 'liar', { kind: 'flips a bit', atByte: 900 }), sourceOf(dag, 'stranger', { kind: 'gives' }));
  const sources = ['f01', 'f02'].map((name) => sourceOf(dag, name, { kind: 'refuses' }));
  const own = createTestRetrieval(dag, sources, { elsewhere });
  await isWholeAndHot(t, dag, own);
  t.deepEqual(elsewhere.asked, [['f01', 'f02']]);
  t.deepEqual(
    own.kept.map(({ source, elsewhere: name, result }) => [source?.dealId, name, result]),
    [
      ['deal-f01', undefined, 'refused'],
      ['deal-f02', undefined, 'refused'],
      [undefined, 'liar', 'wrong_bytes'],
      [undefined, 'stranger', 'done'],
    ],
  );
});

test('providers that are silent keep nobody else from giving it', async (t) => {
  const dag = await createTestDag();
  const elsewhere = routerOf(sourceOf(dag, 'silent, too', { kind: 'never opens' }), sourceOf(dag, 'stranger', { kind: 'gives' }));
  const sources = ['f01', 'f02', 'f03', 'f04'].map((name) => sourceOf(dag, name, { kind: 'never opens' }));
  const own = createTestRetrieval(dag, sources, { elsewhere, limits: HASTY });
  await isWholeAndHot(t, dag, own);
  t.is(own.kept.find(({ result }) => result === 'done')?.elsewhere, 'stranger');
  t.is(sources[3]?.opened, 0, 'no more providers at once than before');
});

test('nobody else is looked for while a provider gives it', async (t) => {
  const dag = await createTestDag();
  const elsewhere = routerOf(sourceOf(dag, 'stranger', { kind: 'gives' }));
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'gives' })], { elsewhere });
  await isWholeAndHot(t, dag, own);
  t.deepEqual(elsewhere.asked, []);
});

test('a content of which every copy is lost is looked for, one that is on its way here is not', async (t) => {
  const dag = await createTestDag();
  const elsewhere = routerOf(sourceOf(dag, 'stranger', { kind: 'gives' }));
  const lost = createTestRetrieval(dag, [], { elsewhere });
  await isWholeAndHot(t, dag, lost);
  const coming = createTestRetrieval(dag, [], { elsewhere });
  coming.content.hot = 'wanted';
  const { failed } = coming.retrieval.read(coming.content.key, 'whole');
  await t.throwsAsync(failed, { instanceOf: RetrievalError, message: /no provider has it/ });
  t.is(elsewhere.asked.length, 1);
});

test('a router that does not answer, or knows nobody, is one more that was asked in vain', async (t) => {
  const dag = await createTestDag();
  const down = { ...routerOf(), find: () => Promise.reject(new ColdError('unreachable', 'no answer from router.example.org')) };
  for (const [elsewhere, result, text] of [
    [down, 'unreachable', /router\.example\.org: no answer/],
    [routerOf(), 'refused', /router\.example\.org: it names nobody else/],
  ] as const) {
    const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'refuses' })], { elsewhere });
    const { failed } = own.retrieval.read(own.content.key, 'whole');
    await t.throwsAsync(failed, { instanceOf: RetrievalError, message: text });
    t.is(own.kept.at(-1)?.result, result);
    t.is(own.kept.at(-1)?.elsewhere, 'router.example.org');
  }
});

test('a stranger that gives little by little is not waited for', async (t) => {
  const dag = await createTestDag(3, 4, 2_000);
  const dripping = sourceOf(dag, 'dripping', { kind: 'breaks off', afterBytes: 300 });
  const elsewhere = routerOf(dripping, sourceOf(dag, 'stranger', { kind: 'gives' }));
  const own = createTestRetrieval(dag, [sourceOf(dag, 'f01', { kind: 'refuses' })], { elsewhere });
  await isWholeAndHot(t, dag, own);
  t.is(own.kept.at(-1)?.elsewhere, 'stranger');
});
