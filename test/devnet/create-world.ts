import { Accounts } from './accounts.ts';
import { Chain } from './chain.ts';
import { ClientDeals } from './client-deals.ts';
import { Faults } from './faults.ts';
import { Funds } from './funds.ts';
import { Imports } from './imports.ts';
import { MarketActor } from './market-actor.ts';
import { Messages } from './messages.ts';
import { Mk12Deals } from './mk12/deals.ts';
import { DEFAULTS, type DevnetOptions } from './options.ts';
import { OtherClients } from './other-clients.ts';
import { peerIdOf, providerInfo } from './provider-defaults.ts';
import { Providers } from './providers.ts';
import { Retrievals } from './retrievals.ts';
import { Served } from './served.ts';
import type { Identity } from './snapshot.ts';
import { Tokens } from './tokens.ts';
import { Wallet } from './wallet.ts';
import type { World } from './world.ts';

const FIL = 10n ** 18n;
const WORKER_ATTO = 1_000_000n * FIL;
const PROVIDER_ESCROW_ATTO = 1_000_000n * FIL;
const OTHER_CLIENT_ATTO = 1_000_000n * FIL;

/** Puts the parts together; `known` is the identity of a network that was there before. */
export function createWorld(
  dir: string,
  options: DevnetOptions,
  known: Identity | undefined,
  onSave: (world: World) => Promise<void>,
): World {
  const seed = known?.chain.seed ?? options.seed ?? DEFAULTS.seed;
  const infos = (options.providers ?? [{}, {}, {}]).map((one, index) => providerInfo(seed, index, one));
  const chain = new Chain(
    {
      seed,
      genesisTimestampSeconds: known?.chain.genesisTimestampSeconds ?? options.genesisTimestampSeconds ?? DEFAULTS.genesisTimestampSeconds,
      epochSeconds: options.epochSeconds ?? DEFAULTS.epochSeconds,
      miners: infos.map(({ id }) => id),
    },
    { nullRounds: options.nullRounds ?? true },
  );
  const durations = {
    minDurationEpochs: options.minDurationEpochs ?? DEFAULTS.minDurationEpochs,
    maxDurationEpochs: options.maxDurationEpochs ?? DEFAULTS.maxDurationEpochs,
  };
  const actorMax = { maxDurationEpochs: options.maxDurationEpochs ?? DEFAULTS.actorMaxDurationEpochs };
  const timing = { ...DEFAULTS.timing, ...options.timing };
  const collateralMin = options.collateralMin ?? 0n;
  const now = () => new Date((options.now ?? Date.now)()).toISOString();

  const accounts = new Accounts(chain);
  const market = new MarketActor(chain, accounts, {
    ...durations,
    ...actorMax,
    cronIntervalEpochs: options.cronIntervalEpochs ?? DEFAULTS.cronIntervalEpochs,
  });
  const faults = new Faults();
  const messages = new Messages(chain, accounts, market, () => faults.ofNode.minPremium ?? 0);
  const wallet = new Wallet(seed);
  const funds = new Funds({ accounts, chain, market, messages, wallet });
  const imports = new Imports(`${dir}/imports`);
  const others = new OtherClients(chain, { durationEpochs: durations.minDurationEpochs, enabled: options.otherClients ?? true });
  const checks = { chain, accounts, market, collateralMin, ...durations, sealLeadEpochs: timing.publishEpochs + timing.sealEpochs };
  const providers = new Providers({ dir, chain, market, messages, faults, others, timing, checks }, infos);
  const clientDeals = new ClientDeals({
    ...{ chain, market, messages, providers, imports, funds, faults, timing, now },
    firstStepMs: options.firstStepMs ?? DEFAULTS.firstStepMs,
  });
  const mk12 = new Mk12Deals({ providers, market, faults, timing, checks: { ...checks, ...actorMax }, now });
  for (const follower of [messages, market, providers, clientDeals, mk12]) chain.follow(follower);

  const world: World = {
    dir,
    network: known?.network ?? options.network ?? DEFAULTS.network,
    peerId: peerIdOf(`${seed}/node`),
    collateralMin,
    chain,
    accounts,
    market,
    messages,
    wallet,
    funds,
    imports,
    clientDeals,
    mk12,
    providers,
    others,
    retrievals: new Retrievals(dir, providers, faults),
    served: new Served(),
    faults,
    tokens: new Tokens(`fbpd devnet tokens ${seed}`),
    now,
    save: () => onSave(world),
  };
  for (const [index, one] of (options.providers ?? []).entries()) faults.provider(infos[index]?.id ?? '', one.faults ?? {});
  writeGenesis(world, options.walletAtto ?? DEFAULTS.walletAtto);
  if (options.datacapBytes !== undefined) market.setDatacap(accounts.id(wallet.default), options.datacapBytes);
  return world;
}

/** Who there is at epoch 0, and what they have. */
function writeGenesis({ accounts, market, others, providers, wallet }: World, walletAtto: bigint): void {
  for (const { id, worker, workerKey } of providers.list()) {
    accounts.enlist(workerKey.address, worker);
    accounts.credit(workerKey.address, WORKER_ATTO);
    market.addEscrow(id, PROVIDER_ESCROW_ATTO);
  }
  accounts.credit(others.key.address, OTHER_CLIENT_ATTO);
  if (walletAtto > 0n) accounts.credit(wallet.default, walletAtto);
}
