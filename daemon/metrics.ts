import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of its own, so that several daemons in one test process don't share numbers. Rooms register theirs on it. */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'fbpd_' });
  return registry;
}
