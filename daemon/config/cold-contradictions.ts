import { formatFil } from '../domain/fil.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { formatSize } from '../domain/units.ts';
import type { Contradiction } from './contradictions.ts';
import type { Settings } from './keys.ts';

/** Of a padded piece, what its CAR may have: 127 of every 128 bytes. */
const PAYLOAD_SHARE = 127 / 128;

/** The first thing in the cold layer's keys that cannot be as it is. */
export function coldContradictionIn(settings: Settings): Contradiction | undefined {
  return money(settings) ?? firstOf(settings.policies, (policy) => policyAlone(policy, settings)) ?? maker(settings);
}

function money({ budget }: Settings): Contradiction | undefined {
  if (budget.perDealAtto <= budget.perDayAtto) return undefined;
  const amounts = `(${formatFil(budget.perDealAtto)}) is more than budget.per_day (${formatFil(budget.perDayAtto)})`;
  return { key: 'budget.per_deal', problem: `${amounts}, so such a deal could never be made: lower it` };
}

/** What holds of a policy whether or not deals are made. */
function policyAlone(policy: ColdPolicy, { chain, limits }: Settings): Contradiction | undefined {
  const { replicas, renewBeforeEpochs, durationEpochs, minFillBytes } = policy;
  const at = (key: string, problem: string): Contradiction => ({ key: `policies.${policy.name}.cold.${key}`, problem });
  if (replicas.min > replicas.target)
    return at('replicas', `has a min (${replicas.min}) above its target (${replicas.target}): lower min or raise target`);
  if (renewBeforeEpochs >= durationEpochs)
    return at('renew_before', 'is not shorter than duration, so every deal would be replaced at once: lower it or raise duration');
  if (renewBeforeEpochs <= chain.startLeadEpochs)
    return at('renew_before', 'is not longer than chain.start_lead, so a deal would end before its successor starts: raise it');
  if (minFillBytes > limits.pieceMaxBytes * PAYLOAD_SHARE)
    return at('min_fill', `is more than fits into limits.piece_max (${formatSize(limits.pieceMaxBytes)}): lower it`);
  return undefined;
}

/** What a maker needs. The token is looked for where secrets are read. */
function maker(settings: Settings): Contradiction | undefined {
  const { cold, lotus, providers, policies } = settings;
  if (cold.maker === 'none') return undefined;
  const lacks = (what: string): Contradiction => ({ key: 'cold.maker', problem: `is "${cold.maker}" without ${what}` });
  if (lotus.rpc === undefined) return lacks('lotus.rpc: set lotus.rpc to the JSON-RPC endpoint of a Lotus node');
  if (providers.trusted.length === 0) return lacks('providers.trusted: name the storage providers that deals are to be made with');
  const stranger = Object.keys(providers.places).find((id) => !providers.trusted.includes(id));
  if (stranger !== undefined)
    return { key: 'providers.places', problem: `names ${stranger}, which is not in providers.trusted: add it there, or remove it here` };
  return firstOf(policies, (policy) => enoughProviders(policy, providers));
}

/** That they are also different owners only the chain can say. */
function enoughProviders(policy: ColdPolicy, { trusted, places }: Settings['providers']): Contradiction | undefined {
  const at = (key: string, problem: string): Contradiction => ({ key: `policies.${policy.name}.cold.${key}`, problem });
  if (policy.spread && Object.keys(places).length === 0)
    return at('spread', 'is true, but providers.places does not say where any provider is: fill it, or set spread = false');
  const allowed = trusted.filter((id) => !policy.excluded.includes(id));
  const usable = allowed.filter((id) => policy.countries.length === 0 || policy.countries.includes(places[id] ?? ''));
  if (usable.length >= policy.replicas.min) return undefined;
  const kept = policy.excluded.length > 0 ? ', after excluded' : '';
  const placed = policy.countries.length > 0 ? ', in its countries by providers.places' : '';
  return at(
    'replicas',
    `wants at least ${policy.replicas.min}, but of providers.trusted only ${usable.length} can be used${kept}${placed}: name more, or lower min`,
  );
}

function firstOf<T, R>(items: readonly T[], look: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
