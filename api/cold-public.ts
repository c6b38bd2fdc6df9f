import type { Reason } from '../daemon/domain/pin.ts';

/**
 * Reasons whose sentence names the operator's notes, amounts or providers' addresses, and what users read in its place. The
 * operator reads all of it in `fbpd pins explain`.
 */
const PRIVATE: Readonly<Record<string, string>> = {
  no_provider: 'no eligible provider: none of those that this service trusts can take it at present',
  too_dear: 'no eligible provider: all that could take it ask more than this service pays',
  over_deal_cap: 'over budget: such a deal costs more than this service pays for one',
  over_budget: 'over budget: it goes on when this service has budget again',
  datacap_short: 'waiting for DataCap of this service',
  funds_short: 'waiting for funds of this service',
};

/** What keeps everybody's deals from being made, where that may be said. The operator's own words are not among it. */
const SAYABLE: ReadonlySet<string> = new Set(['lotus_down', 'lotus_behind']);

const PAUSED = 'no new deals are made at present';

/** What happens next, or why nothing does, for users. */
export function publicNext({ code, text }: Reason): Reason {
  return { code, text: PRIVATE[code] ?? text };
}

/** Why nothing is spent at present, for users. */
export function publicHeld(held: Reason | undefined): Reason | undefined {
  if (held === undefined) return undefined;
  return SAYABLE.has(held.code) ? { ...held } : { code: 'paused', text: PAUSED };
}
