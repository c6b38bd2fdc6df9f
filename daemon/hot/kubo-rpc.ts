import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { readLines } from './lines.ts';
import { type Body, headersOf, isStreamed, type RequestBody, responseOf, type StreamedBody } from './rpc-body.ts';

/** Where kubo's RPC listens. */
export type RpcTarget = { socketPath: string } | { url: URL };

export type RpcFailure =
  /** No connection, a connection that broke, a reply cut short. */
  | 'unreachable'
  /** Connected, but no answer in time. */
  | 'timeout'
  /** The caller's own signal. */
  | 'aborted'
  /** 401 or 403: the authorization is missing or wrong. */
  | 'denied'
  /** kubo answered with an error: the message is kubo's. */
  | 'refused'
  /** The answer is not what kubo sends: not JSON, too long, of another shape. */
  | 'garbage';

export class RpcError extends Error {
  readonly failure: RpcFailure;

  constructor(failure: RpcFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RpcError';
    this.failure = failure;
  }
}

export type RpcParams = Readonly<Record<string, string | number | boolean>>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** The whole call, reply included. */
  deadlineMs: number;
  /** Default 1 MiB. */
  replyBytesMax?: number;
  /** What is sent with the request. */
  body?: RequestBody;
}

export interface StreamOptions {
  signal?: AbortSignal | undefined;
  /** Ends the stream when kubo has sent nothing for this long, headers included. Absent: it may be silent for ever. */
  idleMs?: number;
  /** What is sent with the request, while the reply comes already. Its own errors come through as they are. */
  body?: StreamedBody;
}

export interface KuboRpcOptions {
  /** Asked at each request: a restarted kubo may listen elsewhere. Undefined means that there is none to ask. */
  target: () => RpcTarget | undefined;
  /** The whole `Authorization` header. */
  authorization?: string | undefined;
}

/**
 * kubo's RPC over HTTP: `POST /api/v0/<command>?…`. Made here rather than taken from a library because long calls
 * need what `fetch` does not give: a unix socket, no time-out of its own, and trailers — kubo reports an error that
 * comes after its 200 in `X-Stream-Error`, where a client that does not look takes the failure for success.
 */
export interface KuboRpc {
  /** One JSON value. */
  call(command: string, params: RpcParams, options: CallOptions): Promise<unknown>;
  /** The reply as it is. */
  bytes(command: string, params: RpcParams, options: CallOptions): Promise<Buffer>;
  /** JSON values one by one, with backpressure down to kubo. Leaving the loop cancels kubo's work. */
  stream(command: string, params: RpcParams, options: StreamOptions): AsyncGenerator<unknown, void, undefined>;
  /** Ends all requests; later ones fail as if kubo were not running. */
  close(): void;
}

const REPLY_BYTES_MAX = 1024 * 1024;
/** An error reply is a sentence; more of it than this is not worth keeping. */
const ERROR_BYTES_MAX = 16 * 1024;

