import { setTimeout as sleep } from 'node:timers/promises';

import { FbpdError } from '../domain/errors.ts';
import type { IntakeGate, Leave } from '../domain/intake-gate.ts';
import { UploadError } from '../domain/upload-port.ts';

export interface GiveWayOptions {
  gate: Pick<IntakeGate, 'closing'>;
  /** There is no room for more, and what is uploaded could not be pinned. */
  isShort(): boolean;
  /** While a collection of garbage is due, a client that sends nothing for so long is not waited for. */
  idleMs: number;
  everyMs: number;
  signal: AbortSignal;
}

/** An upload of which not everything has come. */
export interface Guest {
  /** Since when its client is waited for, by the process's own clock; undefined while it is not. */
  waitingSinceMs(): number | undefined;
  /** Ends it with this for a reason. */
  end(reason: Error): void;
}

/** Sees to it that no upload keeps others waiting for room: the blocks of one that goes on, or might, can not be deleted. */
export interface GiveWay {
  join(guest: Guest): Leave;
}

/** Looks at all of them now and then, while there are any. */
export function createGiveWay({ gate, isShort, idleMs, everyMs, signal }: GiveWayOptions): GiveWay {
  const guests = new Set<Guest>();
  let running = false;

  function look(): void {
    const reasonFor = isShort() ? () => noRoom() : gate.closing() ? reasonForIdle : undefined;
    if (reasonFor === undefined) return;
    for (const guest of guests) {
      const reason = reasonFor(guest);
      if (reason !== undefined) guest.end(reason);
    }
  }

  function reasonForIdle(guest: Guest): Error | undefined {
    const sinceMs = guest.waitingSinceMs();
    if (sinceMs === undefined || performance.now() - sinceMs < idleMs) return undefined;
    return new UploadError('stalled', 'nothing came for some seconds while unpinned blocks are to be deleted; send it again');
  }

  async function run(): Promise<void> {
    running = true;
    while (guests.size > 0 && !signal.aborted) {
      look();
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    running = false;
  }

  return {
    join(guest) {
      guests.add(guest);
      if (!running) void run();
      return () => guests.delete(guest);
    },
  };
}

/** What a client hears whose upload is not taken, or not any more, until there is room again. */
export function noRoom(): FbpdError {
  return new FbpdError('STORAGE_FULL', 'there is no room for uploads at present; they are taken again by themselves when there is');
}
