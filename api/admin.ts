import type { RequestListener } from 'node:http';

import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';

import type { Clock } from '../daemon/domain/ports.ts';
import { type AdminAccountsOptions, addAccountRoutes } from './admin-accounts.ts';
import { type AdminDaemonOptions, addDaemonRoutes } from './admin-daemon.ts';
import { type AdminDealsOptions, addDealRoutes } from './admin-deals.ts';
import { type AdminPinsOptions, addPinRoutes, pinFinder } from './admin-pins.ts';
import { type AdminProvidersOptions, addProviderRoutes } from './admin-providers.ts';
import { type AdminSocket, listenOnSocket } from './admin-socket.ts';
import { createAdminValidators } from './admin-validate.ts';
import { errors, methodNotAllowed, noSuchRoute } from './errors.ts';

export type AdminOptions = Omit<
  AdminDaemonOptions & AdminAccountsOptions & AdminPinsOptions & AdminDealsOptions & AdminProvidersOptions,
  'validators' | 'bodyBytes' | 'findPin'
> & {
  clock: Clock;
  /** Absolute path of the unix socket. */
  socket: string;
  /** Name or number of a group that may use it too. */
  socketGroup?: string;
};

export interface Admin {
  /** For a server of somebody else's. */
  callback: RequestListener;
  /** Rejects with `BAD_CONFIG` or `BAD_ENVIRONMENT`. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** What the operator may send: more than a client, but still not without end. */
const BODY_BYTES = 1024 * 1024;

/** The operator's API as `spec/fbpd.yaml` describes it, for a unix socket: who may open that may do everything. */
export function createAdmin(options: AdminOptions): Admin {
  const shared = { ...options, validators: createAdminValidators(), bodyBytes: BODY_BYTES, findPin: pinFinder(options) };
  const router = new Router({ sensitive: true });
  addDaemonRoutes(router, shared);
  addAccountRoutes(router, shared);
  addPinRoutes(router, shared);
  addDealRoutes(router, shared);
  addProviderRoutes(router, shared);

  const app = new Koa();
  app.on('error', (error: unknown) => options.log.debug({ err: error }, 'an admin connection broke'));
  app.use(errors({ log: options.log, revealInternals: true }));
  app.use(router.routes());
  app.use(nothingHere);

  const callback = app.callback();
  let socket: AdminSocket | undefined;
  return {
    callback,
    async listen() {
      const group = options.socketGroup === undefined ? {} : { group: options.socketGroup };
      socket = await listenOnSocket({ path: options.socket, ...group, handle: callback });
    },
    async close() {
      await socket?.close();
    },
  };
}

/** What is left when no route took it. */
const nothingHere: Middleware = (ctx: Context & { matched?: { methods: string[] }[] }) => {
  const allowed = [...new Set((ctx.matched ?? []).flatMap((layer) => layer.methods))];
  throw allowed.length === 0 ? noSuchRoute(ctx.method, ctx.path) : methodNotAllowed(ctx.method, allowed);
};
