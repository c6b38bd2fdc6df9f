import type { Deal } from '../domain/deal.ts';
import { placeOf } from './chain-place.ts';
import { type DealStep, moved, type Seen, type StepInput, same, type VerifyRules } from './deal-step.ts';
import { withOverdue } from './overdue.ts';
import { isBeforeChain, isLive } from './providers.ts';
import { verifyPending } from './verify-pending.ts';

/**
 * What becomes of a deal by what was seen of it. The chain decides; what maker and provider say only bridges the time
 * until it does. States may go back: a reorg takes publications and activations with it, and a deal that was given up
 * but turns up on the chain is a deal.
 */
export function planVerify(deal: Deal, seen: Seen, rules: VerifyRules): DealStep {
  const input: StepInput = { deal, seen, rules };
  return withOverdue(decide(input), input);
}

function decide(input: StepInput): DealStep {
  const { seen } = input;
  switch (placeOf(seen.final, seen.atHead, seen.headEpoch, seen.finalizedEpoch)) {
    case undefined:
      return unread(input);
    case 'active':
      return active(input);
    case 'published':
      return published(input);
    case 'late':
      return late(input);
    case 'ended':
      return ended(input);
    case 'slashed':
      return suspect(input, 'its sector was terminated');
    case 'absent':
      return absent(input);
  }
}

/** The chain did not answer for it: nothing is concluded, but what the maker says is noted. */
function unread(input: StepInput): DealStep {
  return isBeforeChain(input.deal) ? verifyPending(input, 'unread') : same(input);
}

function active(input: StepInput): DealStep {
  const { deal, seen } = input;
  const { suspectSinceEpoch: _, ...clear } = onChain(input);
  const sectorStartEpoch = typeof seen.final === 'object' ? seen.final.sectorStartEpoch : -1;
  const activeEvidence = {
    kind: 'marketDeal' as const,
    chainDealId: seen.chainDealId ?? deal.chainDealId ?? 0,
    sectorStartEpoch,
    seenEpoch: seen.finalizedEpoch,
    ...(seen.finalizedKey === undefined ? {} : { tipSet: seen.finalizedKey }),
    ...(typeof seen.final === 'object' ? { clientId: seen.final.client } : {}),
    atMs: seen.nowMs,
  };
  const found = { ...input, deal: { ...clear, activeEvidence } };
  return deal.state === 'active' ? same(found) : moved(found, 'active', 'the finalized chain has it in a sector', 'active');
}

function published(input: StepInput): DealStep {
  const { suspectSinceEpoch: _, ...clear } = onChain(input);
  const found = { ...input, deal: clear };
  if (input.deal.state === 'published') return same(found);
  return moved(found, 'published', input.deal.state === 'active' ? 'a reorg took its activation back' : 'the chain has it');
}

/** Its money stays locked until it is settled, which nobody is bound to do for 30 days. */
function late(input: StepInput): DealStep {
  const found = { ...input, deal: onChain(input) };
  if (input.deal.state === 'missed') return same(found);
  return moved(found, 'missed', 'its start passed and it is in no sector', 'missed');
}

function ended(input: StepInput): DealStep {
  const { state } = input.deal;
  return state === 'expired' || state === 'lost' ? same(input) : moved(input, 'expired', 'it ran to its end');
}

/** Nothing of it is on the chain. What that means depends on what was there before. */
function absent(input: StepInput): DealStep {
  const { deal, seen } = input;
  switch (deal.state) {
    case 'intended':
    case 'proposed':
    case 'accepted':
      return verifyPending(input, 'absent');
    case 'published':
      return seen.finalizedEpoch > deal.terms.startEpoch ? suspect(input, 'the chain has it no more') : takenBack(input);
    case 'active':
      // It is deleted at its end as well as by a termination: when it was first missed tells which.
      if (seen.finalizedEpoch >= deal.terms.endEpoch && deal.suspectSinceEpoch === undefined) return ended(input);
      return suspect(input, 'the chain has it no more');
    case 'expired':
    case 'missed':
    case 'lost':
      return settled(input);
    case 'rejected':
    case 'failed':
      return seen.finalizedEpoch > deal.terms.startEpoch ? forGood(input) : same(input);
  }
}

function takenBack(input: StepInput): DealStep {
  const { chainDealId: _, ...rest } = input.deal;
  return moved({ ...input, deal: rest }, 'accepted', 'a reorg took its publication back');
}

/** Lost, or missed when it was never in a sector, only when the finalized chain said so twice, `confirmLost` apart. */
function suspect(input: StepInput, why: string): DealStep {
  const { deal, seen, rules } = input;
  if (!isLive(deal)) return same(input);
  const sinceEpoch = deal.suspectSinceEpoch ?? seen.finalizedEpoch;
  const marked = { ...input, deal: { ...deal, suspectSinceEpoch: sinceEpoch } };
  if (deal.suspectSinceEpoch === undefined || seen.finalizedEpoch - sinceEpoch < rules.confirmLostEpochs) return same(marked);
  if (deal.activeEvidence === undefined) return moved(marked, 'missed', `${why}, and it was never seen in a sector`, 'missed');
  return moved(marked, 'lost', `${why}, at the finalized epochs ${sinceEpoch} and ${seen.finalizedEpoch}`, 'lost');
}

/** Its money is free again; what was never in a sector cost nothing in the end. */
function settled(input: StepInput): DealStep {
  const { state, costAtto } = input.deal;
  return { ...forGood(input), budgetAtto: state === 'missed' ? -costAtto : 0n };
}

/** Nothing can come of it any more. */
function forGood({ deal }: StepInput): DealStep {
  const { dueEpoch: _, ...rest } = deal;
  return { deal: rest, budgetAtto: 0n, events: [], resend: false };
}

/** The deal with what was learned about it, now that the chain has it: it is in doubt no more. */
function onChain({ deal, seen: { chainDealId, report, final } }: StepInput): Deal {
  const { outcome: _, ...certain } = deal;
  const publishCid = report !== undefined && 'publishCid' in report ? report.publishCid : undefined;
  const settledEpoch = typeof final === 'object' && final.lastUpdatedEpoch > -1 ? final.lastUpdatedEpoch : undefined;
  return {
    ...certain,
    ...(chainDealId === undefined ? {} : { chainDealId }),
    ...(publishCid === undefined ? {} : { publishCid }),
    ...(settledEpoch === undefined ? {} : { settledEpoch }),
  };
}
