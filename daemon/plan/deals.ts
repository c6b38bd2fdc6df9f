import type { Deal, DealReason, FailureDomain } from '../domain/deal.ts';
import { EPOCHS_PER_DAY } from '../domain/epoch.ts';
import type { Piece } from '../domain/piece.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import type { Provider } from '../domain/provider.ts';
import { chooseProvider } from './choose-provider.ts';
import { datacapAfter, lacksDatacap } from './datacap.ts';
import { createdEpoch } from './deal-step.ts';
import { independentCopies } from './independent.ts';
import { costOf, type Money, nextDayEpoch, unaffordable } from './money.ts';
import { isLive, pricePerEpoch } from './providers.ts';
import { isRepacking, mayRepack, repackingReason } from './repack.ts';
import { renewBefore } from './terms.ts';

export interface DealRules {
  startLeadEpochs: number;
  /** When nobody can be asked, or the operator has to act, it is looked at again after so long. */
  retryEpochs: number;
  /** Sooner, when money is on its way. */
  pollEpochs?: number;
  trusted: readonly string[];
}

export interface DealsInput {
  piece: Piece;
  /** Every deal of the piece, oldest first. */
  deals: readonly Deal[];
  /** Deals of other pieces of the same bytes: no provider is asked for one of theirs once more. */
  twins?: readonly Deal[];
  /** Undefined when the config has none of that name any more. */
  policy: ColdPolicy | undefined;
  providers: readonly Provider[];
  headEpoch: number;
  money: Money;
  rules: DealRules;
}

/** A deal that is to be made now. */
export interface Proposal {
  provider: string;
  country?: string;
  domain: FailureDomain;
  startEpoch: number;
  durationEpochs: number;
  pricePerEpochAtto: bigint;
  /** Without the client's collateral, which only the maker knows. */
  costAtto: bigint;
  verified: boolean;
  reason: DealReason;
  replaces?: string;
  why: Reason;
}

export type NextLook = { queue: 'create' | 'renew'; epoch: number };

export interface DealsPlan {
  proposals: Proposal[];
  /** What happens next, or why nothing does: shown to users. */
  next: Reason;
  /** When it is to be looked at again; absent when only a change of the piece can change anything. */
  look?: NextLook;
  /** No copy of it is renewed, as what is wanted of it goes into another piece. */
  repacks?: true;
}

/** One copy that is to be made, and which one it takes the place of. */
interface Slot {
  reason: DealReason;
  replaces?: Deal;
}

/**
 * Create, renew and repair are one decision: propose while the copies that will still be live `renewBefore` from now are
 * fewer than wanted. Deals in doubt hold their slots, unless fewer than `min` are active after a day: then one spare is allowed.
 */
export function planDeals(input: DealsInput): DealsPlan {
  const { piece, deals, policy, headEpoch, rules } = input;
  const queue = queueOf(deals, policy);
  if (piece.state !== 'built' || piece.built === undefined) return { proposals: [], next: piece.next };
  if (policy === undefined) {
    const next = { code: 'no_policy', text: `waiting: the config has no policy called ${piece.policy} any more` };
    return { proposals: [], next, look: { queue, epoch: headEpoch + rules.retryEpochs } };
  }
  const slots = slotsToFill(deals, policy, headEpoch);
  if (isRepacking(piece) || (slots.some(isRenewal) && mayRepack({ piece, deals, policy, headEpoch }, rules.startLeadEpochs)))
    return repack(input, piece.built.pieceSizeBytes, policy, slots, queue);
  if (slots.length === 0) {
    const epoch = nextExpiry(deals, policy, headEpoch);
    return { proposals: [], next: enough(deals, policy), ...(epoch === undefined ? {} : { look: { queue, epoch } }) };
  }
  return fill(input, piece.built.pieceSizeBytes, policy, slots, queue);
}

/** What was lost, or is missing, is made good all the same: who knows how long the other piece takes. */
function repack(
  input: DealsInput,
  pieceSizeBytes: number,
  policy: ColdPolicy,
  slots: readonly Slot[],
  queue: NextLook['queue'],
): DealsPlan {
  const { deals, headEpoch, rules } = input;
  const again: NextLook = { queue, epoch: headEpoch + rules.retryEpochs };
  const repairs = slots.filter(({ reason }) => reason !== 'expiring');
  if (repairs.length === 0) return { proposals: [], next: repackingReason(deals, policy), look: again, repacks: true };
  const { look = again, ...plan } = fill(input, pieceSizeBytes, policy, repairs, queue);
  return { ...plan, look: { queue, epoch: Math.min(look.epoch, again.epoch) }, repacks: true };
}

