import type { Middleware } from 'koa';

import { badField } from './validate.ts';

/** Replies are one account's, and no page. */
export const nobodysBusiness: Middleware = (ctx, next) => {
  ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  return next();
};

/** HTTP/1.1 wants a Host, and what is asked for to be a path or, as proxies write it, a whole URL. */
export const wellFormedTarget: Middleware = async (ctx, next) => {
  if (ctx.req.headers.host === undefined && ctx.req.httpVersion === '1.1') throw badField('Host', 'header is missing');
  const target = ctx.url;
  if (!target.startsWith('/') && target !== '*') {
    const path = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)?.[1];
    if (path === undefined) throw badField('request target', 'must be a path');
    ctx.url = path.startsWith('/') ? path : `/${path}`;
  }
  await next();
};

/** So that no connection stays open only because its client keeps it for later. */
export function closeWhenClosing(closing: () => boolean): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } finally {
      if (closing() && !ctx.res.headersSent) ctx.set('Connection', 'close');
    }
  };
}
