import type { components } from '../../spec/fbpd.ts';
import type { Config } from '../config.ts';
import { formatFil } from '../domain/fil.ts';
import type { Finding } from '../domain/finding.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { formatSize } from '../domain/units.ts';
import { heldText } from './cold-hints.ts';
import { fil, minute } from './cold-output.ts';

type ColdStatus = components['schemas']['ColdStatus'];

/** What the market actor takes, in epochs: 180 to 1278 days. */
const DURATION_EPOCHS = { min: 518_400, max: 3_680_640 };
const GIB = 2 ** 30;

/** What can be said of the cold layer from its config alone. */
export function examineColdConfig(config: Config): Finding[] {
  if (config.cold.maker === 'none') {
    return [{ about: 'cold.maker', state: 'ok', text: '"none": no storage deals are made, pins are kept hot only' }];
  }
  return config.policies.flatMap((policy) => [
    ...durationFinding(policy),
    ...providersFinding(policy, config),
    ...priceFinding(policy, config),
  ]);
}

function durationFinding({ name, durationEpochs }: ColdPolicy): Finding[] {
  if (durationEpochs >= DURATION_EPOCHS.min && durationEpochs <= DURATION_EPOCHS.max) return [];
  const text = `${durationEpochs} epochs are ${durationEpochs < DURATION_EPOCHS.min ? 'under 180' : 'over 1278'} days: right on a development network only, Filecoin refuses such deals`;
  return [{ about: `policies.${name}.cold.duration`, state: 'warn', text }];
}

function providersFinding({ name, replicas, excluded, countries }: ColdPolicy, { providers }: Config): Finding[] {
  const usable = providers.trusted
    .filter((id) => !excluded.includes(id))
    .filter((id) => countries.length === 0 || countries.includes(providers.places[id] ?? ''));
  if (usable.length >= replicas.target) return [];
  const text = `${replicas.target} copies are wanted, but only ${usable.length} of providers.trusted can be used: it stays at ${usable.length}; name more, or lower target`;
  return [{ about: `policies.${name}.cold.replicas`, state: 'warn', text }];
}

/** A policy may allow prices that the cap per deal does not. */
function priceFinding({ name, maxPriceAttoPerGibEpoch, durationEpochs }: ColdPolicy, { limits, budget }: Config): Finding[] {
  const dearest = (maxPriceAttoPerGibEpoch * BigInt(durationEpochs) * BigInt(limits.pieceMaxBytes)) / BigInt(GIB);
  if (dearest <= budget.perDealAtto) return [];
  const text = `a piece of ${formatSize(limits.pieceMaxBytes)} at max_price of policy ${name} costs ${formatFil(dearest)}, more than budget.per_deal (${formatFil(budget.perDealAtto)}): such deals wait; lower limits.piece_max or max_price, or raise the cap`;
  return [{ about: 'budget.per_deal', state: 'warn', text }];
}

/** Reasons that go away by themselves. */
const PASSING: ReadonlySet<string> = new Set(['lotus_behind', 'starting']);

/** What a running daemon says of it: it has looked already, and longer than we could. */
export function coldFindings(cold: ColdStatus): Finding[] {
  if (cold.maker === 'none') return [];
  const held = heldText(cold);
  const passing = cold.breaker === undefined && cold.held !== undefined && PASSING.has(cold.held.code);
  const spending: Finding =
    held === undefined
      ? { about: 'cold layer', state: 'ok', text: 'deals are made as they are needed' }
      : { about: 'cold layer', state: passing ? 'warn' : 'fail', text: held };
  return [spending, ...chainFinding(cold), ...unknownFinding(cold)];
}

function chainFinding({ chain, funds }: ColdStatus): Finding[] {
  if (chain === undefined) return [];
  const text = `${chain.network} at epoch ${chain.headEpoch}, seen ${minute(chain.at)}`;
  const money = funds === undefined ? '' : `; ${fil(funds.wallet)} in the wallet, ${fil(funds.escrow)} in escrow`;
  return [{ about: 'lotus.rpc', state: 'ok', text: `${text}${money}` }];
}

function unknownFinding({ unknownDeals = 0 }: ColdStatus): Finding[] {
  if (unknownDeals === 0) return [];
  const text = `of ${unknownDeals} it is not known whether they were made; they hold their place and money until the chain tells (\`fbpd deals ls --unknown\`)`;
  return [{ about: 'deals', state: 'warn', text }];
}
