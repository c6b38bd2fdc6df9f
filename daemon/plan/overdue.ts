import type { Deal } from '../domain/deal.ts';
import { type DealStep, type StepInput, withHistory } from './deal-step.ts';
import { isLive } from './providers.ts';

/** Shares of the time between proposal and start: what is not on the chain by then, or in no sector, takes long. */
const PUBLISH_SHARE = 2;
const SEAL_SHARE = 8;

/**
 * That a deal takes too long is noted once in its history, as nothing is done about it: until its start is final the
 * chain alone decides.
 */
export function withOverdue(step: DealStep, { deal: before, seen, rules }: StepInput): DealStep {
  const { deal } = step;
  if (!isLive(deal) || deal.state !== before.state) return step;
  const note = overdue(deal, deal.terms.startEpoch - seen.headEpoch, rules.startLeadEpochs);
  if (note === undefined || deal.history.some(({ reason }) => reason === note)) return step;
  return { ...step, note, deal: { ...deal, history: withHistory(deal, note, seen) } };
}

function overdue({ state, sends }: Deal, leftEpochs: number, leadEpochs: number): string | undefined {
  switch (state) {
    case 'intended':
    case 'proposed':
    case 'accepted':
      return sends > 0 && leftEpochs * PUBLISH_SHARE < leadEpochs
        ? `half of the time to its start is over, and it is ${state} and still not on the chain; it is waited for until the start is final`
        : undefined;
    case 'published':
      return leftEpochs * SEAL_SHARE < leadEpochs
        ? 'its start is near, and it is in no sector yet; its provider misses it unless it is quick'
        : undefined;
    default:
      return undefined;
  }
}
