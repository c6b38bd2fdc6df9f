import test from 'ava';

import { createKeySigner } from '../../daemon/cold/wallet/key-file.ts';
import { escrowBySums } from '../../daemon/domain/escrow.ts';
import { keyOf } from '../devnet/keys.ts';
import { resultOf } from '../fixtures/create-devnet.ts';
import { FIL, FINALITY, Killed, TestEscrow } from '../fixtures/create-escrow.ts';

const SETTLED_EPOCHS = FINALITY + 3;

/** Somebody else who has the key. */
function byHand(escrow: TestEscrow, method: 'MarketAddBalance' | 'MarketWithdraw', atto: bigint): Promise<unknown> {
  const { devnet } = escrow;
  return resultOf(devnet, method, [devnet.wallet, devnet.wallet, atto.toString()]);
}

test('an empty escrow is filled up to its level by one message, which is booked when it is final', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  t.is(escrow.state, 'topping_up');
  t.is(escrow.book.message?.versions.length, 1);
  await escrow.passes(1);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.deepEqual(await escrow.moved(), []);
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.book.message, undefined);
  t.deepEqual(await escrow.moved(), ['added 10']);
  t.is(escrow.state, 'enough');
  t.is(escrow.nonce(), 1);
  const { sums, escrowAtto, walletAtto } = escrow.book;
  t.is(escrowBySums(sums), escrowAtto);
  t.is(escrowAtto, escrow.truth.escrow);
  t.is(sums.gas, 1_000n * FIL - 10n * FIL - walletAtto, 'gas is what left the wallet beside');
  t.true(sums.gas > 0n);
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.nonce(), 1);
  t.deepEqual(await escrow.problems(), []);
});

test('a process that dies at any call leaves one top-up, not two and not none', async (t) => {
  const dry = await TestEscrow.create(t);
  await dry.pass();
  const steps = dry.calls.length;
  t.true(steps >= 8, `${dry.calls}`);
  for (let call = 1; call <= steps; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const escrow = await TestEscrow.create(t);
      escrow.kill = { call, when };
      await t.throwsAsync(escrow.pass(), { instanceOf: Killed });
      await escrow.restart();
      await escrow.passes(SETTLED_EPOCHS + 2);
      t.is(escrow.truth.escrow, 10n * FIL, `${when} call ${call} (${dry.calls[call - 1]})`);
      t.is(escrow.nonce(), 1);
      t.deepEqual(await escrow.moved(), ['added 10']);
      t.is(escrow.cold.breaker(), undefined);
      await escrow.devnet.stop();
    }
  }
});

for (const [what, kind] of [
  ['is lost', 'drop-reply'],
  ['is cut', 'cut-json'],
  ['never comes as the request never arrived', 'reset'],
  ['is one of a node that goes on later', 'drop-then-do'],
] as const)
  test(`a reply to a push that ${what}: the same bytes go out again, and count once`, async (t) => {
    const escrow = await TestEscrow.create(t);
    escrow.devnet.faults.rpc('MpoolPush', kind, { times: 1 });
    await escrow.pass();
    await escrow.passes(SETTLED_EPOCHS + 3);
    t.is(escrow.truth.escrow, 10n * FIL);
    t.is(escrow.nonce(), 1);
    t.deepEqual(await escrow.moved(), ['added 10']);
  });

test('a message that no block takes gets more gas until one does, each version on disk before it goes out', async (t) => {
  const escrow = await TestEscrow.create(t);
  escrow.devnet.faults.node({ minPremium: 140_000 });
  await escrow.pass();
  const first = escrow.book.message?.versions[0];
  await escrow.passes(3 * escrow.rules.stuckEpochs + 1);
  const versions = escrow.book.message?.versions ?? [];
  t.true(versions.length >= 3);
  t.deepEqual(versions[0], first);
  for (const [index, { gas }] of versions.entries()) {
    const before = versions[index - 1]?.gas;
    if (before !== undefined) t.true(gas.premiumAtto * 4n >= before.premiumAtto * 5n && gas.feeCapAtto > before.feeCapAtto);
  }
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.is(escrow.nonce(), 1);
  t.deepEqual(await escrow.moved(), ['added 10']);
});

