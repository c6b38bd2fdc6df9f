import * as dagCbor from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';
import { CID } from 'multiformats/cid';

import { devnetFor, writeTestCar } from '../../fixtures/create-devnet.ts';
import { type DealOptions, fundEscrow, signedDeal } from '../../fixtures/create-mk12-client.ts';
import { addressBytes } from '../address.ts';
import { bytesOf } from '../cids.ts';
import type { Devnet, DevnetOptions } from '../devnet.ts';
import { formOf } from '../same-shape.ts';
import { readDealParams } from './wire.ts';

const URL_ANYWHERE = 'http://127.0.0.1:9/data.car';
const BOOST = 'f01000';
const CURIO = 'f01001';
const FIL = 10n ** 18n;

async function dealing(t: ExecutionContext, options: DevnetOptions = {}): Promise<{ devnet: Devnet; car: DealOptions['car'] }> {
  const devnet = await devnetFor(t, { providers: [{ mk12: 'boost' }, { mk12: 'curio' }], ...options });
  await fundEscrow(devnet);
  // Nothing is fetched here.
  for (const id of [BOOST, CURIO]) devnet.faults.provider(id, { pull: 'never' });
  return { devnet, car: await writeTestCar(devnet.dir, 'one', [bytesOf('leaf', 90_000)]) };
}

function answer(devnet: Devnet, provider: string, request: Uint8Array): string {
  const { accepted, message } = devnet.world.mk12.receive(devnet.world.providers.get(provider), readDealParams(request));
  return accepted ? 'accepted' : formOf(message);
}

async function proposed(devnet: Devnet, provider: string, car: DealOptions['car'], more: Partial<DealOptions> = {}): Promise<string> {
  const { request } = await signedDeal(devnet, { provider, url: URL_ANYWHERE, car, ...more });
  return answer(devnet, provider, request);
}

