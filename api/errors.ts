import { randomUUID } from 'node:crypto';

import type { Context, Middleware } from 'koa';

import { type ErrorCode, FbpdError } from '../daemon/domain/errors.ts';
import { UploadError, type UploadFault } from '../daemon/domain/upload-port.ts';
import type { Log } from '../daemon/log.ts';

/** The only shape an error has on the wire: `components.schemas.Failure` of the spec. */
export interface Failure {
  error: { reason: string; details?: string };
}

/**
 * A refusal that only HTTP knows: no token, no such method, a body too big. Everything else is an {@link FbpdError}.
 * Made by the functions below, so that every reason is spelled in one file.
 */
export class HttpError extends Error {
  readonly status: number;
  /** UPPER_SNAKE, stable. */
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, reason: string, details: string, headers: Readonly<Record<string, string>> = {}) {
    super(details);
    this.name = 'HttpError';
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }
}

/** 401. The words "access denied" are what kubo's users (and kubo's own test) look for. */
export function unauthorized(why: string): HttpError {
  return new HttpError(401, 'UNAUTHORIZED', `access denied: ${why}`, { 'WWW-Authenticate': 'Bearer realm="fbpd"' });
}

/** 403: the token is good, but not for this. */
export function insufficientScope(scope: string): HttpError {
  const challenge = `Bearer realm="fbpd", error="insufficient_scope", scope="${scope}"`;
  return new HttpError(403, 'INSUFFICIENT_SCOPE', `access denied: this needs a token with the scope ${scope}`, {
    'WWW-Authenticate': challenge,
  });
}

/** 404 for a path that nothing answers. */
export function noSuchRoute(method: string, path: string): HttpError {
  return new HttpError(404, 'NOT_FOUND', `${method} ${printable(path)}: nothing here`);
}

/** 405, with the methods that would do. */
export function methodNotAllowed(method: string, allowed: readonly string[]): HttpError {
  const list = allowed.join(', ');
  return new HttpError(405, 'METHOD_NOT_ALLOWED', `${method} is not allowed here; allowed: ${list}`, { Allow: list });
}

/** 413. The connection is closed: what is left of the body is not read. */
export function bodyTooLarge(limitBytes: number): HttpError {
  return new HttpError(413, 'PAYLOAD_TOO_LARGE', `the body may have at most ${limitBytes} bytes`, { Connection: 'close' });
}

/** 415. */
export function unsupportedMediaType(type: string, expected = 'application/json'): HttpError {
  return new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', `Content-Type: expected ${expected}, got ${printable(type)}`, { Accept: expected });
}

/** 429, with whole seconds until it is worth trying again. */
export function tooManyRequests(details: string, retryAfterSeconds: number): HttpError {
  return new HttpError(429, 'TOO_MANY_REQUESTS', details, { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) });
}

/** 503, with whole seconds until it is worth trying again. */
export function unavailable(details: string, retryAfterSeconds: number): HttpError {
  return new HttpError(503, 'UNAVAILABLE', details, { 'Retry-After': String(retryAfterSeconds) });
}

/** 403: a signed link that is forged, cut short, expired, or of an account that is no more. */
export function linkRefused(why: string): HttpError {
  return new HttpError(403, 'LINK_REFUSED', `access denied: ${why}`);
}

/** 403: not the token of this deal and size. */
export function transferRefused(): HttpError {
  return new HttpError(403, 'TRANSFER_REFUSED', 'access denied: the token is not the one that came with this deal');
}

/** 404: the token is good, but there is no such deal here, or no piece of it. */
export function noTransfer(): HttpError {
  return new HttpError(404, 'NOT_FOUND', 'there is no piece to be fetched for this deal');
}

/** 410: nothing is to be fetched for a deal any more. */
export function transferOver(state: string): HttpError {
  const why = state === 'active' ? 'the deal has started' : `the deal is over (${state})`;
  return new HttpError(410, 'TRANSFER_OVER', `${why}: its piece is not given out for it any more`);
}

