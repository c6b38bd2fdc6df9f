import test from 'ava';

import { isFbpdError } from '../../daemon/domain/errors.ts';
import { addressReach, ipReach, originAddressAllowed, parsePeerAddress } from '../../daemon/domain/peer-address.ts';

const PEER = '12D3KooWARsK6QacmeAa9D633ndCwcLKCz7THV7HmXoEN92Rmyad';
const RELAY = 'QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN';

const reachOf = (text: string) => addressReach(parsePeerAddress(text));

test('reads peer multiaddrs of every usual kind', (t) => {
  const parsed = parsePeerAddress(`/ip4/1.2.3.4/udp/4001/quic-v1/p2p/${PEER}`);
  t.is(parsed.peerId, PEER);
  t.is(parsed.text, `/ip4/1.2.3.4/udp/4001/quic-v1/p2p/${PEER}`);
  t.is(parsePeerAddress(`/ip4/1.2.3.4/tcp/4001/ipfs/${RELAY}`).text, `/ip4/1.2.3.4/tcp/4001/p2p/${RELAY}`);
  t.is(parsePeerAddress('/p2p/bafzaajaiaejcb4djurzmvoikuxf6b5orutn7qeb4gb5yfsfwzp2mg3hnrbc7xuhl').components.length, 1);
  for (const text of [
    `/dnsaddr/bootstrap.libp2p.io/p2p/${RELAY}`,
    `/dns4/example.org/tcp/443/wss/p2p/${PEER}`,
    `/ip6/2604:1380::1/udp/4001/quic-v1/webtransport/certhash/uEiAsGPzpiPGQzSlVHRXrUCT5EkTV7YFrV4VZ3hpEKTd_zg/p2p/${PEER}`,
    `/ip4/1.2.3.4/tcp/4001/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`,
    `/p2p/${PEER}`,
  ]) {
    t.notThrows(() => parsePeerAddress(text), text);
  }
});

test('refuses what is not one, and names the field', (t) => {
  for (const text of [
    '',
    '/',
    'nonsense',
    'http://1.2.3.4:4001',
    '/ip4/1.2.3.4/tcp/4001',
    '/ip4/1.2.3.4/tcp/99999/p2p/x',
    '/ip4/1.2.3.4/tcp/4001/p2p/garbage',
    `/ip4/1.2.3.4/tcp/4001/p2p/${PEER}/tcp/1`,
    `/ip4/1.2.3.4/tcp/4001/p2p/garbage/p2p-circuit/p2p/${PEER}`,
    `/ip4/010.0.0.1/tcp/1/p2p/${PEER}`,
    `/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/${PEER}`,
    `/unix/tmp/socket/p2p/${PEER}`,
    `/memory/1/p2p/${PEER}`,
    `/p2p/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku`,
    `/ip4/1.2.3.4/tcp/4001/${'x'.repeat(2_000)}/p2p/${PEER}`,
  ]) {
    const error = t.throws(() => parsePeerAddress(text, 'origins[3]'), undefined, text);
    t.true(isFbpdError(error, 'BAD_REQUEST'), text);
    t.true(isFbpdError(error) && error.subject === 'origins[3]');
  }
});

test('only globally routable unicast is public', (t) => {
  for (const ip of ['1.1.1.1', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1']) t.is(ipReach(ip), 'public', ip);
  for (const ip of ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1']) t.is(ipReach(ip), 'loopback', ip);
  for (const ip of ['10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fdab::1', '::ffff:10.0.0.1', '::ffff:a00:1']) {
    t.is(ipReach(ip), 'private', ip);
  }
  for (const ip of ['169.254.169.254', 'fe80::1']) t.is(ipReach(ip), 'linklocal', ip);
  for (const ip of [
    ...['0.0.0.0', '::', '255.255.255.255', '224.0.0.1', 'ff02::1', '240.0.0.1', '192.0.2.1', '198.18.0.1', '2001:db8::1'],
    ...['::7f00:1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '4000::1', 'not an address', ''],
  ]) {
    t.is(ipReach(ip), 'unusable', ip);
  }
});

test('an address reaches no further than the worst of its parts', (t) => {
  t.is(reachOf(`/ip4/1.1.1.1/tcp/1/p2p/${RELAY}/p2p-circuit/ip4/127.0.0.1/tcp/1/p2p/${PEER}`), 'loopback');
  t.is(reachOf(`/ip4/10.0.0.1/tcp/1/p2p/${RELAY}/p2p-circuit/p2p/${PEER}`), 'private');
  t.is(reachOf(`/dns4/example.org/tcp/1/p2p/${PEER}`), 'dns');
  t.is(reachOf(`/dns4/LOCALHOST./tcp/1/p2p/${PEER}`), 'loopback');
  t.is(reachOf(`/dns/printer.local/tcp/1/p2p/${PEER}`), 'loopback');
  t.is(reachOf(`/p2p/${PEER}`), 'none');
});

test("a client's origin may be public or a name, and private only where that is allowed", (t) => {
  const allowed = (text: string, allowPrivate: boolean) => originAddressAllowed(parsePeerAddress(text), { allowPrivate });
  for (const text of [`/ip4/1.1.1.1/tcp/1/p2p/${PEER}`, `/dnsaddr/example.org/p2p/${PEER}`, `/p2p/${PEER}`]) {
    t.true(allowed(text, false), text);
    t.true(allowed(text, true), text);
  }
  for (const ip of [
    '/ip4/127.0.0.1',
    '/ip4/192.168.0.1',
    '/ip4/169.254.169.254',
    '/ip6/::1',
    '/ip6/fd00::1',
    '/ip6/::ffff:10.0.0.1',
    '/dns4/localhost',
  ]) {
    t.false(allowed(`${ip}/tcp/1/p2p/${PEER}`, false), ip);
    t.true(allowed(`${ip}/tcp/1/p2p/${PEER}`, true), ip);
  }
  for (const ip of ['/ip4/0.0.0.0', '/ip4/224.0.0.1', '/ip6/64:ff9b::a00:1']) t.false(allowed(`${ip}/tcp/1/p2p/${PEER}`, true), ip);
});
