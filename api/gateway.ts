import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import Koa, { type Middleware } from 'koa';
import type { CID } from 'multiformats/cid';
import type { Registry } from 'prom-client';

import type { Accounts, Clock, PinStore } from '../daemon/domain/ports.ts';
import type { HttpTarget, Meter, Retrieval } from '../daemon/domain/retrieval-ports.ts';
import type { Log } from '../daemon/log.ts';
import { createClients } from './address.ts';
import { createAuth } from './auth.ts';
import { type CorsOptions, cors } from './cors.ts';
import { errors, methodNotAllowed, noSuchRoute } from './errors.ts';
import { createAccess } from './gateway-access.ts';
import { GATEWAY_CORS, harmless } from './gateway-headers.ts';
import { type GatewayMetrics, gatewayMetrics } from './gateway-metrics.ts';
import { createProxy, type GatewayContext, type GatewayState } from './gateway-proxy.ts';
import { createReaders } from './gateway-readers.ts';
import { parseAsked } from './gateway-request.ts';
import { type ApiLimits, DEFAULT_LIMITS } from './limits.ts';
import type { LinkSigner } from './links.ts';
import { createListener } from './listener.ts';
import { closeWhenClosing, wellFormedTarget } from './middleware.ts';

export interface GatewayOptions {
  pins: Pick<PinStore, 'standing'>;
  accounts: Accounts;
  retrieval: Retrieval;
  meter: Meter;
  /** The held contents that a block belongs to. */
  belongs: (cid: CID) => Promise<readonly string[]>;
  /** Where the hot tier's own gateway listens; undefined while it is down. */
  target: () => HttpTarget | undefined;
  /** Said to readers where it never has one. */
  absent?: string | undefined;
  signer: LinkSigner;
  metrics: Registry;
  clock: Clock;
  log: Log;
  listen: { host: string; port: number };
  cors: CorsOptions;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  trustedProxies: readonly string[];
  /** Whether everybody may read what anybody has pinned. */
  isPublic: boolean;
  /** Whether tokens may read what nobody has pinned. */
  fetchAny: boolean;
  firstByteTimeoutMs: number;
  stallTimeoutMs: number;
  /** Of a reply with what nobody has pinned here: `limits.dag_bytes`. */
  fetchBytesMax: number;
  /** What differs from {@link DEFAULT_LIMITS}. */
  limits?: Partial<ApiLimits>;
}

export interface Gateway {
  /** For a server of somebody else's. */
  callback: RequestListener;
  /** Rejects with `BAD_ENVIRONMENT` when the address is taken. */
  listen(): Promise<{ address: AddressInfo }>;
  /** Stops accepting, lets running replies finish until `limits.closeDeadlineMs`, cuts the rest off, and counts what was served. */
  close(): Promise<void>;
}

const METHODS = ['GET', 'HEAD'];
/** So much comes from the tier at once, and may wait in memory for a reader, beyond what the kernel holds. */
const BUFFER_BYTES = 256 * 1024;
/** The connection of a reader who waits for a first byte, or is served by a source that stalls, is silent for as long as that may take. */
const SILENCE_MARGIN_MS = 60_000;

/**
 * `GET|HEAD /ipfs/{cid}[/path]`: the IPFS HTTP gateway over what is pinned here, on a listener of its own. What is served comes
 * out of the hot tier's own gateway; what is judged here is who may read what, and what is seen to is that the tier gets it.
 *
 * @throws FbpdError `BAD_CONFIG` for a malformed trusted proxy.
 */
export function createGateway(options: GatewayOptions): Gateway {
  const limits: ApiLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const clients = createClients(options.trustedProxies);
  const auth = createAuth({ accounts: options.accounts, clients, clock: options.clock, limits });
  const access = createAccess(options);
  const readerOf = createReaders({ ...options, auth, clients });
  const metrics = gatewayMetrics(options.metrics);
  const proxy = createProxy({ ...options, access, metrics, bufferBytes: BUFFER_BYTES });

  const app = new Koa<GatewayState>();
  // Only what goes wrong after the reply has begun, which is a connection that broke, gets past `errors`.
  app.on('error', (error: unknown) => options.log.debug({ err: error }, 'a connection broke'));
  app.use(measured(metrics));
  app.use(errors({ log: options.log }));
  app.use(cors(options.cors, GATEWAY_CORS));
  app.use(harmless);
  app.use(wellFormedTarget);
  app.use(closeWhenClosing(() => listener.closing()));
  app.use(async (ctx) => {
    if (isHealth(ctx)) return;
    const asked = parseAsked(ctx.url);
    if (asked === undefined) throw noSuchRoute(ctx.method, ctx.path);
    if (!METHODS.includes(ctx.method)) return otherMethod(ctx);
    const reader = await readerOf(ctx, asked);
    const grant = await access.grant(reader, asked);
    await proxy.serve(ctx, { asked, reader, grant });
  });

  const callback = app.callback();
  const listener = createListener({
    handle: callback,
    ...options.listen,
    limits,
    log: options.log,
    key: 'gateway.listen',
    silenceMs: Math.max(options.firstByteTimeoutMs, options.stallTimeoutMs) + SILENCE_MARGIN_MS,
    bufferBytes: BUFFER_BYTES,
  });
  return {
    callback,
    listen: listener.listen,
    async close() {
      await listener.close();
      await proxy.close();
    },
  };
}

/** A reader that left is counted as such, whatever it would have been told. */
const LEFT = 499;

function measured(metrics: GatewayMetrics): Middleware<GatewayState> {
  return async (ctx, next) => {
    ctx.state.startedMs = performance.now();
    await next();
    const { hasLeft, source = 'none' } = ctx.state;
    metrics.replied(hasLeft === true ? LEFT : ctx.status, source);
  };
}

/** For whoever watches this listener; how the daemon is, the API says. */
function isHealth(ctx: GatewayContext): boolean {
  if (ctx.path !== '/healthz') return false;
  if (METHODS.includes(ctx.method)) ctx.body = { status: 'ok' };
  else otherMethod(ctx);
  return true;
}

function otherMethod(ctx: GatewayContext): void {
  if (ctx.method !== 'OPTIONS') throw methodNotAllowed(ctx.method, METHODS);
  ctx.set('Allow', METHODS.join(', '));
  ctx.status = 204;
}
