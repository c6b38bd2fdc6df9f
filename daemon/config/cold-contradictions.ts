import { formatFil } from '../domain/fil.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { formatSize } from '../domain/units.ts';
import type { Contradiction } from './contradictions.ts';
import type { Settings } from './keys.ts';

/** Of a padded piece, what its CAR may have: 127 of every 128 bytes. */
const PAYLOAD_SHARE = 127 / 128;

/** The first thing in the cold layer's keys that cannot be as it is. */
export function coldContradictionIn(settings: Settings): Contradiction | undefined {
  const { policies } = settings;
  return (
    money(settings) ??
    escrow(settings) ??
    pieces(settings) ??
    firstOf(policies, (policy) => policyAlone(policy, settings)) ??
    maker(settings)
  );
}

function money({ budget }: Settings): Contradiction | undefined {
  if (budget.perDealAtto <= budget.perDayAtto) return undefined;
  const amounts = `(${formatFil(budget.perDealAtto)}) is more than budget.per_day (${formatFil(budget.perDayAtto)})`;
  return { key: 'budget.per_deal', problem: `${amounts}, so such a deal could never be made: lower it` };
}

function escrow({ escrow: { levelAtto, walletLowAtto, maxFeeAtto }, budget, cold }: Settings): Contradiction | undefined {
  const set = levelAtto !== undefined ? 'escrow.level' : walletLowAtto !== undefined ? 'escrow.wallet_low' : undefined;
  if (set !== undefined && cold.maker === 'lotus-client')
    return { key: set, problem: 'has no effect with cold.maker = "lotus-client", as Lotus sees to the escrow then: remove it' };
  if (levelAtto === 0n) return undefined;
  if (levelAtto !== undefined && levelAtto < budget.perDealAtto) {
    const amounts = `(${formatFil(levelAtto)}) is less than budget.per_deal (${formatFil(budget.perDealAtto)})`;
    return { key: 'escrow.level', problem: `${amounts}, so such a deal could never be paid: raise it, or lower budget.per_deal` };
  }
  if (cold.maker === 'mk12' && maxFeeAtto === 0n)
    return {
      key: 'escrow.max_fee_per_message',
      problem: 'is 0 FIL, so the escrow could never be topped up: raise it, or set escrow.level = "0 FIL"',
    };
  return undefined;
}

function pieces({ limits: { pieceMinBytes = 0, pieceMaxBytes } }: Settings): Contradiction | undefined {
  if (pieceMinBytes <= pieceMaxBytes) return undefined;
  const problem = `(${formatSize(pieceMinBytes)}) is more than limits.piece_max (${formatSize(pieceMaxBytes)}): lower it, or raise that`;
  return { key: 'limits.piece_min', problem };
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
  const { cold, lotus, api, limits } = settings;
  if (cold.maker === 'none') return undefined;
  const lacks = (what: string): Contradiction => ({ key: 'cold.maker', problem: `is "${cold.maker}" without ${what}` });
  if (lotus.rpc === undefined) return lacks('lotus.rpc: set lotus.rpc to the JSON-RPC endpoint of a Lotus node');
  if (cold.maker === 'mk12' && api.publicUrl === undefined)
    return lacks('api.public_url: set it to what storage providers reach this machine by, as they fetch the data from there');
  if (cold.maker !== 'mk12' && limits.pieceMinBytes !== undefined)
    return {
      key: 'limits.piece_min',
      problem: `has no effect with cold.maker = "${cold.maker}", whose pieces are as large as they must be: remove it`,
    };
  if (cold.maker !== 'mk12' && lotus.walletKeyFile !== undefined)
    return { key: 'lotus.wallet_key_file', problem: `has no effect with cold.maker = "${cold.maker}", whose deals Lotus signs: remove it` };
  return undefined;
}

/**
 * A list of providers that is too short for a policy: a slip, as long as nobody can be trusted elsewhere, in a store that is not there
 * yet. An empty one is none: who finds providers by scanning names none. That they are different owners only the chain can say.
 */
export function tooFewProvidersIn({ cold, providers, policies }: Settings): Contradiction | undefined {
  if (cold.maker === 'none' || providers.trusted.length === 0) return undefined;
  return firstOf(policies, (policy) => enoughProviders(policy, providers));
}

/** Where a provider is that no place is given for, its addresses will tell. */
function enoughProviders(policy: ColdPolicy, { trusted, places }: Settings['providers']): Contradiction | undefined {
  const { name, excluded, countries, replicas } = policy;
  const allowed = trusted.filter((id) => !excluded.includes(id));
  const usable = allowed.filter((id) => countries.length === 0 || countries.includes(places[id] ?? countries[0] ?? ''));
  if (usable.length >= replicas.min) return undefined;
  const kept = excluded.length > 0 ? ', after excluded' : '';
  const placed = countries.length > 0 ? ', in its countries by providers.places' : '';
  const problem = `wants at least ${replicas.min}, but of providers.trusted only ${usable.length} can be used${kept}${placed}: name more, lower min, or name none and let \`fbpd providers scan\` find some`;
  return { key: `policies.${name}.cold.replicas`, problem };
}

function firstOf<T, R>(items: readonly T[], look: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
