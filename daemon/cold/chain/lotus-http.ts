import { ColdError } from '../../domain/cold-ports.ts';
import { LotusRefusal } from './lotus-error.ts';
import { parseLotusJson, writeLotusJson } from './lotus-json.ts';

export interface LotusHttpOptions {
  /** Of its JSON-RPC, as `http://127.0.0.1:1234/rpc/v1`. Must not hold a name or password. */
  url: string;
  /** Asked before each call, so that a token that was replaced is found. Undefined: none, which still reads. */
  token?: () => string | undefined | Promise<string | undefined>;
  /** For a call that names none of its own. Default 30 s. */
  deadlineMs?: number;
  /** A longer reply is given up as it comes. Default 16 MiB. */
  maxReplyBytes?: number;
}

/** What LotusRPC asks of the provider that it is given. */
export interface LotusProvider {
  connect(): Promise<void>;
  send(request: { method: string; params: readonly unknown[] }): Promise<unknown>;
  sendSubscription(): never;
  importFile(): never;
  destroy(): Promise<void>;
}

/** JSON-RPC over HTTP, one POST a call, over connections that native fetch keeps open. */
export interface LotusHttp {
  provider(signal: AbortSignal, deadlineMs?: number): LotusProvider;
  token(): Promise<string | undefined>;
}

const DEADLINE_MS = 30_000;
const REPLY_BYTES_MAX = 16 * 1024 * 1024;
/** What a header may hold. A stray line end in the token would otherwise show the token in the error of fetch. */
const TOKEN = /^[\x21-\x7e]+$/;

export function createLotusHttp({ url, token, deadlineMs = DEADLINE_MS, maxReplyBytes = REPLY_BYTES_MAX }: LotusHttpOptions): LotusHttp {
  const target = new URL(url);
  if (target.username !== '' || target.password !== '') throw new TypeError('the address of Lotus holds a name or a password: use a token');
  let lastId = 0;

  async function checkedToken(): Promise<string | undefined> {
    const text = (await token?.())?.trim();
    if (text === undefined || text === '') return undefined;
    if (!TOKEN.test(text)) throw new ColdError('unauthorized', 'the Lotus token holds characters that no token has');
    return text;
  }

  async function post(body: string, signal: AbortSignal): Promise<Response> {
    const secret = await checkedToken();
    const authorization: Record<string, string> = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
    return await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body,
      signal,
      // A redirect would carry the token, and the deal, to somebody else.
      redirect: 'manual',
    });
  }

  async function send(method: string, params: readonly unknown[], signal: AbortSignal, limitMs: number): Promise<unknown> {
    const name = method.replace(/^Filecoin\./, '');
    const id = ++lastId;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), limitMs);
    const onAbort = (): void => stop.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal.aborted) stop.abort();
      const response = await post(writeLotusJson({ jsonrpc: '2.0', id, method, params }), stop.signal);
      return await readReply(response, name, id, maxReplyBytes);
    } catch (error) {
      const isLate = stop.signal.aborted;
      // What of the reply was not read is not wanted: without this its connection stays with it.
      stop.abort();
      if (error instanceof ColdError) throw error;
      if (signal.aborted) throw new ColdError('aborted', `${name} was stopped`);
      if (isLate) throw new ColdError('unreachable', `Lotus did not answer ${name} within ${limitMs / 1000} s`);
      throw new ColdError('unreachable', `no answer from Lotus to ${name}: ${reasonOf(error)}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }

  return {
    token: checkedToken,
    provider: (signal, limitMs = deadlineMs) => ({
      connect: () => Promise.resolve(),
      send: ({ method, params }) => send(method, params, signal, limitMs),
      sendSubscription: unsupported,
      importFile: unsupported,
      destroy: () => Promise.resolve(),
    }),
  };
}

function unsupported(): never {
  throw new TypeError('only calls of JSON-RPC are made to Lotus');
}

/**
 * Lotus v1.26.3: 200 with `result`, with neither `result` nor `error` for void methods, or with an `error` of code 1 and
 * up; 500 with the codes of JSON-RPC; 401 with no body for a bad token. Its content type, text/plain, says nothing.
 */
async function readReply(response: Response, method: string, id: number, maxBytes: number): Promise<unknown> {
  const { status } = response;
  if (status === 401 || status === 403) throw new ColdError('unauthorized', `Lotus does not take our token (HTTP ${status} to ${method})`);
  if (status !== 200 && status !== 500) throw new ColdError('unreachable', `HTTP ${status} instead of an answer to ${method}`);
  const text = await readText(response, method, maxBytes);
  const reply = parseReply(text, method);
  if (reply.id !== id) throw new ColdError('unreachable', `the answer to ${method} is one to another request`);
  const { error } = reply;
  if (error !== undefined && error !== null) throw refusalOf(error, method);
  if (status === 500) throw new ColdError('unreachable', `HTTP 500 without an error in answer to ${method}`);
  return reply.result;
}

async function readText(response: Response, method: string, maxBytes: number): Promise<string> {
  const tooLarge = (): ColdError => new ColdError('unreachable', `the answer to ${method} is longer than ${maxBytes} bytes`);
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

interface Reply {
  id?: unknown;
  result?: unknown;
  error?: unknown;
}

function parseReply(text: string, method: string): Reply {
  let value: unknown;
  try {
    value = parseLotusJson(text);
  } catch {
    throw new ColdError('unreachable', `the answer to ${method} is not JSON, or was cut short`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ColdError('unreachable', `the answer to ${method} is not one of JSON-RPC`);
}

function refusalOf(error: unknown, method: string): ColdError {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'number' && typeof message === 'string') return new LotusRefusal(method, code, message);
  return new ColdError('unreachable', `the answer to ${method} holds an error of a strange shape`);
}

/** fetch says `fetch failed`; why, says its cause. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  return cause instanceof Error ? cause.message : String(cause);
}
