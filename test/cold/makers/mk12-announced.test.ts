import { multiaddr } from '@multiformats/multiaddr';
import test from 'ava';

import type { LotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { announcedBy } from '../../../daemon/cold/makers/mk12/announced.ts';
import { never } from './suite.ts';

const PEER = '12D3KooWRs1N7cYXkUj29fznH8p63Dpig9k85rAKZRuQFT4WkGNb';
const OTHER = '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad';

async function found(addresses: readonly (string | Uint8Array)[], peerId: unknown = PEER) {
  const Multiaddrs = addresses.map((one) => Buffer.from(typeof one === 'string' ? multiaddr(one).bytes : one).toString('base64'));
  const rpc = { call: async () => ({ PeerId: peerId, Multiaddrs }) } as unknown as LotusRpc;
  const { origins, peers } = await announcedBy(rpc, 'f01000', never);
  return { origins, peers: peers.map(({ text }) => text) };
}

test('Curio is found by HTTPS where it announces a websocket, and by libp2p as well', async (t) => {
  t.deepEqual(await found(['/dns/market.example.org/tcp/443/wss']), {
    origins: ['https://market.example.org'],
    peers: [`/dns/market.example.org/tcp/443/wss/p2p/${PEER}`],
  });
  const same = ['/dns4/a.example.org/tcp/8443/tls/ws', '/dns6/a.example.org/tcp/8443/https', '/dns/a.example.org/tcp/8443/tls/http'];
  t.deepEqual((await found(same)).origins, ['https://a.example.org:8443']);
});

test('Boost is found by libp2p alone', async (t) => {
  t.deepEqual(await found(['/ip4/203.0.113.7/tcp/24001', '/ip6/2001:db8::7/tcp/24001', `/ip4/203.0.113.7/tcp/24001/p2p/${PEER}`]), {
    origins: [],
    peers: [`/ip4/203.0.113.7/tcp/24001/p2p/${PEER}`, `/ip6/2001:db8::7/tcp/24001/p2p/${PEER}`, `/ip4/203.0.113.7/tcp/24001/p2p/${PEER}`],
  });
});

test('what is encrypted comes first', async (t) => {
  const { origins } = await found(['/ip4/203.0.113.7/tcp/80/http', '/ip6/2001:db8::7/tcp/81/ws', '/dns/b.example.org/tcp/443/wss']);
  t.deepEqual(origins, ['https://b.example.org', 'http://203.0.113.7', 'http://[2001:db8::7]:81']);
});

test('what cannot be read, used, or is of another peer is passed over', async (t) => {
  const nothing = { origins: [], peers: [] };
  t.deepEqual(await found([Uint8Array.of(255, 255, 255), new Uint8Array(0), new Uint8Array(10_000).fill(4)]), nothing);
  t.deepEqual(
    await found([
      '/ip4/203.0.113.7/udp/24001/quic-v1',
      `/ip4/203.0.113.7/tcp/24001/p2p/${OTHER}/p2p-circuit`,
      `/ip4/203.0.113.7/tcp/24001/p2p/${OTHER}`,
      '/unix/%2Ftmp%2Fx.sock',
      `/p2p/${PEER}`,
    ]),
    nothing,
  );
  t.deepEqual(await found(['/ip4/203.0.113.7/tcp/24001'], null), nothing);
  t.deepEqual(await found(['/ip4/203.0.113.7/tcp/24001'], 'no peer'), nothing);
  t.is((await found(Array.from({ length: 100 }, (_, at) => `/ip4/203.0.113.7/tcp/${at + 1}`))).peers.length, 16);
});
