import { once } from 'node:events';

import test from 'ava';

import type { DrilledCopy, DrillReport, Scratch } from '../../daemon/domain/drill.ts';
import { FbpdError } from '../../daemon/domain/errors.ts';
import type { SourceOutcome } from '../../daemon/domain/retrieval-ports.ts';
import { RetrievalDesk } from '../../daemon/reconcilers/cold/retrieval-desk.ts';
import { DrillReconciler } from '../../daemon/reconcilers/drill.ts';
import { TestCold } from '../fixtures/create-cold-reconcilers.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const MIB = 2 ** 20;
const NEVER = new AbortController().signal;

type Answer = Pick<SourceOutcome, 'result' | 'text'> | Error | 'hangs';

/** What providers give, in the hands of the test. */
class TestScratch implements Scratch {
  readonly asked: string[] = [];
  readonly answers = new Map<string, Answer>();
  cleared = 0;
  atOnce = 0;
  mostAtOnce = 0;

  async fetch(
    { deal, piece }: Parameters<Scratch['fetch']>[0],
    { contentKey, sizeBytes }: { contentKey: string; sizeBytes: number },
    signal: AbortSignal,
  ) {
    this.asked.push(`${deal.provider} ${contentKey}`);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    const answer = this.answers.get(deal.provider) ?? { result: 'done', text: 'it gave what was missing' };
    try {
      await new Promise(setImmediate);
      if (answer instanceof Error) throw answer;
      const source = { provider: deal.provider, dealId: deal.id, pieceId: piece.id };
      if (answer !== 'hangs') return { source, ...answer, bytes: answer.result === 'done' ? sizeBytes : 0, firstByteMs: 5, tookMs: 10 };
      if (!signal.aborted) await once(signal, 'abort');
      return { source, result: 'superseded' as const, text: 'stopped', bytes: 0, tookMs: 1 };
    } finally {
      this.atOnce -= 1;
    }
  }

  async clear(): Promise<void> {
    this.cleared += 1;
  }
}

/** A drill over pieces of one content each, which every trusted provider that was chosen has. */
async function create(contents = 2, drillBytes = 1_000 * MIB) {
  const cold = await TestCold.create({ policy: { replicas: { min: 3, target: 3 } } });
  for (let number = 1; number <= contents; number += 1) await cold.stored(number);
  const scratch = new TestScratch();
  let kept: DrillReport | undefined;
  let chance = 0;
  const drill = new DrillReconciler({
    ...cold.parts,
    retrievals: new RetrievalDesk(cold.parts),
    scratch,
    reports: {
      async keep(report) {
        kept = report;
      },
      last: async () => kept,
    },
    drillBytes,
    random: () => {
      chance = (chance + 0.37) % 1;
      return chance;
    },
  });
  const keys = Array.from({ length: contents }, (_, index) => createContentKey(index + 1));
  const holders = (await cold.deals((await cold.store.piecesOf(keys[0] ?? ''))[0]?.value.id ?? '')).map(({ provider }) => provider);
  return { cold, scratch, drill, keys, holders };
}

function ends(copies: readonly DrilledCopy[]): string[] {
  return copies.map(({ provider, end, code }) => `${provider} ${end} ${code}`).sort();
}

test('drawn contents are fetched from all who have them, and what comes back is evidence', async (t) => {
  const { cold, scratch, drill, keys } = await create();
  t.like(await drill.pass(NEVER), { due: 6, done: 6, failed: 0, skipped: {} });
  t.is(new Set(scratch.asked).size, 6);
  t.is(scratch.mostAtOnce, 2, 'never more than two at once');
  for (const key of keys) {
    for (const { value: piece } of await cold.store.piecesOf(key)) {
      for (const deal of await cold.deals(piece.id)) t.like(deal.retrievalEvidence, { kind: 'retrieval', tookMs: 10, firstByteMs: 5 });
    }
  }
  t.is(scratch.cleared, 2);
  t.like(await drill.last(), { planned: 6, without: [] });
});

test('about as many bytes are fetched as may be', async (t) => {
  const { drill, scratch } = await create(4, 45 * MIB);
  t.like(await drill.pass(NEVER), { due: 4, done: 4 });
  t.is(scratch.asked.length, 4);
});

test('a failure is the provider’s, is kept with the deal, and costs no other', async (t) => {
  const { cold, scratch, drill, keys, holders } = await create(1);
  const [bad = '', ...good] = holders;
  scratch.answers.set(bad, { result: 'wrong_bytes', text: 'a block does not hash' });
  const { copies } = await drill.run({}, {}, NEVER);
  t.deepEqual(ends(copies), [`${bad} failed wrong_bytes`, ...good.map((provider) => `${provider} ok done`)].sort());
  const [piece] = await cold.store.piecesOf(keys[0] ?? '');
  for (const deal of await cold.deals(piece?.value.id ?? '')) {
    t.is(deal.retrievalFailure?.text, deal.provider === bad ? 'other bytes came back: a block does not hash' : undefined);
    t.is(deal.state, 'active', 'the chain alone says that a deal is lost');
  }
  t.is((await cold.store.provider(bad))?.value.events.at(-1)?.kind, 'retrieval_failed');
});