/** The copy is still there: nothing is lost yet by leaving it. */
function isRenewal({ reason, replaces }: Slot): boolean {
  return reason === 'expiring' && replaces !== undefined && isLive(replaces);
}

function fill(input: DealsInput, pieceSizeBytes: number, policy: ColdPolicy, slots: readonly Slot[], queue: NextLook['queue']): DealsPlan {
  const { piece, deals, twins = [], providers, headEpoch, rules } = input;
  const proposals: Proposal[] = [];
  let money = input.money;
  let unfilled: (Reason & { epoch: number }) | undefined;
  for (const [index, slot] of slots.entries()) {
    const holders = [...deals.filter(isLive), ...proposals];
    const choice = chooseProvider({
      pieceId: piece.id,
      pieceSizeBytes,
      policy,
      providers,
      trusted: rules.trusted,
      headEpoch,
      further: slots.length - index - 1,
      holders: slot.replaces === undefined ? holders : holders.filter((holder) => holder !== slot.replaces),
    });
    if (choice.kind === 'none') {
      // A slot that another copy lends its failure domain to may be filled all the same.
      const epoch = Math.max(headEpoch + 1, Math.min(choice.againEpoch ?? Number.POSITIVE_INFINITY, headEpoch + rules.retryEpochs));
      unfilled = { ...(unfilled ?? choice.why), epoch: Math.min(epoch, unfilled?.epoch ?? epoch) };
      continue;
    }
    const proposal = proposalFor(
      choice.provider,
      choice.domain,
      slot,
      pieceSizeBytes,
      policy,
      startAfter([...deals, ...twins], choice.provider.id, headEpoch + rules.startLeadEpochs),
    );
    const why =
      (policy.verifiedDeal ? lacksDatacap(pieceSizeBytes, money.datacap, policy.name) : undefined) ??
      unaffordable(proposal.costAtto, money);
    if (why !== undefined) {
      const isSoon = why.code === 'funds_short' && money.escrow?.isComing === true;
      const waitEpochs = isSoon ? (rules.pollEpochs ?? rules.retryEpochs) : rules.retryEpochs;
      const epoch = why.code === 'over_budget' ? nextDayEpoch(headEpoch) : headEpoch + waitEpochs;
      return { proposals, next: why, look: { queue, epoch } };
    }
    proposals.push(proposal);
    money = spent(money, proposal.costAtto);
    if (policy.verifiedDeal) money = { ...money, ...datacapAfter(money.datacap, pieceSizeBytes) };
  }
  if (unfilled !== undefined) {
    const { epoch, ...next } = unfilled;
    return { proposals, next, look: { queue, epoch } };
  }
  const next = { code: 'proposing', text: `${proposals.length === 1 ? 'a deal is' : `${proposals.length} deals are`} being proposed` };
  return { proposals, next, look: { queue, epoch: headEpoch } };
}

/** Copies that are to be made, the most pressing first. */
function slotsToFill(deals: readonly Deal[], policy: ColdPolicy, headEpoch: number): Slot[] {
  const lasting = deals.filter((deal) => isLive(deal) && deal.terms.endEpoch > headEpoch + renewBefore(policy));
  const missing = policy.replicas.target + (needsSpare(deals, policy, headEpoch) ? 1 : 0) - independentCopies(lasting);
  if (missing <= 0) return [];
  const slots: Slot[] = predecessors(deals, lasting).map((deal) => ({
    reason: isLive(deal) || deal.state === 'expired' ? 'expiring' : 'lost',
    replaces: deal,
  }));
  while (slots.length < missing) slots.push({ reason: 'missing' });
  return slots.slice(0, missing);
}

/**
 * Copies that end, or have ended otherwise than they should, and that no other deal was made for: those that are still
 * there first, as only they lend their failure domain, then the soonest end. A replacement that came to nothing leaves
 * its predecessor to the next one.
 */
function predecessors(deals: readonly Deal[], lasting: readonly Deal[]): Deal[] {
  const replaced = new Set(deals.filter((deal) => !cameToNothing(deal)).map(({ replaces }) => replaces));
  return deals
    .filter((deal) => !(deal.state === 'rejected' || (cameToNothing(deal) && deal.replaces !== undefined)))
    .filter((deal) => !lasting.includes(deal) && !replaced.has(deal.id))
    .sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || a.terms.endEpoch - b.terms.endEpoch || (a.id < b.id ? -1 : 1));
}

