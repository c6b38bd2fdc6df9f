import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import type { Registry } from 'prom-client';

import type { Accounts, Clock, FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import type { Uploads } from '../daemon/domain/upload-port.ts';
import type { UsageView } from '../daemon/domain/usage.ts';
import type { Log } from '../daemon/log.ts';
import { createClients } from './address.ts';
import { adminValidators } from './admin-validate.ts';
import { type ApiState, type Auth, createAuth } from './auth.ts';
import type { ColdSide } from './cold-side.ts';
import { type CorsOptions, cors } from './cors.ts';
import { addDealRoutes } from './deals.ts';
import { errors, methodNotAllowed, noSuchRoute } from './errors.ts';
import { addHealthRoutes, type Readiness } from './health.ts';
import { type ApiLimits, DEFAULT_LIMITS } from './limits.ts';
import { addLinkRoutes } from './link-routes.ts';
import type { LinksOptions } from './links.ts';
import { createListener } from './listener.ts';
import { apiMetrics } from './metrics.ts';
import { closeWhenClosing, nobodysBusiness, wellFormedTarget } from './middleware.ts';
import { addPieceRoutes, type PieceTransfers } from './pieces.ts';
import { addPinRoutes } from './pins.ts';
import { addUploadRoutes } from './uploads.ts';
import { addUsageRoutes } from './usage.ts';
import { pinningValidators } from './validate.ts';

export interface ApiOptions {
  pins: PinStore;
  accounts: Accounts;
  hotStatus: () => HotStatusReport;
  fetches: FetchView;
  usage: UsageView;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  /** Absent when providers fetch nothing from here. */
  transfers?: PieceTransfers;
  /** Absent when nothing can be uploaded. */
  uploads?: Uploads;
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
  links: LinksOptions;
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
  addPinRoutes(router, { ...options, auth, validators: pinningValidators(), bodyBytes: limits.bodyBytes });
  addDealRoutes(router, { ...options, auth });
  addLinkRoutes(router, { ...options, auth, bodyBytes: limits.bodyBytes });
  if (options.uploads !== undefined) {
    addUploadRoutes(router, {
      ...options,
      uploads: options.uploads,
      auth,
      validators: adminValidators(),
      bodyBytes: limits.bodyBytes,
      uploadBytes: limits.uploadBytes,
      patient: (req) => listener.patient(req),
    });
  }
  const pieces = options.transfers === undefined ? undefined : addPieceRoutes(router, { ...options, ...options.transfers, auth });
  addUsageRoutes(router, { ...options, auth, validators: adminValidators() });

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
  const listener = createListener({ handle: callback, ...options.listen, limits, log: options.log, key: 'api.listen' });
  return {
    callback,
    listen: listener.listen,
    close() {
      pieces?.close();
      return listener.close();
    },
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
