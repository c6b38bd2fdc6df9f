import type { Middleware } from 'koa';

export interface CorsOptions {
  /** Origins (`https://app.example`) whose pages may call the API; `*` for all. None: no page may. */
  origins: readonly string[];
}

/** What such pages may do, and see of the replies. */
export interface CorsGrant {
  methods: string;
  requestHeaders: string;
  exposedHeaders: string;
}

const API: CorsGrant = {
  methods: 'GET, HEAD, POST, DELETE',
  requestHeaders: 'Authorization, Content-Type',
  exposedHeaders: 'Retry-After, WWW-Authenticate, Allow',
};
/** Chromium caps it at two hours, Firefox at a day. */
const MAX_AGE_SECONDS = 7200;

/**
 * Cross-origin access for browser clients. Preflights are answered here, without a token, as browsers send them without.
 * Its headers are on errors too, so that a page can read why it was refused. Cookies are never involved.
 */
export function cors(options: CorsOptions, grant: CorsGrant = API): Middleware {
  const allowed = new Set(options.origins);
  const any = allowed.has('*');
  return async (ctx, next) => {
    if (allowed.size === 0) return next();
    // Replies differ by Origin, and a cache in between must know.
    if (!any) ctx.vary('Origin');
    const origin = ctx.get('Origin');
    if (origin === '' || !(any || allowed.has(origin))) return next();
    ctx.set('Access-Control-Allow-Origin', any ? '*' : origin);
    if (ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '') {
      ctx.set('Access-Control-Allow-Methods', grant.methods);
      ctx.set('Access-Control-Allow-Headers', grant.requestHeaders);
      ctx.set('Access-Control-Max-Age', String(MAX_AGE_SECONDS));
      ctx.status = 204;
      return;
    }
    ctx.set('Access-Control-Expose-Headers', grant.exposedHeaders);
    await next();
  };
}
