import type { Accounts } from './accounts.ts';
import type { Chain } from './chain.ts';
import type { ClientDeals } from './client-deals.ts';
import type { Faults } from './faults.ts';
import type { Funds } from './funds.ts';
import type { Imports } from './imports.ts';
import type { MarketActor } from './market-actor.ts';
import type { Messages } from './messages.ts';
import type { Mk12Deals } from './mk12/deals.ts';
import type { OtherClients } from './other-clients.ts';
import type { Providers } from './providers.ts';
import type { Retrievals } from './retrievals.ts';
import type { Served } from './served.ts';
import type { Tokens } from './tokens.ts';
import type { Wallet } from './wallet.ts';

/** All there is: one chain, one node, its wallet and deal client, and the storage providers. */
export interface World {
  dir: string;
  network: string;
  peerId: string;
  collateralMin: bigint;
  chain: Chain;
  accounts: Accounts;
  market: MarketActor;
  messages: Messages;
  wallet: Wallet;
  funds: Funds;
  imports: Imports;
  clientDeals: ClientDeals;
  mk12: Mk12Deals;
  providers: Providers;
  others: OtherClients;
  retrievals: Retrievals;
  served: Served;
  faults: Faults;
  tokens: Tokens;
  /** RFC 3339. */
  now: () => string;
  /** Puts everything on disk, where a directory was given. */
  save: () => Promise<void>;
}
