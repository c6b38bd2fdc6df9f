import type { Middleware } from 'koa';
import { Gauge, Histogram, type Registry } from 'prom-client';

import { PIN_STATUSES } from '../daemon/domain/pin.ts';
import type { Clock, FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import { coldMetrics } from './cold-metrics.ts';
import type { ColdSide } from './cold-side.ts';

export interface ApiMetricsOptions {
  registry: Registry;
  pins: PinStore;
  fetches: FetchView;
  hotStatus: () => HotStatusReport;
  disk: () => 'ok' | 'low' | 'full';
  clock: Clock;
  /** Absent when no deals are made. */
  cold?: ColdSide;
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'];
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/**
 * Registers what the API shows of itself and of what it serves, and returns the step that times requests. Labels are from
 * short lists: a route's pattern and not its path, `other` for methods and routes that nobody knows.
 */
export function apiMetrics(options: ApiMetricsOptions): Middleware {
  const { registry } = options;
  registerGauges(options);
  if (options.cold !== undefined) coldMetrics(registry, options.cold, options.clock);
  const duration = new Histogram({
    name: 'fbpd_api_request_duration_seconds',
    help: 'From the request head to the reply, by route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  });
  return async (ctx, next) => {
    const startMs = performance.now();
    await next();
    const seconds = (performance.now() - startMs) / 1000;
    const method = METHODS.includes(ctx.method) ? ctx.method : 'other';
    const route = typeof ctx._matchedRoute === 'string' ? ctx._matchedRoute : 'other';
    duration.observe({ method, route, status: ctx.status }, seconds);
  };
}

function registerGauges({ registry, pins, fetches, hotStatus, disk }: ApiMetricsOptions): void {
  const registers = [registry];
  new Gauge({
    name: 'fbpd_pins',
    help: 'Pins of all accounts by status; queued ones are the queue',
    labelNames: ['status'],
    registers,
    collect() {
      const totals = pins.totals();
      for (const status of PIN_STATUSES) this.set({ status }, totals[status]);
    },
  });
  new Gauge({
    name: 'fbpd_fetches',
    help: 'Contents being fetched now',
    registers,
    collect() {
      this.set(fetches.fetching());
    },
  });
  new Gauge({
    name: 'fbpd_dispatch_held',
    help: '1 with the reason while no new fetch is begun',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      const held = fetches.held();
      if (held !== undefined) this.set({ reason: held.code }, 1);
    },
  });
  new Gauge({
    name: 'fbpd_hot_up',
    help: '1 while the hot tier answers',
    registers,
    collect() {
      this.set(hotStatus().up ? 1 : 0);
    },
  });
  new Gauge({
    name: 'fbpd_disk_state',
    help: '0 with room, 1 below min_free, 2 full',
    registers,
    collect() {
      this.set(['ok', 'low', 'full'].indexOf(disk()));
    },
  });
}
