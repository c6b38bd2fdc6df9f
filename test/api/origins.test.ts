import test from 'ava';

import { usableOrigins } from '../../api/origins.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5';
const HASH = 'uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ';

/** What a kubo behind a NAT on a host with a container bridge sends. */
const FROM_KUBO = [
  '/ip4/127.0.0.1/tcp/4001',
  '/ip4/127.0.0.1/udp/4001/quic-v1',
  `/ip4/127.0.0.1/udp/4001/quic-v1/webtransport/certhash/${HASH}/certhash/${HASH}`,
  `/ip4/127.0.0.1/udp/4001/webrtc-direct/certhash/${HASH}`,
  '/ip6/::1/tcp/4001',
  '/ip4/192.168.1.20/tcp/4001',
  '/ip4/172.17.0.1/udp/4001/quic-v1',
  '/ip6/fe80::1/tcp/4001',
  '/ip6/fd00::5/tcp/4001',
  '/ip4/100.64.3.4/tcp/4001',
  '/ip4/147.75.80.110/tcp/4001',
  `/ip4/147.75.80.110/udp/4001/quic-v1/webtransport/certhash/${HASH}`,
  '/dns4/147-75-80-110.k51qzi5uqu5d.libp2p.direct/tcp/4001/tls/ws',
  `/ip4/139.178.91.71/tcp/4001/p2p/${PEER}/p2p-circuit`,
].map((address) => `${address}/p2p/${PEER}`);

test('whatever kubo sends is taken; what may not be dialled is left out', (t) => {
  t.deepEqual(usableOrigins(FROM_KUBO, false), FROM_KUBO.slice(-4));
});

test('private ranges and loopback are kept where they may be dialled', (t) => {
  t.deepEqual(usableOrigins(FROM_KUBO, true), FROM_KUBO);
});

test('more than twenty are taken, and the first twenty usable ones kept', (t) => {
  const loopback = Array.from({ length: 30 }, (_, i) => `/ip4/127.0.0.1/tcp/${i + 1}/p2p/${PEER}`);
  const wan = Array.from({ length: 30 }, (_, i) => `/ip4/8.8.8.8/tcp/${i + 1}/p2p/${PEER}`);
  t.deepEqual(usableOrigins([...loopback, ...wan], false), wan.slice(0, 20));
});

test('transports that nobody here knows, and addresses that lead nowhere from here, are left out', (t) => {
  const strange = [
    `/ip4/8.8.8.8/udp/4001/carrier-pigeon/p2p/${PEER}`,
    `/ip6zone/eth0/ip6/fe80::1/tcp/4001/p2p/${PEER}`,
    `/unix/run%2Fx/p2p/${PEER}`,
  ];
  t.deepEqual(usableOrigins(strange, true), []);
});

test('what is no peer multiaddr is refused, and named', (t) => {
  for (const origin of [
    '',
    'nonsense',
    'https://example.org/',
    '/ip4/8.8.8.8/tcp/4001',
    `/ip4/8.8.8.8/tcp/4001/p2p/${PEER}/http`,
    `/ip4/8.8.8.256/tcp/4001/p2p/${PEER}`,
    `/ip4/8.8.8.8/tcp/70000/p2p/${PEER}`,
    '/ip4/8.8.8.8/tcp/4001/p2p/nobody',
    '/carrier-pigeon/p2p/nobody',
    `/ip4/8.8.8.8/tcp/4001/${'x'.repeat(2000)}/p2p/${PEER}`,
  ]) {
    const error = t.throws(() => usableOrigins([origin], true), undefined, origin);
    t.true(isFbpdError(error, 'BAD_REQUEST'), origin);
    t.true(error?.message.startsWith('origins'), error?.message);
  }
});
