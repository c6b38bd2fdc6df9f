import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { byteStream } from '@libp2p/utils';
import { webSockets } from '@libp2p/websockets';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';

import { CborReply } from '../../../daemon/cold/makers/mk12/cbor.ts';
import { transportsBytes } from './mk12-wire.ts';
import type { SendFault } from './world.ts';

/** What a provider answers, whatever way it is asked. Replies are the bytes to send. */
export interface Market {
  ask(request: Uint8Array): Promise<Uint8Array>;
  status(request: Uint8Array): Promise<Uint8Array>;
  store(request: Uint8Array): Promise<Uint8Array>;
  /** Undefined: it does not have that. `cid` as text. */
  piece(pieceCid: string): Promise<Buffer | undefined>;
  car(cid: string): Promise<Buffer | undefined>;
  block(cid: string): Promise<Buffer | undefined>;
}

/** What goes wrong with it as a whole. */
export interface ProviderTrouble {
  /** Nobody gets an answer to anything. */
  silent?: boolean;
  /** Bytes are to be paid for. */
  priced?: boolean;
  /** Begins to give bytes and never goes on. */
  hangs?: boolean;
  /** `200` with no bytes at all for `/ipfs`, as a real one does for what it has not indexed. */
  empty?: boolean;
  /** Blocks alone are not given. */
  noBlocks?: boolean;
}

export interface TestProvider {
  /** Its own, where it speaks libp2p. */
  peerId: string | undefined;
  /** As announced on the chain. */
  multiaddrs: string[];
  market: Market;
  trouble: ProviderTrouble;
  /** Of the next proposals, what goes wrong with the reply. */
  faults: SendFault[];
  /** Proposals that came, whatever became of them. */
  proposals: number;
  /** What is to be done late has been done. */
  settled(): Promise<void>;
  /** Paths that were asked for over HTTP. */
  readonly paths: string[];
  stop(): Promise<void>;
}

/** How it is to be reached: as Curio, whose HTTP server takes deals; or as Boost, with libp2p, and HTTP for bytes alone. */
export type Way = 'http' | 'tcp' | 'ws';

type Stream = Parameters<Extract<Parameters<Libp2p['handle']>[1], (...args: never[]) => unknown>>[0];

const LATE_MS = 40;
const HUGE_CHUNKS = 1_024;
const PROTOCOLS = {
  '/fil/storage/mk/1.2.1': 'store',
  '/fil/storage/mk/1.2.0': 'store',
  '/fil/storage/status/1.2.0': 'status',
  '/fil/storage/ask/1.1.0': 'ask',
} as const;

