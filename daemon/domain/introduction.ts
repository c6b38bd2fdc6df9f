import type { Provider, ProviderEventKind } from './provider.ts';

const TELLING: readonly ProviderEventKind[] = ['accepted', 'active', 'not_allowed'];

/** It takes deals from clients only that it knows: somebody has to tell it our wallet's address. It took none of ours since it said so. */
export function needsIntroduction({ events }: Pick<Provider, 'events'>): boolean {
  return events.findLast(({ kind }) => TELLING.includes(kind))?.kind === 'not_allowed';
}