export function createKuboRpc({ target, authorization }: KuboRpcOptions): KuboRpc {
  const agents = {
    http: new HttpAgent({ keepAlive: true, maxFreeSockets: 32 }),
    https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 32 }),
  };

  let closed = false;

  function send(command: string, params: RpcParams, signal: AbortSignal | undefined, body?: Body): ClientRequest {
    const where = closed ? undefined : target();
    if (where === undefined) throw new RpcError('unreachable', 'kubo is not running');
    const query = new URLSearchParams(Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]));
    const path = `/api/v0/${command}?${query}`;
    const options: RequestOptions = {
      method: 'POST',
      headers: { ...headersOf(body), ...(authorization === undefined ? {} : { authorization }) },
      ...(signal === undefined ? {} : { signal }),
    };
    // What can be sent but once is not sent over a connection that kubo may just be closing.
    const isOnce = isStreamed(body);
    const agent = isOnce ? false : agents.http;
    if ('socketPath' in where) return httpRequest({ ...options, agent, socketPath: where.socketPath, path });
    const url = new URL(where.url.pathname.replace(/\/$/, '') + path, where.url);
    return url.protocol === 'https:'
      ? httpsRequest(url, { ...options, agent: isOnce ? false : agents.https })
      : httpRequest(url, { ...options, agent });
  }

  /** Resolves with the reply's head. An idle connection that kubo closed just as we used it is tried once more. */
  async function open(command: string, params: RpcParams, signal: AbortSignal | undefined, body?: Body): Promise<IncomingMessage> {
    signal?.throwIfAborted();
    const request = send(command, params, signal, body);
    try {
      return await responseOf(request, body);
    } catch (error) {
      if (!request.reusedSocket || !isReset(error) || signal?.aborted) throw error;
      return await responseOf(send(command, params, signal, body), body);
    }
  }

  async function bytes(command: string, params: RpcParams, options: CallOptions): Promise<Buffer> {
    const deadline = AbortSignal.timeout(options.deadlineMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    try {
      const response = await open(command, params, signal, options.body);
      if (response.statusCode !== 200) throw await errorReply(response);
      const reply = await readAll(response, options.replyBytesMax ?? REPLY_BYTES_MAX);
      throwStreamError(response);
      return reply;
    } catch (error) {
      if (options.signal?.aborted) throw new RpcError('aborted', `${command} was stopped`, { cause: options.signal.reason });
      if (deadline.aborted)
        throw new RpcError('timeout', `kubo did not answer ${command} within ${options.deadlineMs / 1000} s`, { cause: error });
      throw rpcErrorOf(error, command);
    }
  }

  async function call(command: string, params: RpcParams, options: CallOptions): Promise<unknown> {
    const text = (await bytes(command, params, options)).toString('utf8');
    return text === '' ? undefined : parseJson(text);
  }

  async function* stream(command: string, params: RpcParams, options: StreamOptions): AsyncGenerator<unknown, void, undefined> {
    const idle = new AbortController();
    const watch = options.idleMs === undefined ? undefined : { idleMs: options.idleMs, onIdle: () => idle.abort() };
    const signal = options.signal === undefined ? idle.signal : AbortSignal.any([options.signal, idle.signal]);
    let response: IncomingMessage | undefined;
    let source: { error: unknown } | undefined;
    const onBroken = (error: unknown): void => {
      source ??= { error };
    };
    try {
      const body = options.body === undefined ? undefined : { ...options.body, onBroken };
      response = await within(watch, () => open(command, params, signal, body));
      if (response.statusCode !== 200) throw await errorReply(response);
      for await (const line of readLines(watched(response, watch))) yield parseJson(line);
      throwStreamError(response);
    } catch (error) {
      if (source !== undefined) throw source.error;
      if (options.signal?.aborted) throw new RpcError('aborted', `${command} was stopped`, { cause: options.signal.reason });
      if (idle.signal.aborted)
        throw new RpcError('timeout', `kubo was silent for ${(options.idleMs ?? 0) / 1000} s during ${command}`, { cause: error });
      throw rpcErrorOf(error, command);
    } finally {
      response?.destroy();
    }
  }

  return {
    call,
    bytes,
    stream,
    close() {
      closed = true;
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface IdleWatch {
  idleMs: number;
  onIdle: () => void;
}

/** Runs one wait under the watch, so that time the consumer takes does not count against kubo. */
async function within<T>(watch: IdleWatch | undefined, wait: () => Promise<T>): Promise<T> {
  const timer = watch === undefined ? undefined : setTimeout(watch.onIdle, watch.idleMs);
  try {
    return await wait();
  } finally {
    clearTimeout(timer);
  }
}

async function* watched(response: IncomingMessage, watch: IdleWatch | undefined): AsyncGenerator<Buffer, void, undefined> {
  const chunks: AsyncIterator<Buffer> = response[Symbol.asyncIterator]();
  for (;;) {
    const next = await within(watch, () => chunks.next());
    if (next.done === true) return;
    yield next.value;
  }
}

async function readAll(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new RpcError('garbage', `kubo's reply is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** kubo's errors are `{"Message": "…", "Code": 0, "Type": "error"}`; a proxy before it answers with text. */
async function errorReply(response: IncomingMessage): Promise<RpcError> {
  const status = response.statusCode ?? 0;
  const text = (await readAll(response, ERROR_BYTES_MAX).catch(() => Buffer.alloc(0))).toString('utf8').trim();
  const message = messageOf(text) ?? `HTTP ${status} ${text.slice(0, 200)}`.trim();
  return new RpcError(status === 401 || status === 403 ? 'denied' : 'refused', message);
}

function messageOf(text: string): string | undefined {
  try {
    const reply: unknown = JSON.parse(text);
    return isRecord(reply) && typeof reply.Message === 'string' ? reply.Message : undefined;
  } catch {
    return undefined;
  }
}

function throwStreamError(response: IncomingMessage): void {
  const error = response.trailers['x-stream-error'];
  if (error !== undefined && error !== '') throw new RpcError('refused', error);
  if (!response.complete) throw new RpcError('unreachable', 'kubo broke off its reply');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RpcError('garbage', `kubo's reply is not JSON: ${text.slice(0, 80)}`, { cause });
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isReset(error: unknown): boolean {
  return isRecord(error) && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function rpcErrorOf(error: unknown, command: string): RpcError {
  if (error instanceof RpcError) return error;
  return new RpcError('unreachable', `no answer from kubo to ${command}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
