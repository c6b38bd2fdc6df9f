import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { webSockets } from '@libp2p/websockets';
import type { Multiaddr } from '@multiformats/multiaddr';
import { WebSocket } from 'ws';

/** More than yamux and noise ever put into one. A longer frame ends the connection before it is taken in. */
const FRAME_BYTES_MAX = 1024 * 1024;
/** "It ended without a word": to be seen, and not to be said. */
const NO_WORD = 1006;

type CreateTransport = ReturnType<typeof webSockets>;

/**
 * The websockets of libp2p, but for how they connect: its own go to the name in a `/tls/sni/…`, wherever that leads by now, and
 * take in frames of any length. Here the connection goes to the address itself, which was looked at before; the name is for the
 * certificate.
 */
export function literalWebSockets(): CreateTransport {
  const create = webSockets();
  return (components) => {
    const transport = create(components);
    if (!('_connect' in transport)) throw new TypeError('the websockets of libp2p connect in another way than they did');
    return Object.assign(transport, { _connect: open });
  };
}

/** Where to connect, and what to say of whom is expected there. */
interface Target {
  ip: string;
  port: number;
  isEncrypted: boolean;
  /** As the certificate is to have it; absent: the address. */
  name?: string;
}

function targetOf(address: Multiaddr): Target {
  const parts = address.getComponents();
  const value = (name: string): string | undefined => parts.find((one) => one.name === name)?.value;
  const ip = value('ip4') ?? value('ip6') ?? '';
  const name = value('sni');
  if (isIP(ip) === 0) throw new TypeError('only addresses are connected to, no names');
  const isEncrypted = parts.some((one) => one.name === 'tls' || one.name === 'wss');
  return { ip, port: Number(value('tcp')), isEncrypted, ...(name === undefined || isIP(name) > 0 ? {} : { name }) };
}

async function open(address: Multiaddr, { signal }: { signal?: AbortSignal } = {}): Promise<WebSocket> {
  signal?.throwIfAborted();
  const { ip, port, isEncrypted, name } = targetOf(address);
  const host = name ?? (isIP(ip) === 6 ? `[${ip}]` : ip);
  const socket = new WebSocket(`${isEncrypted ? 'wss' : 'ws'}://${host}:${port}`, {
    createConnection: () => (isEncrypted ? connectTls({ host: ip, port, servername: name ?? '' }) : connectTcp({ host: ip, port })),
    followRedirects: false,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
  });
  socket.binaryType = 'arraybuffer';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It stays: what goes wrong later is seen by the close that comes with it.
  socket.on('error', reject);
  socket.once('close', () => reject(new Error('it ended the connection')));
  socket.once('open', resolve);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await promise;
  } catch (error) {
    socket.terminate();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return withReset(socket);
}

/** libp2p resets a connection by a code that nobody may send. */
function withReset(socket: WebSocket): WebSocket {
  const close = socket.close.bind(socket);
  return Object.assign(socket, { close: (code?: number) => (code === NO_WORD ? socket.terminate() : close(code)) });
}
