import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';

import { ColdError } from '../../../domain/cold-ports.ts';
import { hostReach, ipReach, type ReachPolicy, reachAllowed } from '../../../domain/peer-address.ts';
import type { Resolver } from '../../../domain/resolve-address.ts';

export interface HttpOptions extends ReachPolicy {
  resolver: Resolver;
}

export interface HttpRequest {
  method: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** Sent with a GET, too. */
  body?: Uint8Array;
  /** To the head of the reply. */
  deadlineMs: number;
  /** Between two parts of the reply's body. */
  stallMs: number;
  /** Default 0: a redirect is a reply like any other. */
  redirectsMax?: number;
  signal: AbortSignal;
}

export interface HttpReply {
  status: number;
  headers: http.IncomingHttpHeaders;
  /** As it comes. Ending the iteration, or `close`, ends the connection. Rejects with a ColdError. */
  body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** A server that others announced may be anywhere: where our own network is, it must not be asked. */
export interface HttpClient {
  /** Resolves with the head of the reply, of any status. Rejects with a ColdError: `refused` when it may not be asked. */
  request(url: URL, request: HttpRequest): Promise<HttpReply>;
}

const HEADER_BYTES_MAX = 32 * 1024;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** One connection a request. What a name leads to is looked at in the look-up that the connection itself makes. */
export function createHttpClient({ resolver, allowPrivate }: HttpOptions): HttpClient {
  const lookup: LookupFunction = (hostname, { family, all }, done) => {
    const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : undefined;
    resolver.addresses(hostname, wanted).then(
      (found) => {
        const allowed = found.filter(({ address }) => reachAllowed(ipReach(address), { allowPrivate }));
        const [first] = allowed;
        if (first === undefined) done(new NotAllowed(hostname), '', 0);
        else if (all === true) done(null, allowed);
        else done(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => done(error, '', 0),
    );
  };

  async function once(url: URL, request: HttpRequest): Promise<HttpReply> {
    if (
      !/^https?:$/.test(url.protocol) ||
      url.username !== '' ||
      url.password !== '' ||
      !reachAllowed(hostReach(url.hostname), { allowPrivate })
    )
      throw notAllowed(url);
    return send(url, request, lookup);
  }

  return {
    async request(url, request) {
      let target = url;
      for (let left = request.redirectsMax ?? 0; ; left--) {
        const reply = await once(target, request);
        const { location } = reply.headers;
        if (left <= 0 || !REDIRECTS.includes(reply.status) || location === undefined || !URL.canParse(location, target.href)) return reply;
        reply.close();
        const next = new URL(location, target);
        // What was asked over TLS is not asked again where everyone can listen.
        if (target.protocol === 'https:' && next.protocol !== 'https:')
          throw new ColdError('refused', `${target.host} sends us on to plain HTTP`);
        target = next;
      }
    },
  };
}

/** Its name leads to nowhere but where it may not be asked. */
class NotAllowed extends Error {}

function notAllowed({ host }: URL): ColdError {
  return new ColdError('refused', `${host} is an address of a private network or of this machine: it is not asked`);
}

function send(url: URL, { method, headers, body, deadlineMs, stallMs, signal }: HttpRequest, lookup: LookupFunction): Promise<HttpReply> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    method,
    headers: { ...headers, 'user-agent': 'fbpd', ...(body === undefined ? {} : { 'content-length': body.length }) },
    lookup,
    agent: false,
    maxHeaderSize: HEADER_BYTES_MAX,
  });
  const late = new ColdError('unreachable', `${url.host} did not answer within ${deadlineMs / 1000} s`);
  const timer = setTimeout(() => request.destroy(late), deadlineMs);
  const onAbort = (): void => void request.destroy(new ColdError('aborted', 'it was stopped'));
  const failed = (error: unknown): ColdError => {
    // Node tells of a reset connection, however it was ended.
    if (signal.aborted) return new ColdError('aborted', 'it was stopped');
    if (error instanceof ColdError) return error;
    if (error instanceof NotAllowed) return notAllowed(url);
    return new ColdError('unreachable', `no answer from ${url.host}: ${reasonOf(error)}`);
  };
  const end = (): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    request.destroy();
  };
  const fail = (error: unknown): void => {
    end();
    reject(failed(error));
  };
  // Not every end is an error: of who switches to another protocol unasked Node says nothing but that it is over.
  const onClose = (): void => fail(new Error('it ended the connection'));
  request.on('error', fail);
  request.on('close', onClose);
  request.on('response', (response) => {
    request.off('close', onClose);
    clearTimeout(timer);
    response.on('error', () => undefined);
    const stalled = new ColdError('unreachable', `${url.host} sent nothing more for ${stallMs / 1000} s`);
    const body = bodyOf(response, { stallMs, stalled, failed, end });
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body, close: end });
  });
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  else request.end(body);
  return promise;
}

interface BodyOptions {
  stallMs: number;
  stalled: ColdError;
  failed(error: unknown): ColdError;
  end(): void;
}

/** Time counts only while somebody waits for the next part. */
async function* bodyOf(response: http.IncomingMessage, { stallMs, stalled, failed, end }: BodyOptions): AsyncGenerator<Uint8Array> {
  const parts = response[Symbol.asyncIterator]();
  try {
    for (;;) {
      const timer = setTimeout(() => response.destroy(stalled), stallMs);
      const next = await parts.next().finally(() => clearTimeout(timer));
      if (next.done === true) break;
      yield next.value as Uint8Array;
    }
    if (!response.complete) throw new Error('the reply was cut short');
  } catch (error) {
    throw failed(error);
  } finally {
    end();
  }
}

function reasonOf(error: unknown): string {
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (typeof code === 'string') return code;
  return cause instanceof Error ? cause.message : String(cause);
}
