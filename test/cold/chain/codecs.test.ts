import { fc, testProp } from '@fast-check/ava';
import { multiaddr } from '@multiformats/multiaddr';
import test from 'ava';

import { addressBytes, addressText } from '../../../daemon/cold/chain/address.ts';
import { announcedHosts } from '../../../daemon/cold/chain/announced-hosts.ts';
import { readRlePlus } from '../../../daemon/cold/chain/rle-plus.ts';
import { writeRlePlus } from './publish-message.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const KNOWN = {
  f01234: '00d209',
  f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4i: '0111f6ad8ec52a2984abaafd7c3b516503785c2072',
  f3rxlrioldlyptjghjdneejwsotfs27wddaexygzy4tjbhxgmtilicpbwarprlq2cfskd7xqhqwllhve6hnzta:
    '038dd71439635e1f3498e91b4844da4e9965afd863012f83671c9a427b999342d02786c08be2b868459287fbc0f0b2d67a',
};

test('addresses are the bytes that real proposals hold', (t) => {
  for (const [text, bytes] of Object.entries(KNOWN)) {
    t.is(hex(addressBytes(text)), bytes);
    t.is(addressText(Buffer.from(bytes, 'hex')), text);
  }
});

test('an address with a wrong letter is none', (t) => {
  const wrong = [
    '',
    'f0',
    'f0x',
    'f5abc',
    'x01',
    'f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4j',
    'f1CH3',
    'f4',
    'f410f',
    'f3aaaa',
    `f0${'9'.repeat(30)}`,
  ];
  for (const text of wrong) t.throws(() => addressBytes(text), { instanceOf: TypeError }, text);
  for (const bytes of ['', '05', '01aa', '00ffffffffffffffffffffff'])
    t.throws(() => addressText(Buffer.from(bytes, 'hex')), undefined, bytes);
});

testProp('a delegated address survives both ways', [fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 54 })], (t, id, name) => {
  const prefix = addressBytes(`f0${id}`).subarray(1);
  const bytes = Uint8Array.of(4, ...prefix, ...name);
  t.deepEqual(addressBytes(addressText(bytes)), bytes);
});

test('a bit field as actors return it', (t) => {
  t.deepEqual(readRlePlus(Buffer.from('0c', 'hex'), 1), [0]);
  t.deepEqual(readRlePlus(new Uint8Array(0), 5), []);
  t.throws(() => readRlePlus(Buffer.from('0c', 'hex'), 0), { instanceOf: TypeError });
  t.throws(() => readRlePlus(Buffer.from('0d', 'hex'), 9), { instanceOf: TypeError });
});

testProp('a bit field of any size', [fc.array(fc.boolean(), { maxLength: 700 })], (t, bits) => {
  const members = bits.flatMap((bit, at) => (bit ? [at] : []));
  t.deepEqual(readRlePlus(writeRlePlus(bits), bits.length), members);
});

testProp('bytes that are no bit field never make one beyond its limit', [fc.uint8Array({ maxLength: 40 })], (t, bytes) => {
  try {
    t.true(readRlePlus(bytes, 50).every((member) => member < 50));
  } catch (error) {
    t.true(error instanceof TypeError);
  }
});

test('hosts: one spelling each, ports on loopback only, and no relays', (t) => {
  const announced = [
    '/ip4/203.0.113.7/tcp/24001',
    '/ip4/203.0.113.7/udp/24001/quic-v1',
    '/dns/Market.Example.ORG/tcp/443/wss',
    '/dns4/market.example.org/tcp/24001',
    '/ip6/::1/tcp/1234',
    '/ip6/2001:DB8::1/tcp/1',
    '/ip6/::ffff:203.0.113.7/tcp/1',
    '/ip4/127.0.0.1/tcp/46687',
    '/dns/localhost/tcp/5',
    '/ip4/198.51.100.1/tcp/4001/p2p/12D3KooWLPCNYNCNMNDuWtjFzSs38MZZackCxPUsE2MVQxXYYU8n/p2p-circuit',
  ].map((text) => multiaddr(text).bytes);
  t.deepEqual(announcedHosts([...announced, Uint8Array.of(), Uint8Array.of(255, 255, 255), new Uint8Array(5_000)]), [
    '127.0.0.1:46687',
    '2001:db8::1',
    '203.0.113.7',
    '::1:1234',
    'localhost:5',
    'market.example.org',
  ]);
});
