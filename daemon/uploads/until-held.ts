import { setTimeout as sleep } from 'node:timers/promises';

import type { Leave } from '../domain/intake-gate.ts';
import type { PinStore } from '../domain/ports.ts';

export interface UntilHeldOptions {
  pins: Pick<PinStore, 'contents'>;
  everyMs: number;
  /** After so long a content is no longer waited for. */
  patienceMs: number;
  signal: AbortSignal;
}

/** Contents whose blocks are here, unpinned, until the pin reconciler has pinned them. */
export interface UntilHeld {
  /** Calls `leave` when the content is pinned, has failed or is wanted no more; or when that takes too long. */
  add(contentKey: string, leave: Leave): void;
  count(): number;
  /** Resolves when it does nothing any more, which it does not before its signal. */
  stopped(): Promise<void>;
}

interface Waiting {
  contentKey: string;
  leave: Leave;
  untilMs: number;
}

/** One look for all of them at a time. */
export function createUntilHeld({ pins, everyMs, patienceMs, signal }: UntilHeldOptions): UntilHeld {
  const all = new Set<Waiting>();
  let running: Promise<void> | undefined;

  async function look(): Promise<void> {
    const some = [...all];
    const contents = await pins.contents(some.map(({ contentKey }) => contentKey)).catch(() => undefined);
    const nowMs = performance.now();
    for (const [i, waiting] of some.entries()) {
      // When the store cannot say, nothing is known to be over.
      const isOver = contents !== undefined && contents[i]?.hot !== 'wanted';
      if (isOver || nowMs >= waiting.untilMs) letGo(waiting);
    }
  }

  function letGo(waiting: Waiting): void {
    all.delete(waiting);
    waiting.leave();
  }

  async function run(): Promise<void> {
    while (all.size > 0 && !signal.aborted) {
      await look();
      if (all.size > 0) await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
    for (const waiting of all) letGo(waiting);
    running = undefined;
  }

  return {
    add(contentKey, leave) {
      all.add({ contentKey, leave, untilMs: performance.now() + patienceMs });
      running ??= run();
    },
    count: () => all.size,
    stopped: async () => await running,
  };
}
