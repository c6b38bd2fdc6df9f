import type { Socket } from 'node:net';

import type { Libp2p, Stream } from '@libp2p/interface';

import type { ProviderInfo } from '../provider.ts';
import type { World } from '../world.ts';
import { readItem } from './cbor.ts';
import { EXCHANGES, type Exchange, exchange, NO_ASK, NotOurs } from './exchanges.ts';

/** As Boost: so long it waits for a request. */
const READ_MS = 10_000;
const REQUEST_BYTES_MAX = 4 << 20;
const LISTEN = { tcp: '/ip4/127.0.0.1/tcp/0', ws: '/ip4/127.0.0.1/tcp/0/ws' } as const;

/**
 * A provider's libp2p node, which listens where only this process goes: connections are handed to it. It begins to live with the
 * first of them, since libp2p takes a second to load, which most networks would wait for in vain.
 */
export class Libp2pHost {
  readonly #world: World;
  readonly #info: ProviderInfo;
  readonly #transport: keyof typeof LISTEN;
  #node: Promise<Libp2p> | undefined;

  constructor(world: World, info: ProviderInfo, transport: keyof typeof LISTEN) {
    this.#world = world;
    this.#info = info;
    this.#transport = transport;
  }

  /** Where it listens. */
  async port(): Promise<number> {
    this.#node ??= this.#start();
    const [address] = (await this.#node).getMultiaddrs();
    return Number(/\/tcp\/(\d+)/.exec(`${address}`)?.[1]);
  }

  async stop(): Promise<void> {
    const node = await this.#node?.catch(() => undefined);
    await node?.stop();
  }

  async #start(): Promise<Libp2p> {
    const [{ createLibp2p }, { tcp }, { webSockets }, { noise }, { yamux }, { privateKeyFromRaw }] = await Promise.all([
      import('libp2p'),
      import('@libp2p/tcp'),
      import('@libp2p/websockets'),
      import('@libp2p/noise'),
      import('@libp2p/yamux'),
      import('@libp2p/crypto/keys'),
    ]);
    const node = await createLibp2p({
      privateKey: privateKeyFromRaw(this.#info.peerKey),
      addresses: { listen: [LISTEN[this.#transport]] },
      transports: [this.#transport === 'tcp' ? tcp() : webSockets()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      // Boost's go-libp2p counts connections that are open, and not those of a second.
      connectionManager: { inboundConnectionThreshold: Number.MAX_SAFE_INTEGER },
    });
    for (const [protocol, what] of Object.entries(EXCHANGES)) {
      await node.handle(protocol, (stream) => this.#serve(stream, what).catch((error: Error) => stream.abort(error)));
    }
    return node;
  }

  async #serve(stream: Stream, what: Exchange): Promise<void> {
    if (this.#world.faults.ofProvider(this.#info.id).dead === true) throw new Error('nobody is here');
    const { byteStream } = await import('@libp2p/utils');
    const bytes = byteStream(stream);
    const deadline = AbortSignal.timeout(READ_MS);
    const request = what === 'transports' ? new Uint8Array() : await readRequest(() => bytes.read({ signal: deadline }));
    const { chunks, end } = await exchange(this.#world, this.#info, what, request).catch((error: unknown) => {
      if (error instanceof NotOurs) return { chunks: [NO_ASK], end: 'close' as const };
      throw error;
    });
    for (const chunk of chunks) await bytes.write(chunk);
    if (end === 'reset') stream.abort(new Error('reset'));
    if (end === 'close') await stream.close();
  }
}

/** Until one item is whole: nobody closes their side before they are answered. */
async function readRequest(read: () => Promise<{ subarray(): Uint8Array } | null>): Promise<Uint8Array> {
  let have = new Uint8Array();
  for (let chunk = await read(); chunk !== null; chunk = await read()) {
    have = Buffer.concat([have, chunk.subarray()]);
    if (have.length > REQUEST_BYTES_MAX) throw new Error('the request is too large');
    if (readItem(have) !== undefined) return have;
  }
  throw new Error('unexpected EOF');
}

/** Joins two sockets until either ends. */
export function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}
