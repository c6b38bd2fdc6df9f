import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import { FbpdError } from '../daemon/domain/errors.ts';
import type { Log } from '../daemon/log.ts';
import { failure, rawFailure } from './errors.ts';
import type { ApiLimits } from './limits.ts';

export interface Listener {
  /** Resolves when connections are accepted. Rejects with `BAD_ENVIRONMENT` when the address cannot be had. */
  listen(): Promise<{ address: AddressInfo }>;
  /** Accepts no more, lets running requests finish until the deadline, then closes what is left. Idempotent. */
  close(): Promise<void>;
  /** True once `close` was called: replies should ask for their connection to be closed. */
  closing(): boolean;
  /**
   * Lets a request take longer to arrive than `requestTimeoutMs`, until the returned function is called: its route sees to it
   * that something comes.
   */
  patient(req: IncomingMessage): () => void;
}

export interface ListenerOptions {
  handle: RequestListener;
  host: string;
  port: number;
  limits: ApiLimits;
  log: Log;
  /** The key of the config that its address comes from. */
  key: 'api.listen' | 'gateway.listen';
  /** A connection on which nothing moves either way, as with a client that doesn't read its reply, is cut after this. Default 2 minutes. */
  silenceMs?: number;
  /** So much of a reply may wait in memory for its client. Default: Node's 64 KiB. */
  bufferBytes?: number;
}

const SILENCE_MS = 120_000;
/** How often Node looks for requests that are late. */
const TIMEOUT_CHECK_MS = 1000;
/** A client that was told off may read the reply this long before the connection is cut. */
const LINGER_MS = 1000;

/**
 * An HTTP server with limits on everything, that answers in the specification's shape even when there was no request to
 * speak of.
 */
export function createListener(options: ListenerOptions): Listener {
  const { handle, limits } = options;
  const sockets = new Set<Duplex>();
  const replies = new WeakMap<Duplex, ServerResponse>();
  const patient = new WeakSet<Duplex>();
  const accept: RequestListener = (req, res) => {
    replies.set(req.socket, res);
    handle(req, res);
  };
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: limits.headerBytes,
      noDelay: true,
      // Node's own answer to a missing Host has no body; the API gives one, and the name is not used for anything.
      requireHostHeader: false,
      ...(options.bufferBytes === undefined ? {} : { highWaterMark: options.bufferBytes }),
    },
    accept,
  );
  server.maxConnections = limits.connections;
  server.timeout = Math.max(options.silenceMs ?? SILENCE_MS, limits.keepAliveTimeoutMs);
  // Too few file descriptors to accept with, say: what is open goes on, and nobody else would hear of it.
  server.on('error', (error) => {
    if (server.listening) options.log.error({ err: error }, `${options.key}: a connection could not be accepted`);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (error, socket) => {
    // Said once for each request, which then may take its time.
    if (codeOf(error) === LATE && patient.has(socket)) return;
    answerBrokenRequest(error, socket, wasAnswered(replies.get(socket)));
  });
  server.on('checkContinue', (req, res) => {
    if (Number(req.headers['content-length'] ?? 0) <= limits.bodyBytes) res.writeContinue();
    accept(req, res);
  });
  server.on('checkExpectation', refuseExpectation);
  server.on('connect', (_req, socket) => {
    hangUp(socket, rawFailure(405, 'Method Not Allowed', 'METHOD_NOT_ALLOWED', 'this is not a proxy'));
  });

  let closed: Promise<void> | undefined;
  return {
    closing: () => closed !== undefined,
    patient({ socket }) {
      patient.add(socket);
      return () => patient.delete(socket);
    },
    close() {
      closed ??= closeServer(server, limits.closeDeadlineMs, () => {
        // Node's own idea of idle leaves out connections that never sent anything.
        for (const socket of sockets) if (replies.get(socket)?.writableFinished !== false) socket.destroy();
      });
      return closed;
    },
    async listen() {
      await bind(server, options);
      const address = server.address();
      if (address === null || typeof address === 'string') throw new TypeError('a TCP listener has an address and a port');
      return { address };
    },
  };
}

async function bind(server: Server, { host, port, key }: ListenerOptions): Promise<void> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `${key}: cannot listen on ${host}:${port}: ${why}`, { subject: key, cause });
  }
}

async function closeServer(server: Server, deadlineMs: number, closeIdle: () => void): Promise<void> {
  if (!server.listening) return;
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  closeIdle();
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await done;
  clearTimeout(deadline);
}

const LATE = 'ERR_HTTP_REQUEST_TIMEOUT';

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** By Node's error code; anything else is a 400. */
const BROKEN: Record<string, [status: number, statusText: string, reason: string, details: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'HEADERS_TOO_LARGE', 'the request line and headers are too long'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large', 'PAYLOAD_TOO_LARGE', 'too many chunk extensions'],
  [LATE]: [408, 'Request Timeout', 'REQUEST_TIMEOUT', 'the request did not arrive in time'],
};

/** True when the broken bytes belong to a request that has its reply, or a part of it, already. */
function wasAnswered(reply: ServerResponse | undefined): boolean {
  if (reply === undefined || !reply.headersSent) return false;
  const next = reply.writableEnded && reply.req.complete && reply.shouldKeepAlive;
  return !next;
}

function answerBrokenRequest(error: Error, socket: Duplex, answered: boolean): void {
  const code = codeOf(error);
  // A client would take more bytes for a part of the reply it has, or for the reply to its next request.
  if (code === 'ECONNRESET' || !socket.writable || answered) {
    socket.destroy();
    return;
  }
  const [status, statusText, reason, details] = BROKEN[code] ?? [400, 'Bad Request', 'BAD_REQUEST', 'this is not HTTP/1.1'];
  hangUp(socket, rawFailure(status, statusText, reason, details));
}

/** Closing at once, with input unread, would reset the connection and take the reply with it. */
function hangUp(socket: Duplex, reply: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(reply);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function refuseExpectation(_req: IncomingMessage, res: ServerResponse): void {
  const body = JSON.stringify(failure('EXPECTATION_FAILED', 'Expect: only 100-continue is understood'));
  res.writeHead(417, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body), Connection: 'close' });
  res.end(body);
}
