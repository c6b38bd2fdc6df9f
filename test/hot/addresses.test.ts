import test from 'ava';

import { selectAddresses } from '../../daemon/hot/addresses.ts';

const PEER = '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad';
const RELAY = 'QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN';
const CLOSED = { maxAddresses: 3, allowLoopback: false, allowPrivate: false };

const of = (...texts: string[]) => texts.map((text) => `${text}/p2p/${PEER}`);
const PUBLIC_TCP = '/ip4/1.1.1.1/tcp/4001';
const PUBLIC_QUIC = '/ip4/1.1.1.1/udp/4001/quic-v1';
const PUBLIC_WS = '/dns4/a.example.org/tcp/443/tls/ws';
const PUBLIC_WEBTRANSPORT = '/ip4/1.1.1.1/udp/4001/quic-v1/webtransport';
const RELAYED = `/ip4/8.8.8.8/tcp/4001/p2p/${RELAY}/p2p-circuit`;
const LOOPBACK = '/ip4/127.0.0.1/tcp/4001';
const PRIVATE = '/ip4/192.168.1.2/tcp/4001';

test('hands out public addresses, plain TCP and QUIC before the rest', (t) => {
  const known = of(RELAYED, LOOPBACK, PUBLIC_WEBTRANSPORT, PRIVATE, PUBLIC_WS, PUBLIC_QUIC, PUBLIC_TCP);
  t.deepEqual(selectAddresses(known, PEER, CLOSED), of(PUBLIC_TCP, PUBLIC_QUIC, PUBLIC_WS));
  t.deepEqual(selectAddresses(known, PEER, { ...CLOSED, maxAddresses: 1 }), of(PUBLIC_TCP));
  t.deepEqual(selectAddresses(of(RELAYED), PEER, CLOSED), of(RELAYED));
});

test('keeps a place for loopback where clients are on this machine, after the public ones', (t) => {
  const known = of(LOOPBACK, PRIVATE, PUBLIC_WS, PUBLIC_QUIC, PUBLIC_TCP);
  t.deepEqual(selectAddresses(known, PEER, { ...CLOSED, allowLoopback: true }), of(PUBLIC_TCP, PUBLIC_QUIC, LOOPBACK));
  t.deepEqual(selectAddresses(of(PRIVATE, LOOPBACK), PEER, { ...CLOSED, allowLoopback: true }), of(LOOPBACK));
});

test('hands out private addresses where they are allowed, or where there is nothing else', (t) => {
  t.deepEqual(selectAddresses(of(LOOPBACK, PRIVATE, PUBLIC_TCP), PEER, { ...CLOSED, allowPrivate: true }), of(PUBLIC_TCP, PRIVATE));
  t.deepEqual(selectAddresses(of(LOOPBACK, PRIVATE), PEER, CLOSED), of(PRIVATE));
});

test('is never empty', (t) => {
  t.deepEqual(selectAddresses([], PEER, CLOSED), [`/p2p/${PEER}`]);
  t.deepEqual(selectAddresses(['garbage', ...of(LOOPBACK)], PEER, CLOSED), [`/p2p/${PEER}`]);
  t.deepEqual(selectAddresses(of('/ip6/fe80::1/tcp/1'), PEER, CLOSED), [`/p2p/${PEER}`]);
});