function cameToNothing({ state }: Deal): boolean {
  return state === 'rejected' || state === 'failed' || state === 'missed';
}

/** In doubt for a day, and fewer than `min` are there: who waits for the chain meanwhile would wait for days. */
function needsSpare(deals: readonly Deal[], policy: ColdPolicy, headEpoch: number): boolean {
  return (
    independentCopies(deals.filter(isActive)) < policy.replicas.min &&
    deals.some((deal) => isLive(deal) && deal.outcome === 'unknown' && headEpoch - createdEpoch(deal) >= EPOCHS_PER_DAY)
  );
}

/** When the next copy stops counting, or a spare may be needed; undefined when there is no copy at all. */
function nextExpiry(deals: readonly Deal[], policy: ColdPolicy, headEpoch: number): number | undefined {
  const live = deals.filter(isLive);
  const expiries = live.map(({ terms }) => terms.endEpoch - renewBefore(policy));
  const spares = live.filter(({ outcome }) => outcome === 'unknown').map((deal) => createdEpoch(deal) + EPOCHS_PER_DAY);
  const coming = [...expiries, ...spares].filter((epoch) => epoch > headEpoch);
  return coming.length === 0 ? undefined : Math.min(...coming);
}

/** `renew` once there were as many copies as wanted: what comes then is a renewal or a repair, and goes before new copies. */
export function queueOf(deals: readonly Deal[], policy: ColdPolicy | undefined): NextLook['queue'] {
  const everActive = deals.filter(({ activeEvidence }) => activeEvidence !== undefined).length;
  return everActive > 0 && everActive >= (policy?.replicas.target ?? 1) ? 'renew' : 'create';
}

function proposalFor(
  provider: Provider,
  domain: FailureDomain,
  { reason, replaces }: Slot,
  pieceSizeBytes: number,
  policy: ColdPolicy,
  startEpoch: number,
): Proposal {
  const { durationEpochs } = policy;
  const pricePerEpochAtto = pricePerEpoch(provider, policy.verifiedDeal, pieceSizeBytes);
  return {
    provider: provider.id,
    domain,
    startEpoch,
    durationEpochs,
    pricePerEpochAtto,
    costAtto: costOf({ startEpoch, endEpoch: startEpoch + durationEpochs, pricePerEpochAtto, clientCollateralAtto: 0n }),
    verified: policy.verifiedDeal,
    reason,
    why: whyOf(reason, replaces),
    ...(provider.country === undefined ? {} : { country: provider.country }),
    ...(replaces === undefined ? {} : { replaces: replaces.id }),
  };
}

/** The same provider is never asked for the same deal twice: a new attempt has a start of its own. */
function startAfter(deals: readonly Deal[], provider: string, earliestEpoch: number): number {
  const starts = deals.filter((deal) => deal.provider === provider).map(({ terms }) => terms.startEpoch + 1);
  return Math.max(earliestEpoch, ...starts);
}

function whyOf(reason: DealReason, replaces: Deal | undefined): Reason {
  if (reason === 'missing') return { code: 'missing', text: 'there are fewer copies than wanted' };
  if (reason === 'expiring')
    return { code: 'expiring', text: `the copy with ${replaces?.provider} ends at epoch ${replaces?.terms.endEpoch}` };
  return { code: 'lost', text: `the copy with ${replaces?.provider} is ${replaces?.state}` };
}

function spent(money: Money, costAtto: bigint): Money {
  return {
    ...money,
    committedTodayAtto: money.committedTodayAtto + costAtto,
    ...(money.availableAtto === undefined ? {} : { availableAtto: money.availableAtto - costAtto }),
  };
}

function isActive({ state }: Deal): boolean {
  return state === 'active';
}

function enough(deals: readonly Deal[], { replicas }: ColdPolicy): Reason {
  const active = independentCopies(deals.filter(isActive));
  if (active >= replicas.target) return { code: 'enough', text: `${active} of ${replicas.target} copies are active` };
  const unknown = deals.filter((deal) => isLive(deal) && deal.outcome === 'unknown').length;
  const doubt = unknown === 0 ? '' : `, ${unknown} of them in doubt`;
  const pending = deals.filter((deal) => isLive(deal) && !isActive(deal)).length;
  return { code: 'in_progress', text: `${active} of ${replicas.target} copies are active, ${pending} on the way${doubt}` };
}
