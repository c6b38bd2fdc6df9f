import test from 'ava';

import { parsePeerAddress } from '../../daemon/domain/peer-address.ts';
import { type Resolver, resolveAddress } from '../../daemon/domain/resolve-address.ts';
import { dialPeers } from '../../daemon/hot/dial.ts';
import type { KuboRpc } from '../../daemon/hot/kubo-rpc.ts';
import { createLog } from '../../daemon/log.ts';

const PEER = '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad';
const OTHER = 'QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN';

/** Names and what they lead to: `a.test` to addresses, `_dnsaddr.a.test` to records. */
function resolverOf(zone: Readonly<Record<string, readonly string[]>>): Resolver {
  return {
    async addresses(host, family) {
      const found = (zone[host] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      return family === undefined ? found : found.filter((one) => one.family === family);
    },
    texts: async (host) => [...(zone[host] ?? [])],
  };
}

async function resolve(text: string, zone: Readonly<Record<string, readonly string[]>>): Promise<string[]> {
  return (await resolveAddress(parsePeerAddress(text), { resolver: resolverOf(zone) })).map((one) => one.text);
}

test('a name becomes its addresses, of the family it asks for', async (t) => {
  const zone = { 'a.test': ['1.1.1.1', '2606:4700::1', '127.0.0.1'] };
  t.deepEqual(await resolve(`/dns/a.test/tcp/1/p2p/${PEER}`, zone), [
    `/ip4/1.1.1.1/tcp/1/p2p/${PEER}`,
    `/ip6/2606:4700::1/tcp/1/p2p/${PEER}`,
    `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`,
  ]);
  t.deepEqual(await resolve(`/dns6/a.test/udp/1/quic-v1/p2p/${PEER}`, zone), [`/ip6/2606:4700::1/udp/1/quic-v1/p2p/${PEER}`]);
  t.deepEqual(await resolve(`/dns4/b.test/tcp/1/p2p/${PEER}`, zone), []);
});

test('TLS is still told the name', async (t) => {
  const zone = { 'a.test': ['1.1.1.1'] };
  const wanted = [`/ip4/1.1.1.1/tcp/443/tls/sni/a.test/ws/p2p/${PEER}`];
  t.deepEqual(await resolve(`/dns4/a.test/tcp/443/wss/p2p/${PEER}`, zone), wanted);
  t.deepEqual(await resolve(`/dns4/a.test/tcp/443/tls/ws/p2p/${PEER}`, zone), wanted);
  t.deepEqual(await resolve(`/dns4/a.test/tcp/443/tls/sni/a.test/ws/p2p/${PEER}`, zone), wanted);
});

test('a dnsaddr is followed to the peer that was asked for, and not for ever', async (t) => {
  const zone = {
    '_dnsaddr.a.test': [
      `dnsaddr=/dnsaddr/b.test/p2p/${PEER}`,
      `dnsaddr=/ip4/9.9.9.9/tcp/1/p2p/${OTHER}`,
      'v=spf1',
      'dnsaddr=/ip4/9.9.9.9/tcp/1',
    ],
    '_dnsaddr.b.test': [`dnsaddr=/ip4/1.1.1.1/tcp/1/p2p/${PEER}`],
    '_dnsaddr.loop.test': [`dnsaddr=/dnsaddr/loop.test/p2p/${PEER}`],
  };
  t.deepEqual(await resolve(`/dnsaddr/a.test/p2p/${PEER}`, zone), [`/ip4/1.1.1.1/tcp/1/p2p/${PEER}`]);
  t.deepEqual(await resolve(`/dnsaddr/loop.test/p2p/${PEER}`, zone), []);
});

test('names that branch without end cost a bounded number of look-ups', async (t) => {
  let lookups = 0;
  const resolver: Resolver = {
    addresses: async () => [],
    texts: async () => Array.from({ length: 16 }, (_, index) => `dnsaddr=/dnsaddr/n${lookups++}-${index}.test/p2p/${PEER}`),
  };
  t.deepEqual(await resolveAddress(parsePeerAddress(`/dnsaddr/a.test/p2p/${PEER}`), { resolver }), []);
  t.true(lookups <= 16 * 16, `${lookups} names came up`);
});

/** Notes what kubo is told to dial; every dial fails. */
function notingRpc(dialled: string[]): KuboRpc {
  return {
    call(_command, { arg }) {
      dialled.push(String(arg));
      return Promise.reject(new Error('no'));
    },
    bytes: () => Promise.reject(new Error('not used')),
    stream: () => {
      throw new Error('not used');
    },
    close: () => undefined,
  };
}

async function dial(addresses: readonly string[], allowPrivate: boolean): Promise<string[]> {
  const dialled: string[] = [];
  const resolver = resolverOf({ 'evil.test': ['127.0.0.1', '169.254.169.254', '::ffff:10.0.0.1', '1.1.1.1'], localhost: ['127.0.0.1'] });
  const options = { rpc: notingRpc(dialled), resolver, allowPrivate, timeoutMs: 5_000, log: createLog('silent') };
  await dialPeers(addresses, new AbortController().signal, options);
  return dialled.sort();
}

test('a name that leads inside is not dialled there', async (t) => {
  t.deepEqual(await dial([`/dns/evil.test/tcp/80/p2p/${PEER}`], false), [`/ip4/1.1.1.1/tcp/80/p2p/${PEER}`]);
  t.deepEqual(await dial([`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`, `/dns4/localhost/tcp/1/p2p/${PEER}`, 'nonsense'], false), []);
});

test('private addresses are dialled where they are allowed, by name too', async (t) => {
  t.deepEqual(await dial([`/ip4/10.0.0.1/tcp/1/p2p/${PEER}`, `/dns4/localhost/tcp/1/p2p/${PEER}`], true), [
    `/ip4/10.0.0.1/tcp/1/p2p/${PEER}`,
    `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`,
  ]);
});

test('a look-up that never ends is given up', async (t) => {
  const resolver: Resolver = { addresses: () => new Promise(() => undefined), texts: () => new Promise(() => undefined) };
  const options = { rpc: notingRpc([]), resolver, allowPrivate: false, timeoutMs: 50, log: createLog('silent') };
  await dialPeers([`/dns4/a.test/tcp/1/p2p/${PEER}`], new AbortController().signal, options);
  t.pass();
});