/** 416: the range begins at or behind the end. */
export function noRange(sizeBytes: number): HttpError {
  return new HttpError(416, 'RANGE_NOT_SATISFIABLE', `the range begins at or behind the end, ${sizeBytes} bytes`, {
    'Content-Range': `bytes */${sizeBytes}`,
  });
}

/** 414. */
export function targetTooLong(limitChars: number): HttpError {
  return new HttpError(414, 'URI_TOO_LONG', `the path may have at most ${limitChars} characters`);
}

/** 413: what nobody pinned here may be read under the limits of pins only. */
export function contentTooLarge(limitBytes: number): HttpError {
  return new HttpError(413, 'CONTENT_TOO_LARGE', `more than the ${limitBytes} bytes that may be read of what is not pinned here`);
}

/** 502: all sources were asked, and none has it. */
export function noSource(details: string): HttpError {
  return new HttpError(502, 'NO_SOURCE', details);
}

/** 502: the hot tier gave no answer that could be passed on. */
export function badGateway(details: string): HttpError {
  return new HttpError(502, 'BAD_GATEWAY', details);
}

/** 504: nobody has said no, but the bytes did not come. */
export function gatewayTimeout(details: string): HttpError {
  return new HttpError(504, 'GATEWAY_TIMEOUT', details);
}

/** What the hot tier's own gateway refuses, by its status; for all others it is the tier that failed. */
const TIER_REASONS: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  406: 'NOT_ACCEPTABLE',
  410: 'GONE',
  412: 'PRECONDITION_FAILED',
  416: 'RANGE_NOT_SATISFIABLE',
};

/** The same refusal, with its sentence, in our shape. */
export function tierRefused(status: number, sentence: string, headers: Readonly<Record<string, string>>): HttpError {
  const reason = TIER_REASONS[status];
  if (reason === undefined) return badGateway(sentence === '' ? `the hot tier answered ${status}` : sentence);
  return new HttpError(status, reason, sentence, headers);
}

interface Rule {
  status: number;
  retryAfterSeconds?: number;
}

/**
 * What each domain error is on the wire; the reason is the code itself. Codes that are not here are the daemon's own
 * trouble: they become a 500 that says nothing but an id.
 */
const RULES: Partial<Record<ErrorCode, Rule>> = {
  BAD_REQUEST: { status: 400 },
  NOT_FOUND: { status: 404 },
  CONFLICT: { status: 409 },
  ACCOUNT_SUSPENDED: { status: 403 },
  // "Unavailable for legal reasons" is the one status that says: this content, not you and not the request.
  CID_BLOCKED: { status: 451 },
  TOO_MANY_REQUESTS: { status: 429, retryAfterSeconds: 1 },
  // Only the operator asks for what a node or a provider must answer at once.
  BAD_ENVIRONMENT: { status: 502 },
  STORAGE_FULL: { status: 507, retryAfterSeconds: 30 },
  UNAVAILABLE: { status: 503, retryAfterSeconds: 5 },
  // The daemon is about to end and be started again.
  STORE_IO: { status: 503, retryAfterSeconds: 10 },
};

/** What each fault of an upload is on the wire. */
const UPLOAD_RULES: Readonly<Record<UploadFault, Rule & { reason: string }>> = {
  malformed: { status: 400, reason: 'MALFORMED_UPLOAD' },
  cut: { status: 400, reason: 'UPLOAD_CUT_SHORT' },
  bad_block: { status: 400, reason: 'BAD_BLOCK' },
  unsupported: { status: 400, reason: 'UNSUPPORTED_BLOCK' },
  bad_root: { status: 400, reason: 'BAD_ROOT' },
  incomplete: { status: 400, reason: 'INCOMPLETE_DAG' },
  too_large: { status: 413, reason: 'PAYLOAD_TOO_LARGE' },
  stalled: { status: 408, reason: 'REQUEST_TIMEOUT' },
  busy: { status: 429, reason: 'TOO_MANY_REQUESTS', retryAfterSeconds: 10 },
};

/** STORE_IO's message names files and error numbers, which are nobody's business but the operator's. */
const PUBLIC_TEXT: Partial<Record<ErrorCode, { reason: string; details: string }>> = {
  STORE_IO: { reason: 'UNAVAILABLE', details: 'the service is restarting; look whether this request was kept before sending it again' },
};

