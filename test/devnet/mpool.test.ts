import * as dagCbor from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';

import { ask, devnetFor, resultOf } from '../fixtures/create-devnet.ts';
import { addressBytes } from './address.ts';
import type { Devnet } from './devnet.ts';
import { rlePlus } from './market-cbor.ts';
import { methodHash, readRlePlus } from './message-params.ts';

const FIL = 10n ** 18n;

interface Fields {
  nonce?: number;
  value?: bigint;
  premium?: number;
  method?: number;
  params?: Uint8Array;
}

/** A message to the market, estimated, signed and pushed as a client does it. */
async function push(devnet: Devnet, { nonce, value = 0n, premium, method = 2, params }: Fields): Promise<{ error?: string; cid: string }> {
  const message = {
    Version: 0,
    To: 'f05',
    From: devnet.wallet,
    Nonce: nonce ?? (await resultOf<number>(devnet, 'MpoolGetNonce', [devnet.wallet])),
    Value: value.toString(),
    GasLimit: 0,
    GasFeeCap: '0',
    GasPremium: '0',
    Method: method,
    Params: Buffer.from(params ?? dagCbor.encode(addressBytes(devnet.wallet))).toString('base64'),
  };
  const estimated = await resultOf<{ GasPremium: string }>(devnet, 'GasEstimateMessageGas', [message, null, []]);
  if (premium !== undefined) estimated.GasPremium = String(premium);
  const signed = await resultOf<{ CID: { '/': string } }>(devnet, 'WalletSignMessage', [devnet.wallet, estimated]);
  const { body } = await ask(devnet, 'MpoolPush', [signed]);
  return { cid: signed.CID['/'], ...(body.error === undefined ? {} : { error: body.error.message }) };
}

async function receiptOf(devnet: Devnet, cid: string): Promise<{ Message: { '/': string }; Receipt: { ExitCode: number } } | null> {
  return resultOf(devnet, 'StateSearchMsg', [[], { '/': cid }, -1, true]);
}

async function escrowOf(devnet: Devnet): Promise<string> {
  return (await resultOf<{ Escrow: string }>(devnet, 'StateMarketBalance', [devnet.wallet, []])).Escrow;
}

async function funded(t: ExecutionContext): Promise<Devnet> {
  return devnetFor(t, { providers: [{}] });
}

test('a message that its sender has signed fills escrow, and takes from it', async (t) => {
  const devnet = await funded(t);
  const { cid } = await push(devnet, { value: 5n * FIL });
  t.is(await receiptOf(devnet, cid), null);
  await devnet.advance(1);
  t.is((await receiptOf(devnet, cid))?.Receipt.ExitCode, 0);
  t.is(await escrowOf(devnet), (5n * FIL).toString());
  const amount = Uint8Array.from([0, ...Buffer.from((2n * FIL).toString(16), 'hex')]);
  await push(devnet, { method: 3, params: dagCbor.encode([addressBytes(devnet.wallet), amount]) });
  await devnet.advance(1);
  t.is(await escrowOf(devnet), (3n * FIL).toString());
});

test('a message waits for the one before it', async (t) => {
  const devnet = await funded(t);
  const later = await push(devnet, { nonce: 1, value: FIL });
  await devnet.advance(2);
  t.is(await receiptOf(devnet, later.cid), null);
  await push(devnet, { nonce: 0, value: 2n * FIL });
  await devnet.advance(1);
  t.is((await receiptOf(devnet, later.cid))?.Receipt.ExitCode, 0);
  t.is(await escrowOf(devnet), (3n * FIL).toString());
});

test('a replacement must offer a quarter more, and is found by the name of what it replaced', async (t) => {
  const devnet = await funded(t);
  const first = await push(devnet, { nonce: 0, value: FIL, premium: 100_000 });
  t.regex((await push(devnet, { nonce: 0, value: FIL, premium: 110_000 })).error ?? '', /replace by fee has too low GasPremium/);
  const second = await push(devnet, { nonce: 0, value: FIL, premium: 125_001 });
  t.is(second.error, undefined);
  await devnet.advance(1);
  t.is((await receiptOf(devnet, first.cid))?.Message['/'], second.cid);
  t.is(await escrowOf(devnet), FIL.toString());
});

