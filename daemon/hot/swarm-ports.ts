import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

import { FbpdError } from '../domain/errors.ts';

/** Matches `/ip4/0.0.0.0/tcp/4001`, `/ip6/::/udp/4001/quic-v1` and the like. */
const LISTEN = /^\/(ip4|ip6)\/([^/]+)\/(tcp|udp)\/(\d+)(\/.*)?$/;

interface Listen {
  text: string;
  family: 'ip4' | 'ip6';
  host: string;
  transport: 'tcp' | 'udp';
  port: number;
}

/** @throws FbpdError `BAD_CONFIG` when it is not a listen address of kubo's. */
export function parseListen(text: string): Listen {
  const [, family, host, transport, port] = LISTEN.exec(text) ?? [];
  if (
    (family !== 'ip4' && family !== 'ip6') ||
    (transport !== 'tcp' && transport !== 'udp') ||
    host === undefined ||
    Number(port) > 65_535
  ) {
    throw new FbpdError('BAD_CONFIG', `${JSON.stringify(text)} is not a swarm address to listen on, like /ip4/0.0.0.0/tcp/4001`, {
      subject: 'hot.swarm',
    });
  }
  return { text, family, host, transport, port: Number(port) };
}

/**
 * Gives every listen address a real port. Addresses with port 0 share one, the one of `before` (the repo's config) if
 * it is still free, so that a node keeps its addresses over restarts.
 *
 * @throws FbpdError `BAD_ENVIRONMENT` when a fixed port is taken. kubo itself would not say so: it listens with
 * SO_REUSEPORT, and two nodes on one port get half of the connections each.
 */
export async function resolveSwarmPorts(wanted: readonly string[], before: readonly string[]): Promise<string[]> {
  const listens = wanted.map(parseListen);
  for (const listen of listens.filter(({ port }) => port !== 0)) {
    const code = await bindError(listen, listen.port);
    if (code !== undefined) throw occupied(listen, code);
  }
  const floating = listens.filter(({ port }) => port === 0);
  const port = floating.length === 0 ? 0 : await sharedPort(floating, portBefore(floating, before));
  return listens.map((listen) => (listen.port === 0 ? withPort(listen.text, port) : listen.text));
}

function occupied(listen: Listen, code: string): FbpdError {
  const why = code === 'EADDRINUSE' ? 'another program listens there' : code;
  return new FbpdError(
    'BAD_ENVIRONMENT',
    `hot.swarm_port: kubo cannot listen on ${listen.text}: ${why}; stop that program, or choose another port (0 takes any free one)`,
    {
      subject: 'hot.swarm',
    },
  );
}

function withPort(text: string, port: number): string {
  return text.replace(/\/(tcp|udp)\/\d+/, `/$1/${port}`);
}

/** The port these addresses had, if the config before lists all of them under one. */
function portBefore(floating: readonly Listen[], before: readonly string[]): number | undefined {
  const first = before.find((text) => withPort(text, 0) === floating[0]?.text);
  const port = Number(LISTEN.exec(first ?? '')?.[4] ?? 0);
  return port !== 0 && floating.every(({ text }) => before.includes(withPort(text, port))) ? port : undefined;
}

const PORT_ATTEMPTS = 50;

async function sharedPort(floating: readonly Listen[], preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await isFree(floating, preferred))) return preferred;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = await anyTcpPort();
    if (await isFree(floating, port)) return port;
  }
  throw new FbpdError('BAD_ENVIRONMENT', `no port is free for all of ${floating.map(({ text }) => text).join(', ')}`, {
    subject: 'hot.swarm',
  });
}

async function isFree(listens: readonly Listen[], port: number): Promise<boolean> {
  for (const listen of listens) if ((await bindError(listen, port)) !== undefined) return false;
  return true;
}

/** Binds and lets go at once. Undefined when it worked, else the error's code. */
function bindError(listen: Listen, port: number): Promise<string | undefined> {
  return listen.transport === 'tcp' ? tcpBindError(listen, port) : udpBindError(listen, port);
}

function tcpBindError({ host, family }: Listen, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    // A worker of a cluster would share its parent's listener otherwise.
    server.listen({ host, port, ipv6Only: family === 'ip6', exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function udpBindError({ host, family }: Listen, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: family === 'ip6' ? 'udp6' : 'udp4', ipv6Only: family === 'ip6' });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

function anyTcpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