test('a pool that forgets a message is given it again', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  escrow.devnet.world.messages.drop(() => true);
  await escrow.passes(1);
  t.is(escrow.truth.escrow, 0n);
  await escrow.passes(SETTLED_EPOCHS + 1);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.deepEqual(await escrow.moved(), ['added 10']);
});

test('a top-up that a reorg takes back and brings again is booked once', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(2);
  await escrow.devnet.reorg(3);
  await escrow.passes(SETTLED_EPOCHS + 3);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.deepEqual(await escrow.moved(), ['added 10']);
  t.is(escrow.cold.breaker(), undefined);
});

test('more gas than is allowed is never offered: the message waits', async (t) => {
  const escrow = await TestEscrow.create(t, { rules: { maxFeeAtto: 1n } });
  await escrow.passes(3);
  t.is(escrow.state, 'fee_too_high');
  t.is(escrow.book.message, undefined);
  t.is(escrow.nonce(), 0);
});

test('a level of 0 adds nothing', async (t) => {
  const escrow = await TestEscrow.create(t, { rules: { levelAtto: 0n } });
  await escrow.passes(3);
  t.is(escrow.state, 'by_hand');
  t.deepEqual(
    escrow.parts.board.standing?.warnings.map(({ code }) => code),
    ['escrow_low'],
  );
  t.is(escrow.nonce(), 0);
});

test('a wallet that has less gives what it has, keeps what gas may cost, and that it is low is said', async (t) => {
  const escrow = await TestEscrow.create(t, { walletAtto: 3n * FIL });
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.truth.escrow, 3n * FIL - escrow.rules.maxFeeAtto);
  t.is(escrow.state, 'wallet_low');
  t.deepEqual(
    escrow.parts.board.standing?.warnings.map(({ code }) => code),
    ['wallet_low'],
  );
  t.is(escrow.nonce(), 1);
});

test('what somebody else adds is a gift, and stops nothing', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  const { devnet } = escrow;
  const friend = devnet.world.providers.list()[0]?.workerKey;
  if (friend === undefined) return t.fail('no provider');
  devnet.world.messages.push(friend, { kind: 'addBalance', address: devnet.wallet }, { value: 2n * FIL });
  await escrow.passes(SETTLED_EPOCHS);
  t.deepEqual(await escrow.moved(), ['added 10', 'gift 2']);
  t.is(escrow.cold.breaker(), undefined);
  t.deepEqual(await escrow.problems(), []);
});

test('a nonce that somebody else uses freezes spending, until the operator says that it goes on', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  await byHand(escrow, 'MarketAddBalance', FIL);
  await escrow.passes(3);
  t.like(escrow.cold.breaker()?.value, { by: 'fbpd', code: 'ledger' });
  t.regex(escrow.cold.breaker()?.value.text ?? '', /sent 1 message more than fbpd/);
  t.deepEqual((await escrow.pass()).skipped, { frozen: 1 });
  await escrow.passes(SETTLED_EPOCHS);
  await escrow.parts.guard.unfreeze();
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.cold.breaker(), undefined);
  t.deepEqual(await escrow.moved(), ['added 10', 'gift 1']);
  t.is(escrow.book.nonce, 2);
  t.deepEqual(await escrow.problems(), []);
});

test('another message in the place of ours freezes spending', async (t) => {
  const escrow = await TestEscrow.create(t);
  escrow.devnet.faults.rpc('MpoolPush', 'reset');
  await escrow.pass();
  await byHand(escrow, 'MarketAddBalance', FIL);
  escrow.devnet.faults.clear();
  await escrow.passes(SETTLED_EPOCHS + 2);
  t.is(escrow.cold.breaker()?.value.code, 'ledger');
  t.is(escrow.truth.escrow, FIL);
});

