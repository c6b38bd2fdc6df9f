import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import type { Registry } from 'prom-client';

import type { Accounts, Clock, FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import type { Log } from '../daemon/log.ts';
import { createClients } from './address.ts';
import { type ApiState, type Auth, createAuth } from './auth.ts';
import type { ColdSide } from './cold-side.ts';
import { type CorsOptions, cors } from './cors.ts';
import { addDealRoutes } from './deals.ts';
import { errors, methodNotAllowed, noSuchRoute } from './errors.ts';
import { addHealthRoutes, type Readiness } from './health.ts';
import { type ApiLimits, DEFAULT_LIMITS } from './limits.ts';
import { createListener } from './listener.ts';
import { apiMetrics } from './metrics.ts';
import { addPinRoutes } from './pins.ts';
import { badField, createValidators } from './validate.ts';

export interface ApiOptions {
  pins: PinStore;
  accounts: Accounts;
  hotStatus: () => HotStatusReport;
  fetches: FetchView;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  disk: () => 'ok' | 'low' | 'full';
  ready: () => Readiness;
  metrics: Registry;
  clock: Clock;
  log: Log;
  listen: { host: string; port: number };
  cors: CorsOptions;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  trustedProxies: readonly string[];
  /** What differs from {@link DEFAULT_LIMITS}. */
  limits?: Partial<ApiLimits>;
  /** Whether origins in private ranges and on loopback may be dialled. */
  allowPrivateOrigins: boolean;
}

export interface Api {
  /** For a server of somebody else's. */
  callback: RequestListener;
  /** Rejects with `BAD_ENVIRONMENT` when the address is taken. */
  listen(): Promise<{ address: AddressInfo }>;
  /** Stops accepting, lets running requests finish until `limits.closeDeadlineMs`, then cuts the rest off. */
  close(): Promise<void>;
}

/**
 * The public API: `/pins…`, `/v1/…`, `/healthz`, `/readyz`, `/metrics`.
 *
 * @throws FbpdError `BAD_CONFIG` for a malformed trusted proxy.
 */
export function createApi(options: ApiOptions): Api {
  const limits: ApiLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const clients = createClients(options.trustedProxies);
  const auth = createAuth({ accounts: options.accounts, clients, clock: options.clock, limits });
  const router = new Router<ApiState>({ sensitive: true, strict: true });
  addHealthRoutes(router, { ...options, auth, clients });
  addPinRoutes(router, { ...options, auth, validators: createValidators(), bodyBytes: limits.bodyBytes });
  addDealRoutes(router, { ...options, auth });

  const app = new Koa<ApiState>();
  // Only what goes wrong after the reply has begun, which is a connection that broke, gets past `errors`.
  app.on('error', (error: unknown) => options.log.debug({ err: error }, 'a connection broke'));
  app.use(apiMetrics({ ...options, registry: options.metrics }));
  app.use(errors({ log: options.log }));
  app.use(cors(options.cors));
  app.use(nobodysBusiness);
  app.use(wellFormedTarget);
  app.use(closeWhenClosing(() => listener.closing()));
  app.use(router.routes());
  app.use(nothingHere(auth));

  const callback = app.callback();
  const listener = createListener({ handle: callback, ...options.listen, limits, log: options.log });
  return { callback, listen: listener.listen, close: listener.close };
}

/** Replies are one account's, and no page. */
const nobodysBusiness: Middleware = (ctx, next) => {
  ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  return next();
};

/** HTTP/1.1 wants a Host, and what is asked for to be a path or, as proxies write it, a whole URL. */
const wellFormedTarget: Middleware = async (ctx, next) => {
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
function closeWhenClosing(closing: () => boolean): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } finally {
      if (closing() && !ctx.res.headersSent) ctx.set('Connection', 'close');
    }
  };
}

/** What is left when no route took it. Strangers don't learn which routes there are. */
function nothingHere(auth: Auth): Middleware<ApiState> {
  return async (ctx) => {
    await auth.identify(ctx);
    const allowed = [...new Set(matchedLayers(ctx).flatMap((layer) => layer.methods))].sort();
    if (allowed.length === 0) throw noSuchRoute(ctx.method, ctx.path);
    if (ctx.method !== 'OPTIONS') throw methodNotAllowed(ctx.method, allowed);
    ctx.set('Allow', allowed.join(', '));
    ctx.status = 204;
  };
}

/** The routes whose path fits, whatever their method: the router leaves them on the context. */
function matchedLayers(ctx: { matched?: { methods: string[] }[] } | Context): { methods: string[] }[] {
  return ctx.matched ?? [];
}
