import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

import type { Middleware } from 'koa';
import type { CorsGrant } from './cors.ts';

/** What pages of other origins may do here, and see. */
export const GATEWAY_CORS: CorsGrant = {
  methods: 'GET, HEAD',
  requestHeaders: 'Authorization, If-None-Match, Range',
  exposedHeaders: 'Content-Length, Content-Range, ETag, Retry-After, WWW-Authenticate, X-Ipfs-Path, X-Ipfs-Roots',
};

/**
 * What is stored here was written by strangers, so a page of it runs no script, sends no form and is of no origin: it may show
 * itself, with pictures and styles that are stored beside it.
 */
const CONTENT_SECURITY_POLICY = [
  'sandbox',
  "default-src 'none'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob:",
  "font-src 'self' data:",
  "style-src 'self' data: 'unsafe-inline'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/**
 * On every reply. A link's signature does not leave with the Referer. Replies may be embedded elsewhere, pictures above all:
 * nothing that a browser adds by itself, such as a cookie, lets anybody read here, so an embedding page gets no more than it
 * has the address for; and a sandboxed page could not show its own pictures otherwise.
 */
export const harmless: Middleware = (ctx, next) => {
  ctx.set({
    'Cache-Control': 'no-store',
    'Content-Security-Policy': CONTENT_SECURITY_POLICY,
    'Cross-Origin-Resource-Policy': 'cross-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  });
  return next();
};

const REQUEST_HEADERS = ['accept', 'if-modified-since', 'if-none-match', 'if-range', 'range', 'user-agent'];

/** What the tier's gateway gets to see. With any other name than an address's it might redirect to subdomains. */
export function tierHeaders(incoming: IncomingHttpHeaders): OutgoingHttpHeaders {
  const passed = REQUEST_HEADERS.flatMap((name) => (incoming[name] === undefined ? [] : [[name, incoming[name]]]));
  return { host: '127.0.0.1', ...Object.fromEntries(passed) };
}

const REPLY_HEADERS = {
  'accept-ranges': 'Accept-Ranges',
  'content-disposition': 'Content-Disposition',
  'content-length': 'Content-Length',
  'content-range': 'Content-Range',
  'content-type': 'Content-Type',
  etag: 'ETag',
  'last-modified': 'Last-Modified',
  'x-ipfs-path': 'X-Ipfs-Path',
  'x-ipfs-roots': 'X-Ipfs-Roots',
} as const;

/** What the reader gets to see of the tier's reply, with the caching that fits who reads. */
export function replyHeaders(reply: IncomingHttpHeaders, isPublic: boolean): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, spelling] of Object.entries(REPLY_HEADERS)) {
    const value = reply[name];
    if (typeof value === 'string') passed[spelling] = value;
  }
  const location = reply['content-location'];
  if (location?.startsWith('/ipfs/')) passed['Content-Location'] = location;
  passed['Cache-Control'] = isPublic ? (reply['cache-control'] ?? 'no-cache') : privately(reply['cache-control']);
  return passed;
}

/** Caches keep one reply for each kind of question: who comes next may want another format, or have another token. */
export function varyBy(isPublic: boolean): string[] {
  return isPublic ? ['Accept'] : ['Accept', 'Authorization'];
}

/** A shared cache would serve to anybody what was given to one. */
function privately(cacheControl: string | undefined): string {
  const rest = (cacheControl ?? 'no-cache').split(',').map((part) => part.trim());
  return ['private', ...rest.filter((part) => part !== '' && !/^(public|private|s-maxage\b.*)$/i.test(part))].join(', ');
}
