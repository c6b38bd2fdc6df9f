import test from 'ava';

import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { SENT, TestCold } from '../fixtures/create-cold-reconcilers.ts';

const TARGET = 3;
const only = { policy: { replicas: { min: 1, target: 1 } } };

test('a send is counted on disk before it is made', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  const seen: unknown[] = [];
  cold.maker.reply = async (_provider, proposalCid) => {
    const deal = (await cold.deals(pieceId)).find((one) => one.proposalCid === proposalCid);
    seen.push([deal?.state, deal?.sends]);
    return SENT;
  };
  await cold.pass('create');
  t.deepEqual(seen, Array(TARGET).fill(['intended', 1]));
  t.deepEqual(
    (await cold.deals(pieceId)).map(({ state, sends }) => [state, sends]),
    Array(TARGET).fill(['proposed', 1]),
  );
});

test('a refusal in reply to the first send frees slot and money, and another provider is asked in the same pass', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.reply = () => (cold.maker.sends.length === 1 ? { kind: 'refused', why: 'price', said: 'too cheap' } : SENT);
  await cold.pass('create');
  const deals = await cold.deals(pieceId);
  const [first, second] = ['rejected', 'proposed'].map((state) => deals.find((deal) => deal.state === state));
  t.is(deals.length, 2);
  t.not(first?.provider, second?.provider);
  t.true(second !== undefined && (await cold.committedAtto()) === second.costAtto);
  t.is((await cold.store.provider(first?.provider ?? ''))?.value.events.at(-1)?.kind, 'refused');
});

test('without a reply a deal is in doubt: it holds its slot and its money, and nobody else is asked', async (t) => {
  const cold = await TestCold.create();
  const pieceId = await cold.build(1);
  cold.maker.reply = () => 'silence';
  await cold.pass('create');
  cold.advance(5);
  await cold.pass('create', 'renew', 'create');
  const deals = await cold.deals(pieceId);
  t.deepEqual(
    deals.map(({ state, outcome }) => [state, outcome]),
    Array(TARGET).fill(['intended', 'unknown']),
  );
  t.is(
    await cold.committedAtto(),
    deals.reduce((sum, { costAtto }) => sum + costAtto, 0n),
  );
  t.is(cold.maker.sends.length, TARGET);
});

test('what is sent again is precisely what was sent before, and a refusal of that frees nothing', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.reply = () => 'silence';
  await cold.pass('create');
  const before = await cold.committedAtto();
  cold.maker.reply = () => ({ kind: 'refused', why: 'other', said: 'I know that one' });
  cold.advance(cold.rules.pollCapEpochs);
  await cold.pass('verify', 'create');
  t.is(cold.maker.sends.length, 2);
  t.deepEqual(cold.maker.sends[1], cold.maker.sends[0]);
  t.like(await cold.deals(pieceId), [{ state: 'intended', outcome: 'unknown', sends: 2, said: 'I know that one' }]);
  t.is(await cold.committedAtto(), before);
  cold.maker.reply = () => SENT;
  cold.advance(cold.rules.pollCapEpochs);
  await cold.pass('verify');
  const [deal] = await cold.deals(pieceId);
  t.is(deal?.state, 'proposed');
  t.is(deal?.outcome, undefined);
  t.is(await cold.committedAtto(), before);
});

test('a process that dies between intent and send leaves a deal that the next one sends', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.onStage = async () => {
    throw new ColdError('unreachable', 'the node went away');
  };
  await cold.pass('create');
  t.like(await cold.deals(pieceId), [{ state: 'intended', sends: 0 }]);
  cold.begin();
  cold.maker.onStage = async () => undefined;
  await cold.pass('create');
  t.is(cold.maker.sends.length, 0, 'its slot is taken');
  await cold.pass('verify');
  t.is(cold.maker.sends.length, 1);
  t.like(await cold.deals(pieceId), [{ state: 'proposed', sends: 1 }]);
});

test('nothing is prepared or sent while spending is frozen, nor what was intended before', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  await cold.view.freeze('not now');
  t.deepEqual(Object.keys((await cold.pass('create')).skipped), ['frozen']);
  t.deepEqual([cold.maker.prepared, await cold.deals(pieceId)], [[], []]);
  await cold.view.unfreeze();
  cold.maker.reply = () => 'silence';
  await cold.pass('create');
  await cold.view.freeze('not now');
  cold.advance(cold.rules.pollCapEpochs);
  await cold.pass('verify');
  t.is(cold.maker.sends.length, 1);
});

