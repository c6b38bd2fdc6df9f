import type { FailureDomain } from '../domain/deal.ts';
import type { Reason } from '../domain/pin.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import type { Provider } from '../domain/provider.ts';
import { tieBreak } from './ids.ts';
import { askedPrice, domainOf, type IneligibleCode, ineligible, sameDomain } from './providers.ts';
import { scoreOf } from './score.ts';

/** Reasons listed in a text that says why no provider can be asked. */
const REASONS_SHOWN = 6;
/** Scores closer than this are the same, so that the price, and then the load, decides between good providers. */
const SCORE_STEPS = 10;
/** Among more providers than this the best one is taken without a look at what it leaves. */
const EXACT_MAX = 12;

export interface ChoiceInput {
  pieceId: string;
  pieceSizeBytes: number;
  policy: ColdPolicy;
  providers: readonly Provider[];
  trusted: readonly string[];
  headEpoch: number;
  /** Copies whose failure domains are taken. */
  holders: readonly { provider: string; domain: FailureDomain; country?: string }[];
  /** Copies that are to be placed after this one. */
  further?: number;
}

export type Choice =
  | { kind: 'chosen'; provider: Provider; domain: FailureDomain }
  /** `againEpoch`: when the first one's rest is over. */
  | { kind: 'none'; why: Reason; againEpoch?: number };

/**
 * The best provider in a failure domain of its own: by country where copies are to be spread, then score, price, and a
 * hash. One that shares something with two others is not taken when that leaves the next copy without a place.
 */
export function chooseProvider(input: ChoiceInput): Choice {
  const { providers, holders, policy, pieceId } = input;
  const excluded: { provider: Provider; code: IneligibleCode; text: string }[] = [];
  const fit: { provider: Provider; domain: FailureDomain }[] = [];
  for (const provider of providers) {
    const reason = ineligible({ provider, ...input });
    const domain = provider.chain === undefined ? undefined : domainOf(provider.chain);
    if (reason !== undefined) excluded.push({ provider, ...reason });
    else if (holders.some((holder) => holder.provider === provider.id))
      excluded.push({ provider, code: 'same_domain', text: 'has a copy already' });
    else if (domain !== undefined && holders.some((holder) => sameDomain(holder.domain, domain)))
      excluded.push({ provider, code: 'same_domain', text: 'is in one failure domain with another copy' });
    else if (domain !== undefined) fit.push({ provider, domain });
  }
  const ranked = fit
    .map((one) => ({ ...one, rank: rankOf(one.provider, holders, policy), tie: tieBreak(pieceId, one.provider.id) }))
    .sort((a, b) => compare(a.rank, b.rank) || (a.tie < b.tie ? -1 : 1));
  const best = firstThatLeavesMost(ranked, input.further ?? 0);
  if (best !== undefined) return { kind: 'chosen', provider: best.provider, domain: best.domain };
  return { kind: 'none', why: whyNone(excluded), ...againEpoch(excluded, input.headEpoch) };
}

function firstThatLeavesMost<T extends { domain: FailureDomain }>(ranked: readonly T[], further: number): T | undefined {
  if (ranked.length > EXACT_MAX) return ranked[0];
  const most = mostApart(ranked, further + 1);
  return ranked.find((one) => 1 + mostApart(apartFrom(one, ranked), further) === most);
}

/** How many of them, up to a limit, can hold a copy each. */
function mostApart(from: readonly { domain: FailureDomain }[], limit: number): number {
  const [first, ...others] = from;
  if (first === undefined || limit === 0) return 0;
  const withIt = 1 + mostApart(apartFrom(first, others), limit - 1);
  return withIt === limit ? withIt : Math.max(withIt, mostApart(others, limit));
}

function apartFrom<T extends { domain: FailureDomain }>({ domain }: { domain: FailureDomain }, others: readonly T[]): T[] {
  return others.filter((other) => !sameDomain(other.domain, domain));
}

/** Smaller is better, the first difference decides. */
function rankOf(provider: Provider, holders: ChoiceInput['holders'], policy: ColdPolicy): bigint[] {
  const inCountry = policy.spread ? holders.filter(({ country }) => country === provider.country).length : 0;
  const score = Math.round(scoreOf(provider).value * SCORE_STEPS);
  return [BigInt(inCountry), BigInt(-score), askedPrice(provider, policy.verifiedDeal)];
}

function compare(a: readonly bigint[], b: readonly bigint[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? 0n;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function againEpoch(excluded: readonly { provider: Provider; code: IneligibleCode }[], headEpoch: number): { againEpoch?: number } {
  const epochs = excluded.flatMap(({ provider, code }) => {
    if (code === 'backing_off') return [provider.notBeforeEpoch];
    return code === 'set_aside' && provider.setAside !== undefined ? [provider.setAside.untilEpoch] : [];
  });
  const coming = epochs.filter((epoch) => epoch > headEpoch);
  return coming.length === 0 ? {} : { againEpoch: Math.min(...coming) };
}

/** Says of each provider why not, those that could be asked but for the price or the place first, shortened. */
function whyNone(excluded: readonly { provider: Provider; code: IneligibleCode; text: string }[]): Reason {
  const known = excluded.filter(({ code }) => code !== 'untrusted');
  if (known.length === 0)
    return {
      code: 'no_provider',
      text: 'no eligible provider: none is trusted; name some in providers.trusted, or let `fbpd providers scan` find some',
    };
  const dear = known.every(({ code }) => code === 'too_dear' || code === 'same_domain') && known.some(({ code }) => code === 'too_dear');
  const shown = known.slice(0, REASONS_SHOWN).map(({ provider, text }) => `${provider.id} ${text}`);
  const more = known.length > REASONS_SHOWN ? `, and ${known.length - REASONS_SHOWN} more` : '';
  return { code: dear ? 'too_dear' : 'no_provider', text: `no eligible provider: ${shown.join(', ')}${more}` };
}
