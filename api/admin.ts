import type { RequestListener } from 'node:http';

import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';

import type { Clock } from '../daemon/domain/ports.ts';
import { type AdminAccountsOptions, addAccountRoutes } from './admin-accounts.ts';
import { type AdminContentOptions, addContentRoutes } from './admin-content.ts';
import { type AdminDaemonOptions, addDaemonRoutes } from './admin-daemon.ts';
import { type AdminDealsOptions, addDealRoutes } from './admin-deals.ts';
import { type AdminDrillOptions, addDrillRoutes } from './admin-drill.ts';
import { type AdminPinsOptions, addPinRoutes, pinFinder } from './admin-pins.ts';
import { type AdminProvidersOptions, addProviderRoutes } from './admin-providers.ts';
import { addScanRoutes } from './admin-scan.ts';
import { type AdminSocket, listenOnSocket } from './admin-socket.ts';
import { type AdminUploadsOptions, addUploadRoutes } from './admin-uploads.ts';
import { adminValidators } from './admin-validate.ts';
import { errors, methodNotAllowed, noSuchRoute } from './errors.ts';
import { type AdminLinksOptions, addAdminLinkRoutes } from './link-routes.ts';

export type AdminOptions = Omit<
  AdminDaemonOptions &
    AdminAccountsOptions &
    AdminPinsOptions &
    AdminDealsOptions &
    AdminProvidersOptions &
    AdminDrillOptions &
    AdminUploadsOptions &
    AdminContentOptions &
    AdminLinksOptions,
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
  const shared = { ...options, validators: adminValidators(), bodyBytes: BODY_BYTES, findPin: pinFinder(options) };
  const router = new Router({ sensitive: true });
  addDaemonRoutes(router, shared);
  addAccountRoutes(router, shared);
  addPinRoutes(router, shared);
  addDealRoutes(router, shared);
  addProviderRoutes(router, shared);
  addScanRoutes(router, shared);
  addDrillRoutes(router, shared);
  addAdminLinkRoutes(router, shared);
  addUploadRoutes(router, shared);
  addContentRoutes(router, shared);

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
