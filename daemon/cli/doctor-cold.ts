import type { components } from '../../spec/fbpd.ts';
import type { Config } from '../config.ts';
import { formatFil } from '../domain/fil.ts';
import type { Finding } from '../domain/finding.ts';
import type { ColdPolicy } from '../domain/policy.ts';
import { formatSize } from '../domain/units.ts';
import { heldText, shortText } from './cold-hints.ts';
import { fil, minute } from './cold-output.ts';

type ColdStatus = components['schemas']['ColdStatus'];

/** What the market actor takes, in epochs: at least 180 days, which end no more than 1278 days from now. */
const DURATION_EPOCHS = { min: 518_400, max: 3_680_640 };
const GIB = 2 ** 30;

/** What can be said of the cold layer from its config alone, or with those that the daemon trusts beside. */
export function examineColdConfig(config: Config, trusted: readonly string[] = config.providers.trusted): Finding[] {
  if (config.cold.maker === 'none') {
    return [{ about: 'cold.maker', state: 'ok', text: '"none": no storage deals are made, pins are kept hot only' }];
  }
  return config.policies.flatMap((policy) => [
    ...durationFinding(policy, config),
    ...providersFinding(policy, config, trusted),
    ...priceFinding(policy, config),
    ...evictFinding(policy, config),
  ]);
}

function durationFinding({ name, durationEpochs }: ColdPolicy, { chain }: Config): Finding[] {
  const endsInEpochs = chain.startLeadEpochs + durationEpochs;
  if (durationEpochs >= DURATION_EPOCHS.min && endsInEpochs <= DURATION_EPOCHS.max) return [];
  const wrong =
    durationEpochs < DURATION_EPOCHS.min
      ? `${durationEpochs} epochs are under 180 days`
      : `with chain.start_lead deals end ${endsInEpochs} epochs from now, over 1278 days`;
  const text = `${wrong}: right on a development network only, Filecoin refuses such deals`;
  return [{ about: `policies.${name}.cold.duration`, state: 'warn', text }];
}

function providersFinding(
  { name, replicas, excluded, countries }: ColdPolicy,
  { providers }: Config,
  trusted: readonly string[],
): Finding[] {
  const usable = trusted
    .filter((id) => !excluded.includes(id))
    .filter((id) => countries.length === 0 || countries.includes(providers.places[id] ?? countries[0] ?? ''));
  if (usable.length >= replicas.target) return [];
  const text = `${replicas.target} copies are wanted, but only ${usable.length} of those that are trusted can be used: it stays at ${usable.length}; name more, or lower target`;
  return [{ about: `policies.${name}.cold.replicas`, state: 'warn', text }];
}

/** What a hot copy waits for that there will never be. */
function evictFinding({ name, replicas }: ColdPolicy, { hotPolicies }: Config): Finding[] {
  const minActive = hotPolicies.find((policy) => policy.name === name)?.evict.minActive ?? 0;
  if (minActive <= replicas.target) return [];
  const text = `min_active is ${minActive}, but policies.${name}.cold.replicas wants no more than ${replicas.target} copies: no hot copy is ever let go; lower min_active, or raise target`;
  return [{ about: `policies.${name}.hot.evict`, state: 'warn', text }];
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
  return [
    spending,
    ...chainFinding(cold),
    ...moneyFindings(cold),
    ...shortFinding(cold),
    ...unknownFinding(cold),
    ...setAsideFinding(cold),
  ];
}

function shortFinding(cold: ColdStatus): Finding[] {
  const text = shortText(cold);
  return text === undefined ? [] : [{ about: 'copies', state: 'warn', text }];
}

function setAsideFinding({ setAside = [] }: ColdStatus): Finding[] {
  return setAside.map(({ provider, reason }) => ({
    about: provider,
    state: 'warn' as const,
    text: `is set aside until epoch ${reason.untilEpoch}, as it ${reason.text}; \`fbpd providers ask ${provider}\` says more`,
  }));
}

function chainFinding({ chain, funds }: ColdStatus): Finding[] {
  if (chain === undefined) return [];
  const text = `${chain.network} at epoch ${chain.headEpoch}, seen ${minute(chain.at)}`;
  const money = funds === undefined ? '' : `; ${fil(funds.wallet)} in the wallet, ${fil(funds.escrow)} in escrow`;
  return [{ about: 'lotus.rpc', state: 'ok', text: `${text}${money}` }];
}

/** What will be short, or is not going on as it should. */
function moneyFindings({ escrow }: ColdStatus): Finding[] {
  if (escrow === undefined) return [];
  const warnings = escrow.warnings.map(({ text }): Finding => ({ about: 'wallet', state: 'warn', text }));
  if (warnings.length > 0) return warnings;
  return [{ about: 'escrow', state: ILL.has(escrow.state.code) ? 'warn' : 'ok', text: escrow.state.text }];
}

/** Ways in which the escrow may stand that want looking at. */
const ILL: ReadonlySet<string> = new Set(['fee_too_high', 'message_failed', 'push_refused', 'not_estimated', 'lotus_down', 'in_doubt']);

function unknownFinding({ unknownDeals = 0 }: ColdStatus): Finding[] {
  if (unknownDeals === 0) return [];
  const text = `of ${unknownDeals} it is not known whether they were made; they hold their place and money until the chain tells (\`fbpd deals ls --unknown\`)`;
  return [{ about: 'deals', state: 'warn', text }];
}