test('what somebody else withdraws freezes spending, and is booked as that once the operator has looked', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  const { devnet } = escrow;
  // By the node's own hand, with a nonce of ours as well: either is seen.
  await byHand(escrow, 'MarketWithdraw', 8n * FIL);
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.cold.breaker()?.value.code, 'ledger');
  t.is(escrow.nonce(), 2, 'nothing is topped up meanwhile');
  await escrow.parts.guard.unfreeze();
  await devnet.advance(1);
  await escrow.pass();
  t.deepEqual(await escrow.moved(), ['added 10', 'withdrawn 8']);
  await escrow.passes(SETTLED_EPOCHS);
  t.deepEqual(await escrow.moved(), ['added 10', 'withdrawn 8', 'added 8']);
  t.deepEqual(await escrow.problems(), []);
});

test('while spending is frozen nothing is signed, also when it is frozen in the midst of a pass', async (t) => {
  const escrow = await TestEscrow.create(t);
  const estimate = escrow.calls;
  await escrow.parts.guard.look(new AbortController().signal);
  const passing = escrow.pass();
  await escrow.parts.guard.trip({ code: 'frozen', text: 'a look at the books' }, 'operator');
  await passing;
  await escrow.passes(3);
  t.is(escrow.cold.escrow()?.value.message, undefined);
  t.false(estimate.includes('push'));
  t.is(escrow.nonce(), 0);
});

test('with a key of our own and a public gateway: filled, and booked although it looks back twenty epochs only', async (t) => {
  const { signer } = createKeySigner(keyOf('our own key').secret);
  const escrow = await TestEscrow.create(t, { signer });
  escrow.devnet.fund(await signer.address(new AbortController().signal), 100n * FIL);
  escrow.devnet.faults.node({ gateway: true });
  await escrow.passes(SETTLED_EPOCHS);
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.deepEqual(await escrow.moved(), ['added 10']);
  t.is(escrow.cold.breaker(), undefined);
});

test('a daemon that was away while its message was taken learns it from nonce and escrow, where the node looks back no further', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  escrow.devnet.faults.node({ gateway: true });
  await escrow.devnet.advance(60);
  await escrow.restart();
  await escrow.passes(2);
  t.deepEqual(await escrow.moved(), ['added 10']);
  t.is(escrow.cold.breaker(), undefined);
  t.is(escrow.nonce(), 1);
});

test('a deal that missed its start is settled, and what it kept locked is free again', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  t.is(escrow.truth.escrow, 10n * FIL);
  await escrow.missDeal(4n * FIL);
  t.is(escrow.truth.locked, 4n * FIL);
  await escrow.passes(2 * SETTLED_EPOCHS);
  t.is(escrow.truth.locked, 0n);
  t.deepEqual(await escrow.moved(), ['added 10', 'freed 4']);
  t.is(escrow.truth.escrow, 10n * FIL);
  t.is(escrow.nonce(), 2);
});

test('what the chain has paid needs no top-up, whether that is final and whether our deals know of it', async (t) => {
  const escrow = await TestEscrow.create(t);
  await escrow.pass();
  await escrow.passes(SETTLED_EPOCHS);
  const epochs = 4 * SETTLED_EPOCHS;
  const chainDealId = await escrow.activeDeal(epochs, (6n * FIL) / BigInt(epochs));
  await escrow.passes(epochs + 1);
  const { locked } = escrow.truth;
  t.is(escrow.truth.escrow, 10n * FIL + locked, 'what it locks was made good');
  t.is(escrow.nonce(), 2);
  escrow.devnet.world.market.settle(chainDealId);
  t.deepEqual([escrow.truth.escrow, escrow.truth.locked], [10n * FIL, 0n]);
  for (let left = 2 * SETTLED_EPOCHS; left > 0; left -= 1) {
    await escrow.passes(1);
    t.is(escrow.parts.board.standing?.freeAtto, 10n * FIL);
  }
  t.is(escrow.nonce(), 2);
  t.is((await escrow.lines()).at(-1)?.kind, 'paid');
  t.is(escrow.cold.breaker(), undefined);
});