/** A small provider that speaks the real protocols on loopback. `market` is to be set before it is asked. */
export async function startProvider(way: Way): Promise<TestProvider> {
  const late = new Set<Promise<unknown>>();
  const server = createServer();
  const provider: TestProvider = {
    peerId: undefined,
    multiaddrs: [],
    market: undefined as unknown as Market,
    trouble: {},
    faults: [],
    proposals: 0,
    paths: [],
    async settled() {
      await Promise.all(late);
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await node?.stop();
    },
  };
  const later = (work: Promise<unknown>): void => {
    late.add(work);
    void work.finally(() => late.delete(work));
  };
  server.on(
    'request',
    (request, response) => void answerHttp(provider, way === 'http', request, response, later).catch(() => response.destroy()),
  );
  const port = await listen(server);
  const node = way === 'http' ? undefined : await startNode(way);
  if (node === undefined) provider.multiaddrs = [`/ip4/127.0.0.1/tcp/${port}/http`];
  else {
    provider.peerId = node.peerId.toString();
    provider.multiaddrs = node.getMultiaddrs().map((one) => one.toString().replace(/\/p2p\/.*/, ''));
    await handle(node, provider, `/ip4/127.0.0.1/tcp/${port}/http`, later);
  }
  return provider;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** One reply, to be given or spoilt: over HTTP or on a stream. */
interface Reply {
  send(bytes: Uint8Array): Promise<void>;
  /** Less than was promised, and no end. */
  half(bytes: Uint8Array): Promise<void>;
  cut(bytes: Uint8Array): Promise<void>;
  reset(): void;
  serverError(): void;
  huge(): Promise<void>;
}

async function answerStore(
  provider: TestProvider,
  request: Uint8Array,
  reply: Reply,
  later: (work: Promise<unknown>) => void,
): Promise<void> {
  provider.proposals += 1;
  const fault = provider.faults.shift();
  const done = (): Promise<Uint8Array> => provider.market.store(request);
  switch (fault) {
    case undefined:
      return reply.send(await done());
    case 'reply lost before it was done':
      return reply.reset();
    case 'reply lost after it was done':
      await done();
      return reply.reset();
    case 'done only after the connection was gone':
      reply.reset();
      later(sleep(LATE_MS).then(done));
      return;
    case 'never answered':
      return;
    case 'stopped in the middle of the reply':
      return reply.half(await done());
    case 'garbage in reply':
      await done();
      return reply.send(Buffer.from('<html><body>Welcome to nginx!</body></html>'));
    case 'reply cut short':
      return reply.cut(await done());
    case 'reply to another request':
      await done();
      return reply.send(await provider.market.ask(request).catch(() => Uint8Array.of(0xa1, 0x63, 0x41, 0x73, 0x6b, 0xf6)));
    case 'reply of 1 GB':
      return reply.huge();
    case 'a proxy in between says 500':
      return reply.serverError();
  }
}

async function* hugeReply(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('a1674d6573736167657a40000000', 'hex');
  const chunk = Buffer.alloc(1 << 20, 0x20);
  for (let sent = 0; sent < HUGE_CHUNKS; sent++) yield chunk;
}

// ---------------------------------------------------------------------------------------------------------------
// HTTP

async function answerHttp(
  provider: TestProvider,
  takesDeals: boolean,
  request: IncomingMessage,
  response: ServerResponse,
  later: (work: Promise<unknown>) => void,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://provider');
  provider.paths.push(url.pathname);
  const body = Buffer.concat(await Array.fromAsync(request));
  if (provider.trouble.silent === true) return;
  const { market } = provider;
  const way = `${request.method} ${url.pathname}`;
  if (takesDeals && way === 'POST /market/mk12/store') return answerStore(provider, body, httpReply(response), later);
  if (takesDeals && way === 'GET /market/mk12/status') return void response.end(await market.status(body));
  if (takesDeals && way === 'GET /market/mk12/ask') return void response.end(await market.ask(body));
  const [, kind, cid = ''] = url.pathname.split('/');
  if (kind === 'piece') return giveBytes(provider, response, await market.piece(cid), request.headers.range);
  if (kind === 'ipfs' && url.searchParams.get('format') === 'car') {
    if (provider.trouble.empty === true) return void response.writeHead(200).end();
    return giveBytes(provider, response, await market.car(cid), undefined);
  }
  if (kind === 'ipfs' && provider.trouble.noBlocks !== true) return giveBytes(provider, response, await market.block(cid), undefined);
  response.writeHead(404).end('no such thing\n');
}

function giveBytes({ trouble }: TestProvider, response: ServerResponse, bytes: Buffer | undefined, range: string | undefined): void {
  if (trouble.priced === true) return void response.writeHead(402).end();
  if (trouble.hangs === true) return void response.writeHead(200).flushHeaders();
  if (bytes === undefined) return void response.writeHead(404).end('not found\n');
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
  if (first === undefined) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  const part = bytes.subarray(Number(first), Number(last) + 1);
  response.writeHead(206, { 'content-length': part.length, 'content-range': `bytes ${first}-${last}/${bytes.length}` }).end(part);
}

function httpReply(response: ServerResponse): Reply {
  return {
    send: async (bytes) => void response.end(bytes),
    half: async (bytes) => void response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, bytes.length / 2)),
    cut: async (bytes) => void response.end(bytes.subarray(0, bytes.length / 2)),
    reset: () => void response.socket?.resetAndDestroy(),
    serverError: () => void response.writeHead(500).end('Internal Server Error\n'),
    async huge() {
      for await (const chunk of hugeReply()) {
        if (response.destroyed) return;
        if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      }
      response.end();
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------
// libp2p

async function startNode(way: 'tcp' | 'ws'): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen: [way === 'tcp' ? '/ip4/127.0.0.1/tcp/0' : '/ip4/127.0.0.1/tcp/0/ws'] },
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: Number.MAX_SAFE_INTEGER },
  });
}

async function handle(node: Libp2p, provider: TestProvider, gateway: string, later: (work: Promise<unknown>) => void): Promise<void> {
  for (const [protocol, what] of Object.entries(PROTOCOLS))
    await node.handle(protocol, async (stream) => {
      const bytes = byteStream(stream);
      const request = new CborReply();
      let said = Buffer.alloc(0);
      for (let isWhole = false; !isWhole; ) {
        const part = await bytes.read();
        if (part === null) return;
        said = Buffer.concat([said, part.subarray()]);
        isWhole = request.push(part.subarray());
      }
      if (provider.trouble.silent === true) return;
      const reply = streamReply(stream, bytes);
      await (what === 'store' ? answerStore(provider, said, reply, later) : reply.send(await provider.market[what](said)));
    });
  await node.handle('/fil/retrieval/transports/1.0.0', async (stream) => {
    if (provider.trouble.silent === true) return;
    const addresses = [multiaddr(gateway).bytes];
    await streamReply(stream, byteStream(stream)).send(
      transportsBytes([
        { name: 'libp2p', addresses: [] },
        { name: 'http', addresses },
      ]),
    );
  });
}

function streamReply(stream: Stream, bytes: ReturnType<typeof byteStream<Stream>>): Reply {
  const reset = (): void => stream.abort(new Error('reset'));
  return {
    async send(reply) {
      await bytes.write(reply);
      await stream.close();
    },
    half: (reply) => bytes.write(reply.subarray(0, reply.length / 2)),
    async cut(reply) {
      await bytes.write(reply.subarray(0, reply.length / 2));
      await stream.close();
    },
    reset,
    serverError: reset,
    async huge() {
      for await (const chunk of hugeReply()) await bytes.write(chunk).catch(() => undefined);
    },
  };
}
