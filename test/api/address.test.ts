import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

import test from 'ava';

import { createClients } from '../../api/address.ts';
import { isFbpdError } from '../../daemon/domain/errors.ts';

function request(remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress });
  return Object.assign(new IncomingMessage(socket), { headers });
}

test('without trusted proxies the peer counts, whatever it says', (t) => {
  const clients = createClients([]);
  t.is(clients.keyOf(request('8.8.8.8', { 'x-forwarded-for': '9.9.9.9' })), '8.8.8.8');
  t.is(clients.keyOf(request('::ffff:8.8.8.8')), '8.8.8.8');
});

test('behind trusted proxies the nearest address that is not one of them counts', (t) => {
  const clients = createClients(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
  const forwarded = { 'x-forwarded-for': '1.1.1.1, 9.9.9.9, 10.0.0.7' };
  t.is(clients.keyOf(request('127.0.0.1', forwarded)), '9.9.9.9');
  t.is(clients.keyOf(request('::ffff:10.1.2.3', forwarded)), '9.9.9.9');
  t.is(clients.keyOf(request('8.8.8.8', forwarded)), '8.8.8.8', 'a stranger cannot pass for another');
  t.is(clients.keyOf(request('127.0.0.1', { 'x-forwarded-for': 'nonsense' })), '127.0.0.1');
  t.is(clients.keyOf(request('127.0.0.1')), '127.0.0.1');
});

test('an IPv6 client is its /64', (t) => {
  const clients = createClients([]);
  const key = clients.keyOf(request('2a00:1450:4001:80b::200e'));
  t.is(clients.keyOf(request('2a00:1450:4001:80b:ffff::1')), key);
  t.not(clients.keyOf(request('2a00:1450:4001:80c::200e')), key);
});

test('only a request that was made on this machine is local', (t) => {
  const clients = createClients(['127.0.0.1']);
  t.true(clients.isLocal(request('127.0.0.1')));
  t.true(createClients([]).isLocal(request('::1')));
  t.true(createClients([]).isLocal(request('::ffff:127.0.0.1')));
  t.false(clients.isLocal(request('192.168.1.4')));
  t.false(clients.isLocal(request('127.0.0.1', { 'x-forwarded-for': '9.9.9.9' })), 'from far away over a trusted proxy');
  t.true(clients.isLocal(request('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' })));
  t.false(createClients([]).isLocal(request('127.0.0.1', { 'x-forwarded-for': '127.0.0.1' })), 'over a proxy nobody told us of');
  t.false(createClients([]).isLocal(request('127.0.0.1', { forwarded: 'for=9.9.9.9' })));
});

test('a trusted proxy that is no address is refused by name', (t) => {
  for (const bad of ['proxy.example.org', '10.0.0.0/40', '']) {
    const error = t.throws(() => createClients([bad]));
    t.true(isFbpdError(error, 'BAD_CONFIG'));
    t.regex(error?.message ?? '', /^api\.trusted_proxies/);
  }
});
