import type { Clock } from './domain/ports.ts';

/** The wall clock: the only place that reads it. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
};
