import type { ColdChange } from '../../domain/cold-store-port.ts';
import type { Op } from '../../domain/ports.ts';
import { keysOf, type PlannedChange, planChange, type ReadRecords } from './change-commit.ts';
import type { SpendEntry } from './spend-lines.ts';
import type { Sums } from './totals.ts';

/** A change that waits, and whom to tell. */
export interface WaitingChange {
  change: ColdChange;
  /** What has to be read, and must not be touched by another change of the group. */
  keys: readonly string[];
  resolve(): void;
  reject(error: unknown): void;
}

/** What goes ahead in one commit. */
export interface GroupPlan {
  expect: Record<string, number | null>;
  ops: Op[];
  sums: Sums;
  spend: SpendEntry[];
  members: WaitingChange[];
}

const GROUP_CHANGES = 64;
const GROUP_KEYS = 4096;

/** @throws TypeError when the change contradicts itself: a bug of the caller */
export function waitingChange(change: ColdChange, settle: Pick<WaitingChange, 'resolve' | 'reject'>): WaitingChange {
  return { change, keys: keysOf(change), ...settle };
}

/**
 * Takes the next group out of the queue: changes that have no record in common, so that each can be decided on what is
 * in the store. What has to wait for another one stays, in its order. A change of the breaker is alone: what comes behind
 * it is decided with it.
 */
export function takeGroup(queue: WaitingChange[]): WaitingChange[] {
  const touched = new Set<string>();
  const group: WaitingChange[] = [];
  const left: WaitingChange[] = [];
  let isClosed = false;
  for (const waiting of queue) {
    const isAlone = waiting.change.breaker !== undefined;
    const isFull = group.length >= GROUP_CHANGES || touched.size + waiting.keys.length > GROUP_KEYS;
    isClosed ||= group.length > 0 && (isAlone || isFull);
    (isClosed || waiting.keys.some((key) => touched.has(key)) ? left : group).push(waiting);
    for (const key of waiting.keys) touched.add(key);
    isClosed ||= isAlone;
  }
  queue.splice(0, queue.length, ...left);
  return group;
}

/** Decides each; what cannot be is rejected by itself, and the rest is one commit. */
export function planGroup(
  group: readonly WaitingChange[],
  read: ReadRecords,
  before: Sums,
  options: { nowMs: number; refuse: (change: ColdChange) => void },
): GroupPlan {
  const plan: GroupPlan = { expect: {}, ops: [], sums: before, spend: [], members: [] };
  for (const member of group) {
    let planned: PlannedChange;
    try {
      planned = planChange(member.change, read, plan.sums, options.nowMs);
      options.refuse(member.change);
    } catch (error) {
      member.reject(error);
      continue;
    }
    Object.assign(plan.expect, planned.expect);
    plan.ops.push(...planned.ops);
    plan.spend.push(...planned.spend);
    plan.sums = planned.sums;
    plan.members.push(member);
  }
  return plan;
}
