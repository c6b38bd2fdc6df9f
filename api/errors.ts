import { randomUUID } from 'node:crypto';

import type { Context, Middleware } from 'koa';

import { type ErrorCode, FbpdError } from '../daemon/domain/errors.ts';
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
export function unsupportedMediaType(type: string): HttpError {
  return new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', `Content-Type: expected application/json, got ${printable(type)}`, {
    Accept: 'application/json',
  });
}

/** 429, with whole seconds until it is worth trying again. */
export function tooManyRequests(details: string, retryAfterSeconds: number): HttpError {
  return new HttpError(429, 'TOO_MANY_REQUESTS', details, { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))) });
}

/** 503, with whole seconds until it is worth trying again. */
export function unavailable(details: string, retryAfterSeconds: number): HttpError {
  return new HttpError(503, 'UNAVAILABLE', details, { 'Retry-After': String(retryAfterSeconds) });
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
  const rule = error instanceof FbpdError ? RULES[error.code] : undefined;
  if (error instanceof FbpdError && rule !== undefined) {
    if (rule.status >= 500) options.log.warn({ code: error.code, method: ctx.method, path: ctx.path }, error.message);
    const shown = options.revealInternals ? undefined : PUBLIC_TEXT[error.code];
    const headers: Record<string, string> = rule.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(rule.retryAfterSeconds) };
    reply(ctx, rule.status, shown?.reason ?? error.code, shown?.details ?? error.message, headers);
    return;
  }
  // The client went away while its body was being read: nobody is left to answer, and nothing is wrong here.
  if (!ctx.req.complete && ctx.req.destroyed) return;
  unexpected(ctx, error, options, newId());
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
