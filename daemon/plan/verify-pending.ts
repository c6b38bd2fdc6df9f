import type { DealReport, RefusalKind, SendReply } from '../domain/cold-ports.ts';
import type { Deal, DealState } from '../domain/deal.ts';
import type { ProviderEvent } from '../domain/provider.ts';
import { type DealStep, moved, type StepInput, same } from './deal-step.ts';

/**
 * A deal that the chain does not have yet. Until its start is final it may still be published, whoever says what: a
 * state that lasts too long is said and nothing else. Only an explicit refusal before it was accepted frees its slot
 * earlier, or that it was never sent.
 */
export function verifyPending(input: StepInput, chain: 'absent' | 'unread'): DealStep {
  const { deal, seen } = input;
  const { report } = seen;
  if (deal.sends === 0) return neverSent(input);
  if (report === undefined) return same(input);
  if (chain === 'absent' && seen.finalizedEpoch > lastHopeEpoch(deal)) {
    // Who accepted it and did not publish it has missed it; else it was perhaps never asked.
    const event = deal.state === 'accepted' ? 'missed' : 'unreachable';
    return moved(input, 'failed', 'its start is final and the chain does not have it', event);
  }
  return byReport(input, report);
}

/**
 * Until when it may come: published up to its start. Of one that was begun as another proposal than ours the chain may
 * have what we do not recognize, so that is waited out.
 */
function lastHopeEpoch({ begunAs, terms }: Deal): number {
  return begunAs === undefined ? terms.startEpoch : terms.endEpoch;
}

/** Its intent was written and nothing has left the house: it goes out while there is time for it, or it ends at once. */
function neverSent(input: StepInput): DealStep {
  const { deal, seen, rules } = input;
  const leftEpochs = deal.terms.startEpoch - seen.headEpoch;
  if (leftEpochs * 2 < rules.startLeadEpochs) return moved(input, 'failed', 'it was never sent, and its start is too near now');
  return { ...same(input), resend: true };
}

function byReport(input: StepInput, report: DealReport): DealStep {
  const { deal, seen } = input;
  switch (report.kind) {
    case 'absent': {
      // It may still be on its way to whoever was asked: a negative look-up proves nothing.
      const again = deal.state === 'intended' && seen.headEpoch < deal.terms.startEpoch;
      return { ...same(inDoubt(input)), resend: again };
    }
    case 'going':
      return going(input, report);
    case 'refused':
      return deal.state === 'accepted' ? same(inDoubt(input, report)) : refused(input, report.why, report.said);
    case 'doubtful':
      return same(inDoubt(input, report));
  }
}

function going(input: StepInput, report: Extract<DealReport, { kind: 'going' }>): DealStep {
  const { outcome: _, ...certain } = input.deal;
  const deal = heard(certain, report);
  // That it is published only the chain can say.
  const said: DealState = report.state === 'proposed' ? 'proposed' : 'accepted';
  const found = { ...input, deal };
  if (deal.state === said || deal.state === 'accepted') return same(found);
  return moved(found, said, report.said, said === 'accepted' ? 'accepted' : undefined);
}

function refused(input: StepInput, why: RefusalKind, said: string): DealStep {
  return moved({ ...input, deal: { ...input.deal, said } }, 'rejected', said, eventOf(why));
}

/** What a refusal says about the provider: nothing when it was our own fault. */
function eventOf(why: RefusalKind): ProviderEvent['kind'] | undefined {
  if (why === 'funds') return undefined;
  return why === 'not_allowed' ? 'not_allowed' : 'refused';
}

function inDoubt(input: StepInput, report?: DealReport): StepInput {
  const deal: Deal = { ...input.deal, outcome: 'unknown' };
  return { ...input, deal: report === undefined ? deal : heard(deal, report) };
}

function heard(deal: Deal, report: DealReport): Deal {
  return {
    ...deal,
    ...('said' in report ? { said: report.said } : {}),
    ...('publishCid' in report && report.publishCid !== undefined ? { publishCid: report.publishCid } : {}),
  };
}

/**
 * What the reply to a send means; undefined when none came. A refusal frees the slot only as the reply to the first
 * send: a later one may be refused *because* the first one was taken.
 */
export function planSent(input: StepInput, reply: SendReply | undefined): DealStep {
  const { deal } = input;
  if (reply === undefined) return same(inDoubt(input));
  if (reply.kind === 'refused') {
    return deal.sends === 1 && deal.outcome === undefined
      ? refused(input, reply.why, reply.said)
      : same({ ...input, deal: { ...deal, outcome: 'unknown', said: reply.said } });
  }
  const { outcome: _, ...certain } = deal;
  const known: Deal = reply.as === undefined ? certain : { ...certain, begunAs: reply.as, outcome: 'unknown' };
  const sent = { ...input, deal: { ...known, said: reply.said } };
  return deal.state === 'intended' ? moved(sent, 'proposed', reply.said) : same(sent);
}
