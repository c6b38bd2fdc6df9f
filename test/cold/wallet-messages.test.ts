import test, { type ExecutionContext } from 'ava';

import { createLotusRpc } from '../../daemon/cold/chain/lotus-rpc.ts';
import {
  bytesToSign,
  type LotusMessage,
  messageCid,
  renderMessage,
  SETTLE_DEAL_PAYMENTS,
  signedMessageCid,
} from '../../daemon/cold/chain/message.ts';
import { rlePlusOf } from '../../daemon/cold/chain/rle-plus.ts';
import { createKeySigner } from '../../daemon/cold/wallet/key-file.ts';
import { createWalletMessages } from '../../daemon/cold/wallet/messages.ts';
import { createLotusSigner } from '../../daemon/cold/wallet/signer.ts';
import type { MessageDraft, WalletPort } from '../../daemon/domain/wallet-port.ts';
import type { Devnet } from '../devnet/devnet.ts';
import { isSignedBy, keyOf } from '../devnet/keys.ts';
import { rlePlus } from '../devnet/market-cbor.ts';
import { methodHash, readRlePlus } from '../devnet/message-params.ts';
import { devnetFor } from '../fixtures/create-devnet.ts';

const never = new AbortController().signal;
const FIL = 10n ** 18n;

/** Signed and pushed on Lotus v1.26.3. */
const RECORDED: LotusMessage = {
  to: 'f3sa7346gmw3gyyep64hx3knyz2yjghleawe4s3f2djroqkykaqej37kgfkeu52weuwh5mm5rmbkzcfp7u4n6q',
  from: 'f1pwmgum4rf2oy37aouzy5i7jq2bjcuhotunkncaa',
  nonce: 3,
  valueAtto: 1_000n,
  gas: { limit: 1_565_328, feeCapAtto: 784_221n, premiumAtto: 100_974n },
  method: 0,
  params: new Uint8Array(),
};
const RECORDED_SIGNATURE = {
  type: 1,
  data: Buffer.from('+VM5wozwda7Y2lfy06bPemzQvhAKFU4aco4d7Ts5m7R4jdR0bWbzpAr/CsOFjSYOKOIF6MPv3k4XPhAwL5HisgA=', 'base64'),
};

test('a message has the CID that Lotus gives it, and what Lotus signed is what would be signed here', (t) => {
  t.is(messageCid(RECORDED), 'bafy2bzaceb5wdtrp3bmuvjv6cknpeoe7a2yvbmdwvhzyb6isrmnjglbnjvdhy');
  t.is(signedMessageCid(RECORDED, RECORDED_SIGNATURE), 'bafy2bzacebfq2boblpdavsggpxsp3635uzkxo5p6sw7jkcqbm7g36fk3gqklg');
  t.true(isSignedBy(RECORDED.from, bytesToSign(RECORDED), RECORDED_SIGNATURE));
  t.is(renderMessage(RECORDED).Params, null);
  t.is(signedMessageCid(RECORDED, { ...RECORDED_SIGNATURE, type: 2 }), messageCid(RECORDED));
});

test('the method that settles deals has the number of its name', (t) => {
  t.is(methodHash('AddBalance'), 822_473_126);
  t.is(SETTLE_DEAL_PAYMENTS, methodHash('SettleDealPayments'));
});

test('sets of deals are written as the chain reads them', (t) => {
  for (const ids of [[], [0], [3], [7, 3, 3], [0, 1, 2, 3, 40, 41, 300, 301, 900], [500], [100_000, 100_001], [15], [16], [17]]) {
    const sorted = [...new Set(ids)].sort((a, b) => a - b);
    t.deepEqual(readRlePlus(rlePlusOf(ids)), sorted);
    const bits = Array.from({ length: 1_000 }, (_, index) => ids.includes(index));
    if ((sorted.at(-1) ?? 0) < 1_000) t.deepEqual([...rlePlusOf(ids)], [...rlePlus(bits)]);
  }
});

interface Purse {
  devnet: Devnet;
  wallet: WalletPort;
  draft: MessageDraft;
}

async function purse(t: ExecutionContext): Promise<Purse> {
  const devnet = await devnetFor(t, { providers: [{}] });
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => devnet.tokens.sign });
  const wallet = createWalletMessages({ rpc, signer: createLotusSigner(rpc, undefined) });
  return { devnet, wallet, draft: { from: devnet.wallet, nonce: 0, purpose: { kind: 'top_up', amountAtto: 5n * FIL } } };
}

