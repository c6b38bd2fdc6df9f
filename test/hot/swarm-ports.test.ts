import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

import test, { type ExecutionContext } from 'ava';

import { FbpdError } from '../../daemon/domain/errors.ts';
import { parseListen, resolveSwarmPorts } from '../../daemon/hot/swarm-ports.ts';

const ANY = ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/udp/0/quic-v1'];

async function takenTcpPort(t: ExecutionContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

function portsOf(addresses: readonly string[]): number[] {
  return addresses.map((address) => parseListen(address).port);
}

test('port 0 becomes one free port for all', async (t) => {
  const resolved = await resolveSwarmPorts(ANY, []);
  const [tcp, udp] = portsOf(resolved);
  t.true(tcp !== 0 && tcp === udp);
  t.deepEqual(resolved, [`/ip4/127.0.0.1/tcp/${tcp}`, `/ip4/127.0.0.1/udp/${tcp}/quic-v1`]);
});

test('the port of the life before is kept while it is free', async (t) => {
  const before = await resolveSwarmPorts(ANY, []);
  t.deepEqual(await resolveSwarmPorts(ANY, before), before);
  const taken = await takenTcpPort(t);
  const occupied = ANY.map((address) => address.replace('/0', `/${taken}`));
  t.false(portsOf(await resolveSwarmPorts(ANY, occupied)).includes(taken));
  t.notDeepEqual(await resolveSwarmPorts(['/ip4/127.0.0.1/tcp/0'], ['/ip6/::/tcp/4001']), ['/ip4/127.0.0.1/tcp/4001']);
});

test('a fixed port that is taken is an error that names it, by TCP and by UDP', async (t) => {
  const taken = await takenTcpPort(t);
  const tcp = await t.throwsAsync(resolveSwarmPorts([`/ip4/127.0.0.1/tcp/${taken}`], []), { instanceOf: FbpdError });
  t.is(tcp?.code, 'BAD_ENVIRONMENT');
  t.true(tcp?.message.includes(`/ip4/127.0.0.1/tcp/${taken}: another program listens there`));
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => socket.close());
  await once(socket, 'listening');
  const udp = `/ip4/127.0.0.1/udp/${socket.address().port}/quic-v1`;
  await t.throwsAsync(resolveSwarmPorts([udp], []), { message: /another program listens there/ });
});

test('an address of no interface of this machine is said so', async (t) => {
  await t.throwsAsync(resolveSwarmPorts(['/ip4/192.0.2.1/tcp/4001'], []), { message: /EADDRNOTAVAIL/ });
});

test('what is no listen address is refused', (t) => {
  for (const text of ['', '4001', '/ip4/1.2.3.4', '/dns4/a.b/tcp/1', '/ip4/1.2.3.4/tcp/70000', '/ip4/1.2.3.4/tcp/x']) {
    t.is(t.throws(() => parseListen(text), { instanceOf: FbpdError })?.code, 'BAD_CONFIG', text);
  }
});
