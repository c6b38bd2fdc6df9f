import type { Chain, DealMaker, PieceWorks } from '../../domain/cold-ports.ts';
import type { ColdStore } from '../../domain/cold-store-port.ts';
import type { ColdPolicy } from '../../domain/policy.ts';
import type { Clock } from '../../domain/ports.ts';
import type { Log } from '../../log.ts';
import type { ColdRules } from '../../plan/rules.ts';

/** All that the cold reconcilers share. `random` gives numbers in [0, 1). */
export interface ColdOptions {
  store: ColdStore;
  chain: Chain;
  maker: DealMaker;
  works: PieceWorks;
  /** The one called `default`, else the first, holds for every content. */
  policies: readonly ColdPolicy[];
  /** Providers that may be asked. */
  trusted: readonly string[];
  /** Of a provider, as configured. */
  countries: ReadonlyMap<string, string>;
  rules: ColdRules;
  random: () => number;
}

export interface ColdContextOptions extends ColdOptions {
  clock: Clock;
  log: Log;
}

export interface ColdCron {
  create: string;
  verify: string;
  renew: string;
}
