import { type Deal, type FailureDomain, LIVE_STATES } from '../domain/deal.ts';
import { needsIntroduction } from '../domain/introduction.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import type { Provider, ProviderEvent, ProviderOnChain } from '../domain/provider.ts';
import { isAskCurrent } from './ask.ts';
import { monthsOf, withMonth } from './history.ts';
import { type SetAsideRules, setAsideReason, withStreaks } from './set-aside.ts';

const BYTES_PER_GIB = 2n ** 30n;
const EVENTS_KEPT = 64;

export interface ProviderRules {
  /** Providers that the operator trusts; no other is asked. */
  trusted: readonly string[];
  /** The first pause after a refusal; each further one in a row is twice as long, up to the cap. */
  backoffEpochs: number;
  backoffCapEpochs: number;
  /** An ask read longer ago is read again before it counts. */
  refreshEpochs: number;
}

/** Why a provider is not asked for a copy of a piece. */
export type IneligibleCode =
  | 'untrusted'
  | 'excluded'
  | 'suspended'
  | 'set_aside'
  | 'country'
  | 'backing_off'
  | 'unread'
  | 'ask_expired'
  | 'too_small'
  | 'too_big'
  | 'too_dear'
  | 'same_domain';

export interface EligibilityInput {
  provider: Provider;
  policy: ColdPolicy;
  trusted: readonly string[];
  pieceSizeBytes: number;
  headEpoch: number;
}

/** Why this provider takes no deal about a piece of that size under that policy at present; undefined when it may be asked. */
export function ineligible({
  provider,
  policy,
  trusted,
  pieceSizeBytes,
  headEpoch,
}: EligibilityInput): (Reason & { code: IneligibleCode }) | undefined {
  const { id, ask, chain, country, setAside } = provider;
  if (!trusted.includes(id)) return { code: 'untrusted', text: 'is not trusted' };
  if (policy.excluded.includes(id)) return { code: 'excluded', text: `is excluded by policy ${policy.name}` };
  if (provider.suspended !== undefined) return { code: 'suspended', text: suspensionText(provider.suspended) };
  const aside = setAside && setAsideReason(setAside, provider.refreshedEpoch, headEpoch);
  if (aside !== undefined) return { code: 'set_aside', text: aside };
  if (policy.countries.length > 0 && !policy.countries.includes(country ?? '')) {
    return { code: 'country', text: `is in ${country ?? unknownCountry(provider)}, not in ${policy.countries.join(', ')}` };
  }
  if (provider.notBeforeEpoch > headEpoch) return { code: 'backing_off', text: restText(provider) };
  if (chain === undefined || ask === undefined) return { code: 'unread', text: provider.unreachable ?? 'has not told its ask yet' };
  if (!isAskCurrent(ask, headEpoch))
    return { code: 'ask_expired', text: `told an ask that expired at epoch ${ask.expiryEpoch}, and is asked anew` };
  if (pieceSizeBytes < ask.minPieceSizeBytes) return { code: 'too_small', text: `takes no piece below ${ask.minPieceSizeBytes} bytes` };
  if (pieceSizeBytes > Math.min(ask.maxPieceSizeBytes, chain.sectorSizeBytes)) {
    return { code: 'too_big', text: `takes no piece above ${Math.min(ask.maxPieceSizeBytes, chain.sectorSizeBytes)} bytes` };
  }
  if (askedPrice(provider, policy.verifiedDeal) > policy.maxPriceAttoPerGibEpoch)
    return { code: 'too_dear', text: 'asks more than max_price' };
  return undefined;
}

function suspensionText({ text }: NonNullable<Provider['suspended']>): string {
  return text === '' ? 'is suspended' : `is suspended: ${text}`;
}

function restText({ notBeforeEpoch, events }: Provider): string {
  if (!needsIntroduction({ events })) return `is given a rest until epoch ${notBeforeEpoch}`;
  return `takes deals from clients only that it knows: it needs an introduction, and is asked again at epoch ${notBeforeEpoch}`;
}

