import { createContentKey, createPinRequest } from '../fixtures/create-pins.ts';
import { SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { checkInvariants } from './invariants.ts';
import { SMALL_WORLD, World } from './world.ts';

const DAY_EPOCHS = 2_880;
/** The daemon works so often; in life it is every minute. */
const STEP_EPOCHS = 480;
const MIB = 2 ** 20;

export interface YearOptions {
  pins: number;
  days: number;
  seed: number;
  /** Once every simulated month. */
  onProgress?: (text: string) => void;
}

export interface Year {
  daemon: SimDaemon;
  deals: number;
  /** Years that deals were kept, all together. */
  dealYears: number;
}

/** Days of many pins with the times and sizes of the real network, where providers die, lose deals and come back. */
export async function liveYear({ pins, days, seed, onProgress }: YearOptions): Promise<Year> {
  const day = DAY_EPOCHS;
  const world = new World({
    ...SMALL_WORLD,
    seed,
    finalityEpochs: 900,
    lingerEpochs: 30 * day,
    settleEpochs: 7 * day,
    isWallNetwork: true,
  });
  const policy = { ...SMALL_CONFIG.policy, durationEpochs: 180 * day, renewBeforeEpochs: 30 * day };
  const budget = { perDayAtto: 10n ** 15n, perDealAtto: 10n ** 13n };
  const daemon = await SimDaemon.start(world, {
    policy,
    budget,
    confirmLostEpochs: 120,
    startLeadEpochs: 3 * day,
    hotContents: Number.MAX_SAFE_INTEGER,
    contentBytes: 100 * MIB,
  });
  for (let pin = 0; pin < pins; pin++) await daemon.add(`account-${pin % 7}`, createPinRequest(0, { contentKey: createContentKey(pin) }));
  let dealEpochs = 0;
  for (let epoch = 0; epoch < days * day; epoch += STEP_EPOCHS) {
    world.advance(STEP_EPOCHS);
    await daemon.work(['pieces', 'create', 'verify', 'renew', 'sample']);
    dealEpochs += STEP_EPOCHS * (daemon.cold.totals().deals.active ?? 0);
    if (epoch % (30 * day) !== 0) continue;
    misfortune(world);
    await checkInvariants(daemon);
    const { deals } = daemon.cold.totals();
    onProgress?.(`day ${epoch / day}: ${JSON.stringify(deals)}`);
  }
  return { daemon, deals: world.market.reached.size, dealYears: dealEpochs / (365 * day) };
}

/** Each month a provider falls ill for that month, and one of all deals is terminated. */
function misfortune(world: World): void {
  const providers = [...world.market.providers.values()];
  for (const provider of providers) provider.conduct = 'honest';
  world.random.pick(providers).conduct = world.random.pick(['down', 'refuses', 'neverSeals', 'drops']);
  const cids = [...world.chain.published.keys()];
  if (cids.length > 0) world.chain.schedule(world.chain.headEpoch + 1, { kind: 'terminate', cid: world.random.pick(cids), deletes: true });
}