export interface ErrorsOptions {
  log: Log;
  /** For listeners that only the operator reaches: messages of unexpected errors are shown instead of hidden. */
  revealInternals?: boolean;
  /** Ids for 500s; replaced in tests. */
  newId?: () => string;
}

/**
 * The outermost step: turns whatever is thrown below it, and replies nobody gave, into a spec-shaped failure. Unexpected
 * errors are logged under an id, and the client sees that id alone.
 */
export function errors(options: ErrorsOptions): Middleware {
  const newId = options.newId ?? randomUUID;
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 && ctx.body == null) throw noSuchRoute(ctx.method, ctx.path);
    } catch (error) {
      answer(ctx, error, options, newId);
    }
  };
}

function answer(ctx: Context, error: unknown, options: ErrorsOptions, newId: () => string): void {
  if (error instanceof HttpError) {
    reply(ctx, error.status, error.reason, error.message, error.headers);
    return;
  }
  if (error instanceof UploadError) {
    const { status, reason, retryAfterSeconds } = UPLOAD_RULES[error.fault];
    reply(ctx, status, reason, error.message, retryAfter(retryAfterSeconds));
    return;
  }
  const rule = error instanceof FbpdError ? RULES[error.code] : undefined;
  if (error instanceof FbpdError && rule !== undefined) {
    if (rule.status >= 500) options.log.warn({ code: error.code, method: ctx.method, path: ctx.path }, error.message);
    const shown = options.revealInternals ? undefined : PUBLIC_TEXT[error.code];
    reply(ctx, rule.status, shown?.reason ?? error.code, shown?.details ?? error.message, retryAfter(rule.retryAfterSeconds));
    return;
  }
  // The client went away while its body was being read: nobody is left to answer, and nothing is wrong here.
  if (!ctx.req.complete && ctx.req.destroyed) return;
  unexpected(ctx, error, options, newId());
}

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) };
}

/** The failure to be told within a reply to the operator that has begun already. */
export function failureOf(error: unknown, log: Log): Failure {
  if (error instanceof HttpError) return failure(error.reason, error.message);
  if (error instanceof UploadError) return failure(UPLOAD_RULES[error.fault].reason, error.message);
  if (error instanceof FbpdError) return failure(error.code, error.message);
  log.error({ err: error }, 'unexpected error in the middle of a reply');
  return failure('INTERNAL_SERVER_ERROR', error instanceof Error ? error.message : String(error));
}

function unexpected(ctx: Context, error: unknown, options: ErrorsOptions, id: string): void {
  options.log.error({ err: error, id, method: ctx.method, path: ctx.path }, 'unexpected error while answering a request');
  if (!options.revealInternals) {
    reply(ctx, 500, 'INTERNAL_SERVER_ERROR', `something went wrong here; the operator finds it in the log as ${id}`, {});
    return;
  }
  const reason = error instanceof FbpdError ? error.code : 'INTERNAL_SERVER_ERROR';
  const message = error instanceof Error ? error.message : String(error);
  reply(ctx, 500, reason, `${message} (logged as ${id})`, {});
}

function reply(ctx: Context, status: number, reason: string, details: string, headers: Readonly<Record<string, string>>): void {
  if (ctx.res.headersSent) return;
  ctx.status = status;
  ctx.body = failure(reason, details);
  ctx.set(headers as Record<string, string>);
}

/** `details` is left out rather than empty: the spec's readers show it as it comes. */
export function failure(reason: string, details: string): Failure {
  return { error: details === '' ? { reason } : { reason, details } };
}

/**
 * A whole HTTP/1.1 reply as text, for a socket on which no request could be parsed.
 */
export function rawFailure(status: number, statusText: string, reason: string, details: string): string {
  const body = JSON.stringify(failure(reason, details));
  return [
    `HTTP/1.1 ${status} ${statusText}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

/** What a client sent, shown back to it: short, quoted, and without control characters. */
export function printable(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
