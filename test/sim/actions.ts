import fc from 'fast-check';

import { CONTENTS } from './contents.ts';
import type { Death } from './life.ts';
import type { SendFault } from './node.ts';
import { CONDUCTS } from './providers.ts';

export const PROVIDERS = Array.from({ length: 8 }, (_, index) => `f0100${index}`);
const ACCOUNTS = ['alice', 'bob'] as const;
const SEND_FAULTS: readonly SendFault[] = ['lost_before', 'lost_after', 'late'];
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const provider = fc.constantFrom(...PROVIDERS);
/** Chooses one of what there is. */
const pick = fc.nat(60);

function doing<K extends string, T extends object>(weight: number, name: K, fields: { [F in keyof T]: fc.Arbitrary<T[F]> }) {
  return { weight, arbitrary: fc.record({ do: fc.constant(name), ...fields }) as fc.Arbitrary<{ do: K } & T> };
}

const death = fc.record<Death>({ calls: fc.integer({ min: 1, max: 40 }), when: fc.constantFrom('before', 'after') });

/** Everything that can happen. Between any two of them the daemon works. */
export const action = fc.oneof(
  doing<'advance', { epochs: number }>(10, 'advance', { epochs: fc.integer({ min: 1, max: 30 }) }),
  doing<'advance', { epochs: number }>(3, 'advance', { epochs: fc.integer({ min: 50, max: 400 }) }),
  doing<'advance', { epochs: number }>(1, 'advance', { epochs: fc.integer({ min: 500, max: 1_200 }) }),
  doing<'add', { account: string; content: number }>(6, 'add', {
    account: fc.constantFrom(...ACCOUNTS),
    content: fc.nat(CONTENTS - 1),
  }),
  doing<'read', { content: number }>(4, 'read', { content: fc.nat(CONTENTS - 1) }),
  doing<'remove', { pick: number }>(2, 'remove', { pick }),
  doing<'conduct', { provider: string; conduct: (typeof CONDUCTS)[number] }>(4, 'conduct', {
    provider,
    conduct: fc.constantFrom(...CONDUCTS),
  }),
  doing<'retrieval', { provider: string; how: 'gives' | 'fails' | 'corrupts' }>(1, 'retrieval', {
    provider,
    how: fc.constantFrom('gives', 'fails', 'corrupts'),
  }),
  doing<'heal', object>(1, 'heal', {}),
  doing<'terminate', { pick: number; deletes: boolean }>(2, 'terminate', { pick, deletes: fc.boolean() }),
  doing<'reorg', { epochs: number }>(3, 'reorg', { epochs: fc.integer({ min: 1, max: 19 }) }),
  doing<'sendFault', { fault: SendFault; times: number }>(5, 'sendFault', {
    fault: fc.constantFrom(...SEND_FAULTS),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  doing<'crash', { death: Death }>(6, 'crash', { death }),
  doing<'storeFull', { commits: number }>(2, 'storeFull', { commits: fc.integer({ min: 1, max: 8 }) }),
  doing<'diskFull', { isFull: boolean }>(1, 'diskFull', { isFull: fc.boolean() }),
  doing<'node', { how: 'down' | 'unauthorized' | 'up' }>(2, 'node', { how: fc.constantFrom('down', 'unauthorized', 'up') }),
  doing<'clock', { offMs: number }>(1, 'clock', { offMs: fc.constantFrom(-YEAR_MS, -HOUR_MS, 0, HOUR_MS, YEAR_MS) }),
  doing<'suspend', { provider: string; isSuspended: boolean }>(1, 'suspend', { provider, isSuspended: fc.boolean() }),
  doing<'freeze', { isFrozen: boolean }>(1, 'freeze', { isFrozen: fc.boolean() }),
  doing<'wallet', { isEmpty: boolean }>(1, 'wallet', { isEmpty: fc.boolean() }),
  doing<'restart', object>(1, 'restart', {}),
);
export type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;
