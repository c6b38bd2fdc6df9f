import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';

import type { paths } from '../../spec/fbpd.ts';
import { FbpdError } from '../domain/errors.ts';
import { CliError, EXIT, isErrorCode } from './exit.ts';

type Method = 'get' | 'post' | 'put' | 'delete';
type MethodsOf<P extends keyof paths> = { [M in Method]: paths[P][M] extends object ? M : never }[Method];

type Given<O, K extends string> = O extends { parameters: Record<K, infer V> } ? (V extends object ? V : never) : never;
type Body<O> = O extends { requestBody: { content: { 'application/json': infer B } } } ? B : never;
type Optional<K extends string, V> = [V] extends [never] ? unknown : Record<K, V>;
/** What an operation takes: `path` and `body` where the spec has them; `query`, which may always be left out. */
type Input<O> = Optional<'path', Given<O, 'path'>> & Optional<'body', Body<O>> & { query?: QueryOf<O> };
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? Q : never;

type Responses<O> = O extends { responses: infer R } ? R : never;
type Success<O> = Responses<O>[keyof Responses<O> & (200 | 201)];
/** What an operation replies when it succeeds. */
type Reply<O> = Success<O> extends { content: { 'application/json': infer B } } ? B : never;
type Line<O> = Success<O> extends { content: { 'application/x-ndjson': infer B } } ? B : never;

/** Speaks the admin API as `spec/fbpd.yaml` has it. Failures come as {@link FbpdError}, `UNREACHABLE` among them. */
export interface AdminClient {
  call<P extends keyof paths, M extends MethodsOf<P>>(method: M, path: P, input: Input<paths[P][M]>): Promise<Reply<paths[P][M]>>;
  /** For replies that are lines of JSON. */
  stream<P extends keyof paths, M extends MethodsOf<P>>(method: M, path: P, input: Input<paths[P][M]>): AsyncIterable<Line<paths[P][M]>>;
  /**
   * For bodies that are no JSON, whose replies are lines of JSON that come while the body goes. What the body's source throws
   * comes through as it is.
   */
  upload<P extends keyof paths, M extends MethodsOf<P>>(
    method: M,
    path: P,
    input: Input<paths[P][M]>,
    body: UploadBody,
  ): AsyncIterable<Line<paths[P][M]>>;
  /** For replies that are no JSON. Who does not read it to its end destroys it. */
  open<P extends keyof paths, M extends MethodsOf<P>>(method: M, path: P, input: Input<paths[P][M]>): Promise<IncomingMessage>;
}

export interface UploadBody {
  contentType: string;
  parts: AsyncIterable<Uint8Array>;
}

interface AnyInput {
  path?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
}

/**
 * @param address path of the unix socket, short enough for the kernel
 * @param howToStart ends the message that nobody listens there
 */
export function createClient(address: string, howToStart: string): AdminClient {
  const send = (method: string, path: string, input: AnyInput) => exchange(address, howToStart, method, path, input);
  return {
    async call(method, path, input) {
      const response = await send(method, path, input as AnyInput);
      return JSON.parse(await textOf(response)) as never;
    },
    async *stream(method, path, input) {
      const response = await send(method, path, input as AnyInput);
      for await (const line of linesOf(response)) yield JSON.parse(line) as never;
    },
    async *upload(method, path, input, { contentType, parts }) {
      const source: { error?: unknown } = {};
      const over = new AbortController();
      try {
        const streamed = { contentType, parts: noting(parts, source), signal: over.signal };
        const response = await exchange(address, howToStart, method, path, input as AnyInput, streamed);
        for await (const line of linesOf(response)) yield JSON.parse(line) as never;
      } catch (error) {
        throw source.error ?? error;
      } finally {
        // Whoever has read enough of the reply has sent enough as well.
        over.abort();
      }
      // A reply that is broken off ends as a whole one does, as far as its lines go.
      if (source.error !== undefined) throw source.error;
    },
    open: (method, path, input) => send(method, path, input as AnyInput),
  };
}

function linesOf(response: IncomingMessage): AsyncIterable<string> {
  const lines = createInterface({ input: response });
  // Whoever iterates is told of an error by the iterator; one that comes after the last line was taken is nobody's.
  lines.on('error', () => undefined);
  return lines;
}

async function* noting(parts: AsyncIterable<Uint8Array>, source: { error?: unknown }): AsyncGenerator<Uint8Array> {
  try {
    yield* parts;
  } catch (error) {
    source.error = error;
    throw error;
  }
}

/** Sends, and resolves with the response once it is known to be a success. */
async function exchange(
  address: string,
  howToStart: string,
  method: string,
  path: string,
  input: AnyInput,
  streamed?: UploadBody & { signal: AbortSignal },
): Promise<IncomingMessage> {
  const body = input.body === undefined ? undefined : JSON.stringify(input.body);
  const sent = request({
    socketPath: address,
    method: method.toUpperCase(),
    path: target(path, input),
    headers: headersOf(body, streamed),
    ...(streamed === undefined ? {} : { signal: streamed.signal }),
  });
  const response = await responseTo(sent, streamed?.parts ?? body).catch((error: unknown) => {
    throw unreachable(error, address, howToStart);
  });
  if ((response.statusCode ?? 500) >= 300) throw failureOf(response.statusCode ?? 500, await textOf(response));
  return response;
}

function headersOf(body: string | undefined, streamed: UploadBody | undefined): Record<string, string | number> {
  if (streamed !== undefined) return { 'Content-Type': streamed.contentType };
  return body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
}

async function responseTo(sent: ClientRequest, body: string | AsyncIterable<Uint8Array> | undefined): Promise<IncomingMessage> {
  const responding = once(sent, 'response');
  if (typeof body === 'object') {
    // A reply that has come already is read on; without one, this is why there is none.
    sent.on('error', () => undefined);
    pipeline(body, sent).catch((error: Error) => sent.destroy(error));
  } else sent.end(body);
  const [response] = (await responding) as [IncomingMessage];
  return response;
}

function target(path: string, { path: parameters = {}, query = {} }: AnyInput): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''));
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString();
  return search === '' ? filled : `${filled}?${search}`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

function unreachable(error: unknown, address: string, howToStart: string): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EACCES') {
    return new CliError(
      EXIT.refused,
      `no permission to use the admin socket ${address}: run as the daemon's user, or see api.admin_socket_group`,
    );
  }
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED' ? 'is not running' : `does not answer (${error instanceof Error ? error.message : error})`;
  return new FbpdError('UNREACHABLE', `the daemon ${why}: nobody listens on ${address}; ${howToStart}`, { cause: error });
}

function failureOf(status: number, text: string): Error {
  const { reason, details } = readFailure(text);
  return errorOf(reason, details ?? reason ?? `the daemon answered ${status}`);
}

/** What the daemon said, as an error of ours. */
export function errorOf(reason: string | undefined, message: string): Error {
  return reason !== undefined && isErrorCode(reason) ? new FbpdError(reason, message) : new CliError(EXIT.failed, message);
}

function readFailure(text: string): { reason?: string; details?: string } {
  try {
    return (JSON.parse(text) as { error: { reason?: string; details?: string } }).error;
  } catch {
    return {};
  }
}
