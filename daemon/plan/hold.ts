import type { Reason } from '../domain/pin.ts';
import type { StayReason } from './evict.ts';

/** How the last look for hot copies that may go has ended. */
export interface LastLook {
  /** Absent when some went, or none was to go. Else how many have to stay, by reason. */
  stuck?: Readonly<Partial<Record<StayReason, number>>>;
}

export interface HoldInput {
  /** Of the state directory's file system, by `state.min_free`. */
  disk: 'ok' | 'low' | 'full';
  hotUp: boolean;
  /** Absent while it could not be read. */
  repoBytes?: number;
  capacityBytes: number;
  collectingGarbage: boolean;
  /** Absent where hot copies are never let go. */
  eviction?: LastLook;
}

const HOT_FULL = 'waiting: the hot tier is at hot.capacity';

/** What hot copies wait for before they may go. */
const UNTIL: Readonly<Record<StayReason, string>> = {
  not_ours: 'until a pin is removed',
  too_few_copies: 'until enough deals of them are active',
  unsampled: 'until a provider has given their bytes back',
  being_fetched: 'until providers have fetched them from here',
  awaited: 'until the pieces are built that they are to join',
  read_lately: 'as they were read, or asked for, a short while ago',
};

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
    return { code: 'hot_full', text: `${HOT_FULL}; ${whatGivesRoom(input.eviction)}` };
  }
  return undefined;
}

function whatGivesRoom(eviction: LastLook | undefined): string {
  if (eviction === undefined) return 'remove pins or raise it';
  if (eviction.stuck === undefined) return 'hot copies are let go that are proven cold, and unpinned blocks deleted';
  const [most] = Object.entries(eviction.stuck).toSorted(([, a], [, b]) => b - a);
  if (most === undefined) return 'no hot copy is left that could go: remove pins or raise it';
  return `no hot copy may go yet, most of them ${UNTIL[most[0] as StayReason]}`;
}