test('a top-up is estimated, signed, pushed and found; pushed again it is there already, and then its nonce is used', async (t) => {
  const { devnet, wallet, draft } = await purse(t);
  t.is(await wallet.nextNonce(devnet.wallet, never), 0);
  const gas = await wallet.estimate(draft, never);
  t.true(gas.limit > 0 && gas.feeCapAtto >= gas.premiumAtto && gas.premiumAtto > 0n);
  const message = await wallet.sign(draft, gas, 7, never);
  t.is(message.epoch, 7);
  t.deepEqual(await wallet.find(message, 20, never), { kind: 'nowhere' });
  t.deepEqual(await wallet.push(message, never), { kind: 'in_pool' });
  t.deepEqual(await wallet.push(message, never), { kind: 'in_pool' });
  t.is(await wallet.nextNonce(devnet.wallet, never), 1);
  t.deepEqual(await wallet.find(message, 20, never), { kind: 'nowhere' });
  await devnet.advance(1);
  t.like(await wallet.find(message, 20, never), { kind: 'found', receipt: { cid: message.cid, exitCode: 0 } });
  t.is(devnet.truth().escrow, (5n * FIL).toString());
  t.deepEqual(await wallet.push(message, never), { kind: 'nonce_used' });
  t.is((await wallet.actor(devnet.wallet, undefined, never))?.nonce, 1);
});

test('another version of it has its place, and is found by either; another message in its place is told apart', async (t) => {
  const { devnet, wallet, draft } = await purse(t);
  const gas = await wallet.estimate(draft, never);
  const more = { ...gas, premiumAtto: gas.premiumAtto * 2n };
  const [first, second] = [await wallet.sign(draft, gas, 0, never), await wallet.sign(draft, more, 0, never)];
  await wallet.push(first, never);
  t.is((await wallet.push(await wallet.sign(draft, { ...gas, premiumAtto: gas.premiumAtto + 1n }, 0, never), never)).kind, 'refused');
  t.deepEqual(await wallet.push(second, never), { kind: 'in_pool' });
  await devnet.advance(1);
  for (const version of [first, second]) t.like(await wallet.find(version, 20, never), { kind: 'found', receipt: { cid: second.cid } });
  const next = { ...draft, nonce: 1 };
  const ours = await wallet.sign(next, gas, 0, never);
  await wallet.push(ours, never);
  await wallet.push(await wallet.sign({ ...next, purpose: { kind: 'top_up', amountAtto: 1n } }, more, 0, never), never);
  await devnet.advance(1);
  t.is((await wallet.find(ours, 20, never)).kind, 'other');
});

test('what cannot be paid is refused', async (t) => {
  const { wallet, draft } = await purse(t);
  const much: MessageDraft = { ...draft, purpose: { kind: 'top_up', amountAtto: 10n ** 25n } };
  const gas = await wallet.estimate(draft, never);
  t.is((await wallet.push(await wallet.sign(much, gas, 0, never), never)).kind, 'refused');
});

test('with a key of our own a public gateway does, which has no wallet and looks back twenty epochs', async (t) => {
  const devnet = await devnetFor(t, { providers: [{}] });
  devnet.faults.node({ gateway: true });
  const { address, signer } = createKeySigner(keyOf('our own key').secret);
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => undefined });
  const wallet = createWalletMessages({ rpc, signer });
  const draft: MessageDraft = { from: address, nonce: 0, purpose: { kind: 'top_up', amountAtto: FIL } };
  t.is(await wallet.actor(address, undefined, never), undefined);
  t.is(await wallet.datacap(address, never), undefined);
  devnet.fund(address, 2n * FIL);
  await t.throwsAsync(rpc.call('WalletSign', [address, ''], { signal: never }), { message: /not found/ });
  const message = await wallet.sign(draft, await wallet.estimate(draft, never), 0, never);
  await wallet.push(message, never);
  await devnet.advance(1);
  t.is((await wallet.find(message, 1_000, never)).kind, 'found');
  t.is(devnet.truth(address).escrow, FIL.toString());
  await devnet.advance(30);
  t.deepEqual(await wallet.find(message, 1_000, never), { kind: 'nowhere' });
  t.is((await wallet.actor(address, undefined, never))?.nonce, 1);
});
