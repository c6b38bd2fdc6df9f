import type Router from '@koa/router';

import type { Registry } from 'prom-client';
import type { Clients } from './address.ts';
import type { ApiState, Auth } from './auth.ts';

/** `ok`, working with something missing, or not working. */
export type CheckState = 'ok' | 'degraded' | 'failed';

export interface Check {
  state: CheckState;
  /** Public: no paths, no secrets. */
  detail?: string;
}

/** What the daemon knows of its parts, by name: `store`, `hot`, `disk`, … */
export interface Readiness {
  /** The store is verified and requests can be accepted. A hot tier that is down degrades, it doesn't unready. */
  ready: boolean;
  checks: Readonly<Record<string, Check>>;
}

export interface HealthOptions {
  ready: () => Readiness;
  disk: () => 'ok' | 'low' | 'full';
  metrics: Registry;
  auth: Auth;
  clients: Clients;
}

const DISK: Record<'ok' | 'low' | 'full', Check> = {
  ok: { state: 'ok' },
  low: { state: 'degraded', detail: 'low: new pins wait for room' },
  full: { state: 'failed', detail: 'full: new pins are refused until there is room' },
};

/**
 * For monitors and load balancers; none of them needs a token.
 * - `/healthz`: 200 while nothing has failed, 503 with the store damaged or the disk full
 * - `/readyz`: 200 while requests are worth sending here: reads are, on a full disk
 * - `/metrics`: Prometheus text, open to this machine, elsewhere for tokens with `metrics:read`
 */
export function addHealthRoutes(router: Router<ApiState>, options: HealthOptions): void {
  function report(): { readiness: Readiness; status: CheckState } {
    const readiness = options.ready();
    const checks = { ...readiness.checks, disk: DISK[options.disk()] };
    return { readiness: { ...readiness, checks }, status: worst(Object.values(checks)) };
  }

  router.get('/healthz', (ctx) => {
    const { readiness, status } = report();
    ctx.status = status === 'failed' ? 503 : 200;
    ctx.body = { status, checks: readiness.checks };
  });

  router.get('/readyz', (ctx) => {
    const { readiness, status } = report();
    ctx.status = readiness.ready ? 200 : 503;
    ctx.body = { ready: readiness.ready, status, checks: readiness.checks };
  });

  const scoped = options.auth.requires('metrics:read');
  router.get('/metrics', async (ctx) => {
    if (!options.clients.isLocal(ctx.req)) await scoped(ctx, async () => {});
    ctx.type = options.metrics.contentType;
    ctx.body = await options.metrics.metrics();
  });
}

function worst(checks: readonly Check[]): CheckState {
  const states = checks.map((check) => check.state);
  if (states.includes('failed')) return 'failed';
  return states.includes('degraded') ? 'degraded' : 'ok';
}
