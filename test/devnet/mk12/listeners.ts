import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import type { ProviderInfo } from '../provider.ts';
import type { World } from '../world.ts';
import { ProviderHttp } from './http-server.ts';
import { join, Libp2pHost } from './libp2p-host.ts';

const HOST = '127.0.0.1';

export interface Listeners {
  close(): Promise<void>;
}

/** Opens what the providers announce, and announces it. Those whose addresses were given keep them, true or not. */
export async function openListeners(world: World): Promise<Listeners> {
  const opened = await Promise.all(world.providers.list().map((info) => open(world, info)));
  return {
    close: async () => {
      await Promise.all(opened.map((one) => one.close()));
    },
  };
}

async function open(world: World, info: ProviderInfo): Promise<Listeners> {
  const sockets = new Set<Socket>();
  const http = new ProviderHttp(world, info);
  const server = createHttpServer((request, response) => {
    http.answer(request, response).catch(() => response.destroy());
  });
  info.httpPort = await listen(server, sockets);
  if (info.mk12 === 'curio') {
    announce(info, `/ip4/${HOST}/tcp/${info.httpPort}/ws`);
    return { close: () => close([server], sockets) };
  }
  const host = new Libp2pHost(world, info, info.mk12 === 'boost' ? 'tcp' : 'ws');
  const handOver = (socket: Socket, head?: Buffer) => {
    if (world.faults.ofProvider(info.id).dead === true) socket.destroy();
    else hand(host, socket, head).catch(() => socket.destroy());
  };
  if (info.mk12 === 'both') {
    announce(info, `/ip4/${HOST}/tcp/${info.httpPort}/ws`);
    server.on('upgrade', (request, socket, head) => {
      const lines = [`${request.method} ${request.url} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      handOver(socket as Socket, Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), head]));
    });
    return { close: () => closeAll([server], sockets, host) };
  }
  const front = createServer((socket) => handOver(socket));
  announce(info, `/ip4/${HOST}/tcp/${await listen(front, sockets)}`);
  return { close: () => closeAll([server, front], sockets, host) };
}

function announce(info: ProviderInfo, address: string): void {
  if (info.multiaddrs.length === 0) info.multiaddrs = [address];
}

/** Passes a connection on to the node, which is started for it if need be. */
async function hand(host: Libp2pHost, socket: Socket, head: Buffer | undefined): Promise<void> {
  socket.on('error', () => undefined);
  const inner = connect(await host.port(), HOST);
  if (head !== undefined) inner.write(head);
  join(socket, inner);
}

async function listen(server: Server, sockets: Set<Socket>): Promise<number> {
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closeAll(servers: readonly Server[], sockets: ReadonlySet<Socket>, host: Libp2pHost): Promise<void> {
  await close(servers, sockets);
  await host.stop();
}

async function close(servers: readonly Server[], sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
}
