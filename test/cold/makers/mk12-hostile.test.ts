import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls';

import { decode, encode } from '@ipld/dag-cbor';
import test, { type ExecutionContext } from 'ava';

import { createHttpClient } from '../../../daemon/cold/makers/mk12/http.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import { type Resolver, systemResolver } from '../../../daemon/domain/resolve-address.ts';
import { responseBytes } from './mk12-wire.ts';
import { firstOf, type Mk12World, makerFor, worldFor } from './mk12-world.ts';
import { never, prepare, stagedPiece } from './suite.ts';

/** Of `sp.example.org`, made for these tests, with its key. */
const CERTIFICATE = readFileSync(new URL('../../fixtures/tls/sp.example.org.pem', import.meta.url), 'utf8');

function announce(world: Mk12World, multiaddrs: readonly string[]): void {
  Object.assign(firstOf(world).info, { multiaddrs });
}

async function failsWith(t: ExecutionContext, call: Promise<unknown>, failure: ColdError['failure'], message: RegExp): Promise<void> {
  const error = await t.throwsAsync<ColdError>(call, { instanceOf: ColdError });
  t.is(error?.failure, failure, error?.message);
  t.regex(error?.message ?? '', message);
}

/** Loopback has more addresses than one, of which `host` is to be another than a name leads to. */
async function listen(t: ExecutionContext, server: Server, host = '127.0.0.1', port = 0): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
  });
  server.listen(port, host);
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

function resolverOf(zone: Readonly<Record<string, string>>): Resolver {
  return { addresses: async (host) => [{ address: zone[host] ?? '', family: 4 }], texts: async () => [] };
}

// ---------------------------------------------------------------------------------------------------------------
// Over HTTP

const HEADS = {
  'switches to another protocol unasked': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: fbp\r\n\r\n',
  'ends the connection in the middle of the head': 'HTTP/1.1 200 OK\r\nContent-',
};
for (const [what, head] of Object.entries(HEADS))
  test(`a server that ${what} is one that did not answer`, async (t) => {
    const server = createServer((socket) => void socket.once('data', () => socket.end(head)));
    const port = await listen(t, server);
    const http = createHttpClient({ resolver: systemResolver, allowPrivate: true });
    const request = { method: 'GET' as const, deadlineMs: 60_000, stallMs: 60_000, signal: never };
    await failsWith(t, http.request(new URL(`http://127.0.0.1:${port}/`), request), 'unreachable', /no answer from/);
  });

test('who announces many addresses and answers at none does not keep a deal open by it', async (t) => {
  const world = await worldFor(t, 'http');
  const { id } = firstOf(world);
  const { piece } = await stagedPiece(world);
  const prepared = await prepare(world, piece, id);
  let asked = 0;
  const silent = () =>
    createServer(() => {
      asked += 1;
    });
  const ports = await Promise.all(Array.from({ length: 12 }, () => listen(t, silent())));
  announce(
    world,
    ports.map((port) => `/ip4/127.0.0.1/tcp/${port}/http`),
  );
  const maker = makerFor(t, world, { askDeadlineMs: 300 });
  t.like(await maker.report(prepared, never), { kind: 'doubtful' });
  await failsWith(t, maker.ask(id, never), 'unreachable', /by any of the 12 ways|did not answer/);
  t.true(asked < 12, `${asked} of 24 were waited for`);
});

test('what a provider says is handed on without the token that it was given', async (t) => {
  const world = await worldFor(t, 'http');
  const { id, provider } = firstOf(world);
  const { piece } = await stagedPiece(world);
  const prepared = await prepare(world, piece, id);
  const token = String((prepared.request.transfer as { headers: Record<string, string> }).headers.Authorization).split(' ')[1] ?? '';
  t.true(token.length > 8);
  const { store, status } = provider.market;
  provider.market.store = async () => responseBytes(false, `failed to fetch with {"Authorization":"Bearer ${token}"} ${token}`);
  const reply = await world.maker.send(prepared, never);
  t.deepEqual(reply, { kind: 'refused', why: 'other', said: 'failed to fetch with {"Authorization":"Bearer …"} …' });
  provider.market.store = store;
  await world.maker.send(prepared, never);
  provider.market.status = async (request) => {
    const { DealStatus, ...told } = decode<{ DealStatus: object }>(await status(request));
    return encode({ ...told, DealStatus: { ...DealStatus, Error: `${'x'.repeat(270)} ${token}`, Status: token } });
  };
  const report = await world.maker.report(prepared, never);
  t.is(report.kind, 'doubtful');
  t.false(JSON.stringify(report).includes(token.slice(0, 10)));
});

// ---------------------------------------------------------------------------------------------------------------
// Over libp2p

