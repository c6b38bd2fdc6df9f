import { Counter, Histogram, type Registry } from 'prom-client';

import type { ReadSource } from '../daemon/domain/retrieval-ports.ts';

export interface GatewayMetrics {
  /** A request has its reply. `none` is for those that were not served from anywhere. */
  replied(status: number, source: ReadSource | 'none'): void;
  sent(source: ReadSource, bytes: number): void;
  firstByte(source: ReadSource, seconds: number): void;
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

/** Registers what the gateway shows of itself; once for a registry. */
export function gatewayMetrics(registry: Registry): GatewayMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'fbpd_gateway_requests_total',
    help: 'Requests of readers by status of the reply and by where the bytes came from; status 499 is a reader that left first',
    labelNames: ['status', 'source'],
    registers,
  });
  const bytes = new Counter({
    name: 'fbpd_gateway_bytes_total',
    help: 'Bytes written to readers by where they came from',
    labelNames: ['source'],
    registers,
  });
  const firstByte = new Histogram({
    name: 'fbpd_gateway_first_byte_seconds',
    help: 'From the request to the head of a reply with bytes, by where they came from',
    labelNames: ['source'],
    buckets: BUCKETS_SECONDS,
    registers,
  });
  return {
    replied: (status, source) => requests.inc({ status, source }),
    sent: (source, count) => bytes.inc({ source }, count),
    firstByte: (source, seconds) => firstByte.observe({ source }, seconds),
  };
}
