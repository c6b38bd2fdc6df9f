import type { ColdPolicy } from '../domain/policy.ts';

/** So long before it ends a deal is replaced. It must not be due for that as soon as it is made, whatever the config says. */
export function renewBefore({ renewBeforeEpochs, durationEpochs }: Pick<ColdPolicy, 'renewBeforeEpochs' | 'durationEpochs'>): number {
  return Math.min(renewBeforeEpochs, Math.floor(durationEpochs / 2));
}