const CUTS = { 'is reset': (socket: Socket) => socket.resetAndDestroy(), ends: (socket: Socket) => socket.end() };
for (const [what, cut] of Object.entries(CUTS))
  test(`a connection that ${what} before anything is said is made once more, and no oftener`, async (t) => {
    const world = await worldFor(t, 'tcp');
    const { id, provider } = firstOf(world);
    const behind = Number(/tcp\/(\d+)/.exec(provider.multiaddrs[0] ?? '')?.[1]);
    let dialled = 0;
    let toCut = 1;
    const port = await listen(
      t,
      createServer((socket) => {
        dialled += 1;
        if (toCut-- > 0) socket.once('data', () => cut(socket));
        else socket.pipe(connect(behind, '127.0.0.1').on('error', () => socket.destroy())).pipe(socket);
      }),
    );
    announce(world, [`/ip4/127.0.0.1/tcp/${port}`]);
    t.true((await world.maker.ask(id, never)).maxPieceSizeBytes > 0);
    t.is(dialled, 2);
    [dialled, toCut] = [0, 2];
    await failsWith(t, world.maker.ask(id, never), 'unreachable', /not reached over libp2p/);
    t.is(dialled, 2);
  });

// ---------------------------------------------------------------------------------------------------------------
// Over websockets

/** Elsewhere loopback has one address until somebody adds more. */
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('a name in an address is for the certificate: the connection goes to the address that was looked at', async (t) => {
  const world = await worldFor(t, 'ws');
  const { id } = firstOf(world);
  let strayed = 0;
  const there = createServer();
  const stray = createServer((socket) => {
    strayed += 1;
    socket.destroy();
  });
  // In this order: at 127.0.0.1 many listen, and each has a port of its own there.
  const port = await listen(t, stray);
  await listen(t, there, '127.0.0.2', port);
  const hello = once(there, 'connection').then(async ([socket]: Socket[]) => {
    const [data] = (await once(socket as Socket, 'data')) as [Buffer];
    socket?.destroy();
    return data.toString('latin1');
  });
  announce(world, [`/ip4/127.0.0.2/tcp/${port}/tls/sni/localhost/ws`]);
  // Its HTTPS server is looked for by name, which is another way.
  const maker = makerFor(t, world, { resolver: resolverOf({ localhost: '127.0.0.3' }) });
  await t.throwsAsync(maker.ask(id, never), { instanceOf: ColdError });
  t.true((await hello).includes('localhost'));
  t.is(strayed, 0);
});

test('over an encrypted websocket the certificate is to be one of the name that was announced', async (t) => {
  setDefaultCACertificates([...getCACertificates('default'), CERTIFICATE]);
  const world = await worldFor(t, 'ws');
  const { id, provider } = firstOf(world);
  const plain = Number(/tcp\/(\d+)\/ws/.exec(provider.multiaddrs[0] ?? '')?.[1]);
  const port = await listen(
    t,
    createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE }, (socket) => {
      const onward = connect(plain, '127.0.0.1');
      socket.on('error', () => onward.destroy());
      onward.on('error', () => socket.destroy());
      socket.pipe(onward).pipe(socket);
    }),
  );
  const maker = makerFor(t, world, { resolver: resolverOf({ 'sp.example.org': '127.0.0.1', 'another.example.org': '127.0.0.1' }) });
  for (const encrypted of ['wss', 'tls/ws']) {
    announce(world, [`/dns4/sp.example.org/tcp/${port}/${encrypted}`]);
    t.true((await maker.ask(id, never)).maxPieceSizeBytes > 0);
    announce(world, [`/dns4/another.example.org/tcp/${port}/${encrypted}`]);
    await failsWith(t, maker.ask(id, never), 'unreachable', /./);
    announce(world, [`/ip4/127.0.0.1/tcp/${port}/${encrypted}`]);
    await failsWith(t, maker.ask(id, never), 'unreachable', /./);
  }
});

test('a websocket frame that claims more than there ever is ends the connection as soon as it shows', async (t) => {
  const world = await worldFor(t, 'ws');
  const { id } = firstOf(world);
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const port = await listen(
    t,
    createServer((socket) => {
      socket.once('close', () => onEnd());
      socket.once('data', (request: Buffer) => {
        const key = /sec-websocket-key: (\S+)/i.exec(request.toString())?.[1] ?? '';
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        // 4 GiB, of which nothing comes.
        socket.write(Buffer.from('827f0000000100000000', 'hex'));
      });
    }),
  );
  announce(world, [`/ip4/127.0.0.1/tcp/${port}/ws`]);
  const maker = makerFor(t, world, { askDeadlineMs: 600_000 });
  const asking = maker.ask(id, never);
  await ended;
  await failsWith(t, asking, 'unreachable', /./);
});
