import type { Reason } from '../domain/pin.ts';

export interface HoldInput {
  /** Of the state directory's file system, by `state.min_free`. */
  disk: 'ok' | 'low' | 'full';
  hotUp: boolean;
  /** Absent while it could not be read. */
  repoBytes?: number;
  capacityBytes: number;
  collectingGarbage: boolean;
}

/**
 * Why no fetch may run at present, in the order in which an operator would want to hear of it; undefined when they
 * may. Pins wait with this reason, they do not fail. Clients read it, so it says nothing of paths, ports or processes.
 */
export function planHold(input: HoldInput): Reason | undefined {
  if (input.disk !== 'ok') {
    return { code: 'min_free', text: 'waiting: less than state.min_free is left on the disk; pins go on when there is room' };
  }
  if (!input.hotUp) return { code: 'hot_down', text: 'waiting: the hot tier is not up' };
  if (input.collectingGarbage) return { code: 'gc', text: 'waiting: gc; the hot tier is deleting unpinned blocks' };
  if (input.repoBytes !== undefined && input.repoBytes >= input.capacityBytes) {
    return { code: 'hot_full', text: 'waiting: the hot tier is at hot.capacity; remove pins or raise it' };
  }
  return undefined;
}