function unknownCountry({ countryUnknown }: Provider): string {
  return countryUnknown === undefined ? 'an unknown country' : `an unknown country (${countryUnknown})`;
}

/** attoFIL per GiB and epoch. */
export function askedPrice({ ask }: Provider, verified: boolean): bigint {
  return (verified ? ask?.verifiedPriceAttoPerGibEpoch : ask?.priceAttoPerGibEpoch) ?? 0n;
}

/** What a provider demands for a piece and epoch. Lotus v1.26.3 and Boost refuse what is below `floor(ask × size / 2^30)`. */
export function pricePerEpoch(provider: Provider, verified: boolean, pieceSizeBytes: number): bigint {
  return (askedPrice(provider, verified) * BigInt(pieceSizeBytes)) / BYTES_PER_GIB;
}

/** Of what a chain says of a provider: all that it may share with another one. */
export function domainOf({ owner, worker, beneficiary, peerId, hosts }: ProviderOnChain): FailureDomain {
  return { owner, worker, beneficiary, hosts, ...(peerId === undefined ? {} : { peerId }) };
}

/** One failure domain: equal in owner, worker, beneficiary, peer id, or in any host. */
export function sameDomain(a: FailureDomain, b: FailureDomain): boolean {
  return (
    a.owner === b.owner ||
    a.worker === b.worker ||
    a.beneficiary === b.beneficiary ||
    (a.peerId !== undefined && a.peerId === b.peerId) ||
    a.hosts.some((host) => b.hosts.includes(host))
  );
}

export function isLive({ state }: Pick<Deal, 'state'>): boolean {
  return (LIVE_STATES as readonly string[]).includes(state);
}

/** On its way, and nothing of it on the chain yet. */
export function isBeforeChain({ state }: Pick<Deal, 'state'>): boolean {
  return state === 'intended' || state === 'proposed' || state === 'accepted';
}

/** A provider of which nothing is known yet. */
export function newProvider(id: string, country: string | undefined): Provider {
  return { id, notBeforeEpoch: 0, failuresInRow: 0, events: [], ...(country === undefined ? {} : { country }) };
}

/** Of which no new proposal should be bothered with it for a while. */
const SETBACKS: readonly ProviderEvent['kind'][] = ['refused', 'unreachable', 'missed', 'lost', 'not_allowed'];
/** What shows that it is well again. */
const SUCCESSES: readonly ProviderEvent['kind'][] = ['accepted', 'active'];

/** The provider after what it did: remembered, and given a rest when it did not go well. */
export function withEvent(
  before: Provider,
  event: ProviderEvent,
  rules: Pick<ProviderRules, 'backoffEpochs' | 'backoffCapEpochs'> & SetAsideRules,
): Provider {
  const events = [...before.events, event].slice(-EVENTS_KEPT);
  const provider: Provider = { ...withStreaks(before, event, rules), months: withMonth(monthsOf(before), event) };
  if (SUCCESSES.includes(event.kind)) return { ...provider, events, failuresInRow: 0, notBeforeEpoch: 0 };
  if (!SETBACKS.includes(event.kind)) return { ...provider, events };
  const failuresInRow = provider.failuresInRow + 1;
  // An allow-list does not change by asking again soon.
  const pauseEpochs =
    event.kind === 'not_allowed'
      ? rules.backoffCapEpochs
      : Math.min(rules.backoffEpochs * 2 ** Math.min(failuresInRow - 1, 30), rules.backoffCapEpochs);
  const { refreshedEpoch, ...rest } = provider;
  return {
    ...rest,
    events,
    failuresInRow,
    notBeforeEpoch: Math.max(provider.notBeforeEpoch, event.epoch + pauseEpochs),
    // Who refuses may have changed its ask: it is read again before the next proposal.
    ...(event.kind === 'refused' || refreshedEpoch === undefined ? {} : { refreshedEpoch }),
  };
}
