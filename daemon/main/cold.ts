import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ColdSide } from '../../api/cold-side.ts';
import { createLotusChain } from '../cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../cold/chain/lotus-rpc.ts';
import { createLotusClientMaker } from '../cold/makers/lotus-client.ts';
import { createPieceWorks } from '../cold/pieces/works.ts';
import type { Config } from '../config.ts';
import type { BlockSource, Chain, DealMaker } from '../domain/cold-ports.ts';
import type { ColdStore, ColdView } from '../domain/cold-store-port.ts';
import { FbpdError } from '../domain/errors.ts';
import type { Clock, Store } from '../domain/ports.ts';
import type { Log } from '../log.ts';
import { rulesOf } from '../plan/rules.ts';
import type { ColdOptions } from '../reconcilers/cold/options.ts';
import { openColdStore } from '../store/cold-store.ts';
import type { OpenedPinStore } from '../store/pin-store.ts';

/** In the state directory. */
const SPEND_LOG = 'spend.log';
/** In the staging directory: CARs that were built, and what came back from providers. */
const BUILT = 'pieces';
const RETRIEVED = 'retrieved';

export interface ColdParts {
  store: Store;
  pins: OpenedPinStore;
  blocks: BlockSource;
  clock: Clock;
  log: Log;
  random: () => number;
}

export interface ComposedCold {
  options: ColdOptions;
  store: ColdStore;
  close(): Promise<void>;
}

/** The cold layer that the config names; undefined for none. Lotus need not be up. */
export async function composeCold(config: Config, parts: ColdParts): Promise<ComposedCold | undefined> {
  if (config.cold.maker === 'none') return undefined;
  const { clock, log } = parts;
  const { staging, threads } = config.cold;
  await makeStaging(staging);
  const store = await openColdStore({ store: parts.store, pins: parts.pins, clock, log, spendLogFile: spendLogOf(config) });
  const works = createPieceWorks({
    dir: join(staging, BUILT),
    blocks: parts.blocks,
    threads,
    maxPieceBytes: config.limits.pieceMaxBytes,
    log,
  });
  const options: ColdOptions = {
    ...lotusSide(config, clock, log),
    store,
    works,
    policies: config.policies,
    trusted: config.providers.trusted,
    countries: new Map(Object.entries(config.providers.places)),
    rules: rulesOf({
      ...config.budget,
      ...config.chain,
      pieceMaxBytes: config.limits.pieceMaxBytes,
      sampleBytesPerDay: config.limits.sampleBytesPerDay,
      sampleAttoPerDay: config.budget.retrievalsPerDayAtto,
    }),
    random: parts.random,
  };
  return { options, store, close: () => works.close() };
}

/** Where what was promised to providers is written down, beside the store. */
export function spendLogOf({ state }: Config): string {
  return join(state.dir, SPEND_LOG);
}

/** What the APIs see of it; nothing without a cold layer. */
export function coldSideOf(config: Config, store: ColdStore | undefined, view: ColdView | undefined, clock: Clock): { cold?: ColdSide } {
  if (store === undefined || view === undefined) return {};
  return { cold: { maker: config.cold.maker, store, view, trusted: config.providers.trusted, clock } };
}

/** The chain, and who makes deals on it. */
export function lotusSide(
  { lotus, chain: { finalityEpochs }, cold, budget }: Config,
  clock: Clock,
  log: Log,
): { chain: Chain; maker: DealMaker } {
  const { token, wallet } = lotus;
  const rpc = createLotusRpc({ url: lotus.rpc ?? '', token: () => currentToken(lotus.tokenFile, token) });
  const chain = createLotusChain({ rpc, finalityEpochs, clock });
  const maker = createLotusClientMaker({
    rpc,
    chain,
    retrievedDirectory: join(cold.staging, RETRIEVED),
    retrievalPriceMaxAtto: budget.retrievalsPerDayAtto,
    log,
    ...(wallet === undefined ? {} : { wallet }),
  });
  return { chain, maker };
}

/** The one in the file now: a token that was replaced is found without a restart. */
async function currentToken(file: string | undefined, token: string | undefined): Promise<string | undefined> {
  if (file === undefined) return token;
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim() || token;
}

/**
 * Lotus may run as another user of our group: it reads what is built and writes what comes back. A unit's umask would keep it
 * out, so modes are set; directories that are there already are as somebody wants them.
 */
async function makeStaging(staging: string): Promise<void> {
  try {
    await shareDirectory(staging, 0o750);
    await shareDirectory(join(staging, BUILT), 0o750);
    await shareDirectory(join(staging, RETRIEVED), 0o770);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `cold.staging: ${staging} cannot be used (${why}); make it, or give it to this user`, {
      subject: 'cold.staging',
      cause,
    });
  }
}

async function shareDirectory(dir: string, mode: number): Promise<void> {
  if ((await mkdir(dir, { recursive: true })) !== undefined) await chmod(dir, mode);
}
