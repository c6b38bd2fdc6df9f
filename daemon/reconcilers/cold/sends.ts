import { setTimeout } from 'node:timers/promises';

import type { Log } from '../../log.ts';

/** A pass waits so long for the next reply to come in. */
const PATIENCE_MS = 3_000;

/**
 * Sends of one pass, beside its other work: who lets us wait for a reply delays nobody else. The pass ends without those
 * that take longer; they go on, and what becomes of them is taken down all the same.
 */
export class Sends {
  readonly #log: Log;
  readonly #running = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(dealId: string, send: Promise<unknown>): void {
    const running: Promise<void> = send
      .then(() => undefined)
      .catch((error: unknown) =>
        this.#log.warn({ err: error, deal: dealId }, 'what became of a send could not be taken down; the next look at the deal goes on'),
      )
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for the next one to be over, as that may make its piece due again. False when none is, or none will be soon. */
  async next(): Promise<boolean> {
    if (this.#running.size === 0) return false;
    const over = new AbortController();
    const longEnough = setTimeout(PATIENCE_MS, false, { signal: over.signal }).catch(() => false);
    try {
      return await Promise.race([longEnough, ...[...this.#running].map((running) => running.then(() => true))]);
    } finally {
      over.abort();
    }
  }
}
