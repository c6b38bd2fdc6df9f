import { readFileSync } from 'node:fs';

import * as dagCbor from '@ipld/dag-cbor';
import test from 'ava';

import { devnetFor } from '../../fixtures/create-devnet.ts';
import { libp2pStream } from '../../fixtures/create-mk12-client.ts';
import { formOf } from '../same-shape.ts';
import { CborError, readItem } from './cbor.ts';

interface Recorded {
  name: string;
  protocol: string;
  /** Hex. */
  request: string;
  reply: string;
}

/** Streams of a real Boost v2.2.0, on a private network. */
const RECORDED = readFileSync(new URL('recorded-wire.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded);
const CLIENT = 'f3rxlrioldlyptjghjdneejwsotfs27wddaexygzy4tjbhxgmtilicpbwarprlq2cfskd7xqhqwllhve6hnzta';
const ASK = 50_000_000n;
const HEAD_EPOCH = 2_080;
const ESCROW = 10n ** 18n;

test('a provider answers a real client as the real Boost did, to the byte', async (t) => {
  const devnet = await devnetFor(t, { providers: [{ mk12: 'boost', ask: { price: ASK } }] });
  devnet.fund(CLIENT, 1n);
  devnet.world.market.addEscrow(devnet.world.accounts.id(CLIENT), ESCROW);
  await devnet.advance(HEAD_EPOCH);
  const stream = await libp2pStream(t, devnet, 'f01000');
  for (const { name, protocol, request, reply } of RECORDED) {
    const answer = await stream(protocol, Buffer.from(request, 'hex'));
    const hex = Buffer.from(answer).toString('hex');
    // It says when the other deal was proposed.
    if (name === 'same-uuid-again') t.is(messageIn(hex), messageIn(reply), name);
    else t.is(hex, reply, name);
  }
  t.is(RECORDED.length, 9);
});

function messageIn(hex: string): string {
  const { Message } = dagCbor.decode<{ Message: string }>(Buffer.from(hex, 'hex'));
  return formOf(Message.replace(/[0-9a-f-]{36}/, 'UUID'));
}

test('an item is read once it is whole, and not before', (t) => {
  for (const { name, request } of RECORDED) {
    const bytes = Buffer.from(request, 'hex');
    for (let length = 0; length < bytes.length; length += 7) t.is(readItem(bytes.subarray(0, length)), undefined, `${name} ${length}`);
    t.is(readItem(Buffer.concat([bytes, Buffer.from('more')]))?.end, bytes.length, name);
  }
});

for (const [what, hex] of [
  ['arrays without an end', '9f0102ff'],
  ['floats', 'fb3ff0000000000000'],
  ['what is nested too deep', '81'.repeat(40)],
  ['texts of exabytes', '7b4000000000000000'],
  ['integers beyond 2^53', '1bffffffffffffffff'],
  ['keys that are no texts', 'a10102'],
  ['tags that are no links', 'c100'],
] as const) {
  test(`a provider does not take ${what}`, (t) => {
    t.throws(() => readItem(Buffer.from(hex, 'hex')), { instanceOf: CborError });
  });
}