function big(value: bigint): Uint8Array {
  const hex = value.toString(16);
  return value === 0n ? new Uint8Array() : Uint8Array.from([0, ...Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')]);
}

/** What is wrong with a proposal, by the place of its fields, and what both kinds of providers say. */
const INVALID: readonly [what: string, fields: Readonly<Record<number, unknown>>, words: string][] = [
  ['no piece CID', { 0: CID.parse('bafkqaaa') }, 'proposal PieceCID had wrong prefix'],
  ['a piece that is no power of two', { 1: 3_000 }, 'proposal piece size is invalid: padded piece size must be a power of N'],
  ['another provider', { 4: addressBytes('f01009') }, 'incorrect provider for deal; proposal.Provider: ADDRESS; provider.Address: ADDRESS'],
  ['a long label', { 5: 'x'.repeat(257) }, 'deal label can be at most N bytes, is N'],
  ['a long label of bytes', { 5: new Uint8Array(257) }, 'deal label can be at most N bytes, is N'],
  ['an end before its start', { 6: 5_000, 7: 5_000 }, 'proposal end N before proposal start N'],
  ['a start that has passed', { 6: 0, 7: 518_400 }, 'deal start epoch N has already elapsed (current epoch: N)'],
  ['too short a time', { 6: 5_000, 7: 5_000 + 518_399 }, 'deal duration out of bounds (min, max, provided): N, N, N'],
  ['too long a time', { 6: 5_000, 7: 5_000 + 3_680_641 }, 'deal duration out of bounds (min, max, provided): N, N, N'],
  ['an end too far away', { 6: 500_000, 7: 500_000 + 3_680_640 }, 'invalid deal end epoch N: cannot be more than N past current epoch N'],
  ['collateral that may not be', { 9: big(1n) }, 'proposed provider collateral N above maximum N'],
  ['more money than there is', { 8: big(FIL) }, 'client available funds in escrow N not enough to meet storage cost for deal N'],
  ['no datacap', { 2: true }, 'client is not a verified client'],
];

for (const [what, fields, words] of INVALID) {
  test(`a proposal with ${what} is refused`, async (t) => {
    const { devnet, car } = await dealing(t);
    for (const provider of [BOOST, CURIO]) t.is(await proposed(devnet, provider, car, { fields }), `failed validation: ${words}`, provider);
    t.deepEqual(devnet.deals(), []);
  });
}

test('a price below the ask, or a piece of the wrong size, is refused', async (t) => {
  const ask = { price: 2n ** 40n, minPieceSizeBytes: 1 << 16, maxPieceSizeBytes: 1 << 17 };
  const { devnet, car } = await dealing(t, {
    providers: [
      { mk12: 'boost', ask },
      { mk12: 'curio', ask },
    ],
  });
  const price = (2n ** 40n * 2n ** 17n) / 2n ** 30n;
  const small = await writeTestCar(devnet.dir, 'small', [bytesOf('small', 900)]);
  const large = await writeTestCar(devnet.dir, 'large', [bytesOf('large', 200_000)]);
  for (const [provider, before] of [
    [BOOST, 'failed validation: '],
    [CURIO, ''],
  ] as const) {
    const fields = { 8: big(price) };
    t.is(
      await proposed(devnet, provider, car, { fields: { 8: big(price - 1n) } }),
      `${before}storage price per epoch less than asking price: N < N`,
    );
    t.is(await proposed(devnet, provider, small, { fields }), `${before}piece size less than minimum required size: N < N`);
    t.is(
      await proposed(devnet, provider, large, { fields: { 8: big(price * 2n) } }),
      `${before}piece size more than maximum allowed size: N > N`,
    );
    t.is(await proposed(devnet, provider, car, { fields }), 'accepted');
  }
});

test('collateral must be at least the bound and at most twice that', async (t) => {
  const { devnet, car } = await dealing(t, { collateralMin: 1_000n });
  for (const provider of [BOOST, CURIO]) {
    t.is(
      await proposed(devnet, provider, car, { fields: { 9: big(999n) } }),
      'failed validation: proposed provider collateral N below minimum N',
    );
    t.is(
      await proposed(devnet, provider, car, { fields: { 9: big(2_001n) } }),
      'failed validation: proposed provider collateral N above maximum N',
    );
    t.is(await proposed(devnet, provider, car, { fields: { 9: big(1_200n) } }), 'accepted');
  }
});

test('a signature that is not the client’s is refused', async (t) => {
  const { devnet, car } = await dealing(t);
  for (const provider of [BOOST, CURIO]) {
    const { request } = await signedDeal(devnet, { provider, url: URL_ANYWHERE, car });
    type Deal = { ClientDealProposal: [unknown, Uint8Array] };
    const deal = dagCbor.decode<Deal>(request);
    const [proposal, signature] = deal.ClientDealProposal;
    const forged = Uint8Array.from(signature);
    forged[9] = (forged[9] ?? 0) ^ 1;
    const other = dagCbor.encode({ ...deal, ClientDealProposal: [proposal, forged] });
    t.is(answer(devnet, provider, other), 'failed validation: server error: validating signature');
  }
});

test('the same deal again, or its UUID, is refused', async (t) => {
  const { devnet, car } = await dealing(t);
  for (const [provider, sameDeal, sameUuid] of [
    [
      BOOST,
      /^deal proposal is identical to deal \S+ \(proposed at N-N-N N:N:N.N \+N UTC\)$/,
      /^deal has the same uuid as deal \S+ \(proposed at/,
    ],
    [
      CURIO,
      /^store deal: market deal with the same proposalCID CID already exists: N$/,
      /^store deal: store deal success: updated N rows instead of N$/,
    ],
  ] as const) {
    const { request, uuid } = await signedDeal(devnet, { provider, url: URL_ANYWHERE, car });
    t.is(answer(devnet, provider, request), 'accepted');
    t.regex(answer(devnet, provider, request), sameDeal);
    const { request: later } = await signedDeal(devnet, { provider, url: URL_ANYWHERE, car, uuid, fields: { 6: 4_000 } });
    t.regex(answer(devnet, provider, later), sameUuid);
  }
  t.is(devnet.deals().length, 2);
});

test('money, price and start are looked at before a duplicate: what is published already is "not enough"', async (t) => {
  const { devnet, car } = await dealing(t);
  const cost = FIL / 518_400n;
  const { request } = await signedDeal(devnet, { provider: BOOST, url: URL_ANYWHERE, car, fields: { 8: big(cost) } });
  t.is(answer(devnet, BOOST, request), 'accepted');
  const [deal] = devnet.deals();
  if (deal !== undefined) devnet.world.market.publish(deal.proposal);
  t.is(answer(devnet, BOOST, request), 'failed validation: client available funds in escrow N not enough to meet storage cost for deal N');
});

test('Curio takes no libp2p URL, and no piece that its bytes do not fill', async (t) => {
  const { devnet, car } = await dealing(t);
  const libp2p = { Transfer: { Type: 'libp2p', ClientID: '', Params: Buffer.from('{"URL":"libp2p:///x"}'), Size: 90_000 } };
  t.is(await proposed(devnet, CURIO, car, { more: libp2p }), 'libpNp URLs are not supported by this provider');
  const small = { Transfer: { Type: 'http', ClientID: '', Params: Buffer.from(`{"URL":"${URL_ANYWHERE}"}`), Size: 900 } };
  t.is(await proposed(devnet, CURIO, car, { more: small }), 'store deal: piece size N is not the padded size N of raw size N');
});

test('who is not on the list hears so', async (t) => {
  const { devnet, car } = await dealing(t, {
    providers: [
      { mk12: 'boost', allow: [] },
      { mk12: 'curio', allow: [] },
    ],
  });
  t.is(await proposed(devnet, BOOST, car), 'client not allowed: ADDRESS');
  t.is(await proposed(devnet, CURIO, car), 'client not allowed by provider');
});

test('a provider may refuse in words that nobody has seen', async (t) => {
  const { devnet, car } = await dealing(t);
  for (const provider of [BOOST, CURIO]) {
    devnet.faults.provider(provider, { refuse: 'the moon is in the wrong house' });
    t.is(await proposed(devnet, provider, car), 'the moon is in the wrong house');
    devnet.faults.provider(provider, { refuse: 'busy' });
    t.regex(await proposed(devnet, provider, car), /no space left|backpressure/);
  }
});

test('a label of bytes is a label', async (t) => {
  const { devnet, car } = await dealing(t);
  t.is(await proposed(devnet, BOOST, car, { fields: { 5: Uint8Array.from([0xff, 0x00]) } }), 'accepted');
});

test('whoever asks for a deal of others learns nothing, but from Curio', async (t) => {
  const { devnet, car } = await dealing(t);
  const { mk12, providers } = devnet.world;
  const nobody = { type: 1, data: new Uint8Array(65) };
  for (const provider of [BOOST, CURIO]) {
    const { request, uuid } = await signedDeal(devnet, { provider, url: URL_ANYWHERE, car });
    t.is(answer(devnet, provider, request), 'accepted');
    t.is(mk12.status(providers.get(provider), uuid, nobody).error, provider === BOOST ? 'signature verification failed' : '');
  }
  const unknown = '00000000-0000-0000-0000-000000000000';
  t.is(mk12.status(providers.get(BOOST), unknown, nobody).error, `no storage deal found with deal UUID ${unknown}`);
  t.is(mk12.status(providers.get(CURIO), unknown, nobody).error, 'failed to get sealed deal status');
});