test('a replacement that asks for something else is not taken for the message that is looked for', async (t) => {
  const devnet = await funded(t);
  const first = await push(devnet, { nonce: 0, value: FIL, premium: 100_000 });
  await push(devnet, { nonce: 0, value: 2n * FIL, premium: 125_001 });
  await devnet.advance(1);
  const { body } = await ask(devnet, 'StateSearchMsg', [[], { '/': first.cid }, -1, true]);
  t.regex(body.error?.message ?? '', /that is NOT a valid replacement message/);
  t.is(await escrowOf(devnet), (2n * FIL).toString());
});

test('while blocks are full a message waits that offers too little', async (t) => {
  const devnet = await funded(t);
  devnet.faults.node({ minPremium: 200_000 });
  const { cid } = await push(devnet, { value: FIL, premium: 100_000 });
  await devnet.advance(3);
  t.is(await receiptOf(devnet, cid), null);
  devnet.faults.clear();
  await devnet.advance(1);
  t.is((await receiptOf(devnet, cid))?.Receipt.ExitCode, 0);
});

test('what is taken back by a reorganisation comes again', async (t) => {
  const devnet = await funded(t);
  await push(devnet, { value: FIL });
  await push(devnet, { value: FIL });
  await devnet.advance(2);
  await devnet.reorg(2);
  await devnet.advance(2);
  t.is(await escrowOf(devnet), (2n * FIL).toString());
});

test('messages that ask for what there is not fail on the chain', async (t) => {
  const devnet = await funded(t);
  const unknown = await push(devnet, { method: 99 });
  const unreadable = await push(devnet, { params: Uint8Array.of(0xff) });
  const half = BigInt(devnet.truth().balance) / 2n + FIL;
  const affordable = await push(devnet, { value: half });
  const tooMuch = await push(devnet, { value: half });
  await devnet.advance(1);
  const codes = await Promise.all(
    [unknown, unreadable, affordable, tooMuch].map(async ({ cid }) => (await receiptOf(devnet, cid))?.Receipt.ExitCode),
  );
  t.deepEqual(codes, [22, 21, 0, 6]);
});

test('anyone may settle deals by their numbers', async (t) => {
  const devnet = await funded(t);
  devnet.world.market.addEscrow(devnet.world.accounts.id(devnet.wallet), FIL);
  const dealId = devnet.world.market.publish({
    pieceCid: 'baga6ea4seaqdtkumidcuhrma7tfhltmfwu65sbqpp57rzjqvcofzmkqgzfrxidi',
    pieceSizeBytes: 2_048,
    verified: false,
    client: devnet.wallet,
    provider: 'f01000',
    label: '',
    startEpoch: 5,
    endEpoch: 520_000,
    pricePerEpoch: '1000',
    providerCollateral: '0',
    clientCollateral: '0',
  });
  await devnet.advance(10);
  t.not(devnet.truth().locked, '0');
  const bits = Array.from({ length: dealId + 1 }, (_, index) => index === dealId);
  await push(devnet, { method: methodHash('SettleDealPayments'), params: dagCbor.encode([rlePlus(bits)]) });
  await devnet.advance(1);
  t.is(devnet.truth().locked, '0');
});

test('bit fields are read as they are written', (t) => {
  for (const bits of [[0], [3], [0, 1, 2, 3, 40, 41, 300, 301, 900], [500]]) {
    const field = Array.from({ length: 1_000 }, (_, index) => bits.includes(index));
    t.deepEqual(readRlePlus(rlePlus(field)), bits);
  }
  t.deepEqual(readRlePlus(new Uint8Array()), []);
});