test('contents that are named are fetched however large, and those that nobody has are told', async (t) => {
  const { drill, scratch, keys } = await create(2, 1);
  const heard: string[] = [];
  const contentKeys = [keys[1] ?? '', createContentKey(99), keys[1] ?? ''];
  const report = await drill.run(
    { contentKeys },
    { onPlanned: (copies) => heard.push(`${copies}`), onCopy: ({ end }) => heard.push(end) },
    NEVER,
  );
  t.deepEqual(heard, ['3', 'ok', 'ok', 'ok']);
  t.deepEqual(report.without, [createContentKey(99)]);
  t.true(scratch.asked.every((asked) => asked.endsWith(keys[1] ?? '')));
});

test('what costs something is not fetched, and that is no failure', async (t) => {
  const { cold, scratch, drill } = await create(1);
  cold.maker.priceAtto = 1n;
  t.like(await drill.pass(NEVER), { due: 3, done: 0, failed: 0, skipped: { paid: 3 } });
  t.deepEqual(scratch.asked, []);
});

test('who offers nothing has failed, and that is kept with the deal', async (t) => {
  const { cold, scratch, drill, keys } = await create(1);
  cold.maker.priceAtto = undefined;
  const { copies } = await drill.run({}, {}, NEVER);
  t.true(ends(copies).every((end) => end.endsWith('failed refused')));
  const [piece] = await cold.store.piecesOf(keys[0] ?? '');
  const [deal] = await cold.deals(piece?.value.id ?? '');
  t.is(deal?.retrievalFailure?.text, 'the bytes were not given back: it does not offer it');
  t.deepEqual(scratch.asked, []);
});

test('who does not answer is not asked again in this drill, and the others are', async (t) => {
  const { scratch, drill, holders } = await create(3);
  const [silent = ''] = holders;
  scratch.answers.set(silent, { result: 'stalled', text: 'nothing came for 60 s' });
  const { copies } = await drill.run({}, {}, NEVER);
  const own = copies.filter(({ provider }) => provider === silent);
  t.is(own.filter(({ code }) => code === 'stalled').length, 1);
  t.is(own.filter(({ code }) => code === 'silent').length, own.length - 1);
  t.true(copies.filter(({ provider }) => provider !== silent).every(({ end }) => end === 'ok'));
});

test('without room nobody is blamed, and nobody else asked', async (t) => {
  const { cold, scratch, drill, keys, holders } = await create(1);
  for (const provider of holders) scratch.answers.set(provider, new FbpdError('STORAGE_FULL', 'drill: there is no room'));
  t.like(await drill.pass(NEVER), { due: 3, failed: 0, skipped: { no_room: 3 } });
  t.true(scratch.asked.length <= 2);
  const [piece] = await cold.store.piecesOf(keys[0] ?? '');
  for (const deal of await cold.deals(piece?.value.id ?? '')) t.is(deal.retrievalFailure, undefined);
});

test('a drill that is stopped ends at once with what there is, and blames nobody', async (t) => {
  const { cold, scratch, drill, keys, holders } = await create(1);
  const [hanging = ''] = holders;
  scratch.answers.set(hanging, 'hangs');
  const stop = new AbortController();
  const running = drill.run({}, {}, stop.signal);
  await t.throwsAsync(drill.run({}, {}, NEVER), { code: 'CONFLICT' });
  t.deepEqual((await drill.pass(NEVER)).skipped, { running: 1 });
  while (!scratch.asked.some((asked) => asked.startsWith(hanging)) || scratch.asked.length < 3) await new Promise(setImmediate);
  stop.abort();
  const { planned, copies } = await running;
  t.is(planned, 3);
  t.true(copies.every(({ provider }) => provider !== hanging));
  const [piece] = await cold.store.piecesOf(keys[0] ?? '');
  for (const deal of await cold.deals(piece?.value.id ?? '')) t.is(deal.retrievalFailure, undefined);
  await drill.stop();
  await t.throwsAsync(drill.run({}, {}, NEVER), { code: 'UNAVAILABLE' });
});

test('while the chain cannot be seen no drill is begun', async (t) => {
  const { cold, drill, scratch } = await create(1);
  cold.chain.failure = 'unreachable';
  const { skipped } = await drill.pass(NEVER);
  t.is(Object.values(skipped)[0], 1);
  await t.throwsAsync(drill.run({}, {}, NEVER), { code: 'UNAVAILABLE' });
  t.deepEqual(scratch.asked, []);
});

test('where there are no cold copies a drill has nothing to do', async (t) => {
  const { drill } = await create(0);
  t.deepEqual(await drill.pass(NEVER), { due: 0, done: 0, failed: 0, skipped: {} });
  t.is(await drill.last(), undefined);
});