for (const [what, hold] of [
  ['the node is away', (cold: TestCold) => Object.assign(cold.chain, { failure: 'unreachable' })],
  ['the node is behind', (cold: TestCold) => Object.assign(cold.chain, { behindSeconds: 10_000 })],
  ['the wallet is empty', (cold: TestCold) => Object.assign(cold.chain, { walletAtto: 0n })],
  ['the maker has a problem', (cold: TestCold) => Object.assign(cold.maker, { problemNow: { code: 'weak_token', text: 'x' } })],
] as const) {
  test(`nothing is intended or sent while ${what}`, async (t) => {
    const cold = await TestCold.create(only);
    const pieceId = await cold.build(1);
    hold(cold);
    await cold.pass('create');
    t.deepEqual([cold.maker.sends, await cold.deals(pieceId)], [[], []]);
  });
}

test('a breaker that trips while a deal is prepared lets no intent be written', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.onPrepare = () => cold.view.freeze('stop');
  await cold.pass('create');
  t.deepEqual([cold.maker.sends, await cold.deals(pieceId)], [[], []]);
});

test('a breaker that trips while the CAR is staged lets nothing be sent; after it the deal goes out', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  cold.maker.onStage = () => cold.view.freeze('stop');
  await cold.pass('create');
  t.deepEqual(cold.maker.sends, []);
  t.like(await cold.deals(pieceId), [{ state: 'intended', sends: 0 }]);
  cold.maker.onStage = async () => undefined;
  await cold.view.unfreeze();
  await cold.pass('verify');
  t.is(cold.maker.sends.length, 1);
});

test('a refusal for want of funds holds all spending, is nothing against the provider, and heals', async (t) => {
  const cold = await TestCold.create(only);
  await cold.build(1);
  cold.maker.reply = () => ({ kind: 'refused', why: 'funds', said: 'not enough funds' });
  await cold.pass('create');
  t.is(cold.maker.sends.length, 1, 'nobody else is asked for what cannot be paid');
  t.is(cold.view.held()?.code, 'funds_short');
  t.is((await cold.store.provider(cold.maker.sends[0]?.provider ?? ''))?.value.failuresInRow, 0);
  t.is(await cold.committedAtto(), 0n);
  cold.maker.reply = () => SENT;
  cold.advance(cold.rules.retryEpochs - 1);
  await cold.pass('create');
  t.is(cold.maker.sends.length, 1);
  cold.advance(1);
  await cold.pass('create');
  t.is(cold.view.held(), undefined);
  t.is(cold.maker.sends.length, 2);
});

test('a deal that is being sent is not sent beside itself, and verify leaves it alone', async (t) => {
  const cold = await TestCold.create(only);
  const pieceId = await cold.build(1);
  const { promise, resolve } = Promise.withResolvers<typeof SENT>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  cold.maker.reply = () => {
    begin();
    return promise;
  };
  const creating = cold.pass('create');
  await begun;
  t.deepEqual((await cold.pass('verify')).skipped, { being_sent: 1 });
  const [deal] = await cold.deals(pieceId);
  const look = await cold.parts.guard.look(new AbortController().signal);
  if (deal === undefined || !('view' in look)) return t.fail();
  t.false(await cold.parts.sender.send(deal, look, new AbortController().signal));
  resolve(SENT);
  await creating;
  t.is(cold.maker.sends.length, 1);
  t.like(await cold.deals(pieceId), [{ state: 'proposed', sends: 1 }]);
});

test('a send that outlives its pass is waited for before the store may be closed', async (t) => {
  const cold = await TestCold.create(only);
  await cold.build(1);
  const reply = Promise.withResolvers<typeof SENT>();
  cold.maker.reply = () => reply.promise;
  await cold.pass('create');
  t.is(cold.maker.sends.length, 1);
  let settled = false;
  const settling = cold.parts.sender.settled().then(() => {
    settled = true;
  });
  await new Promise(setImmediate);
  t.false(settled);
  reply.resolve(SENT);
  await settling;
  t.is((await cold.store.deals()[Symbol.asyncIterator]().next()).value?.value.state, 'proposed', 'what became of it is written');
});
