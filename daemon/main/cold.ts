import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ColdSide } from '../../api/cold-side.ts';
import type { TransferSigner } from '../../api/piece-tokens.ts';
import type { PieceTransfers } from '../../api/pieces.ts';
import { createLotusChain } from '../cold/chain/lotus-chain.ts';
import { createLotusRpc, type LotusRpc } from '../cold/chain/lotus-rpc.ts';
import { createMinerIndex } from '../cold/chain/miner-index.ts';
import { createPublishRecords } from '../cold/chain/publish-records.ts';
import { createLotusClientMaker } from '../cold/makers/lotus-client.ts';
import { createMk12Maker } from '../cold/makers/mk12.ts';
import { createPieceWorks } from '../cold/pieces/works.ts';
import { createPlaces } from '../cold/places/places.ts';
import { createKeySigner, parseExportedKey } from '../cold/wallet/key-file.ts';
import { createWalletMessages } from '../cold/wallet/messages.ts';
import { createLotusSigner, type Signer } from '../cold/wallet/signer.ts';
import type { Config } from '../config.ts';
import type { BlockSource, Chain, DealMaker } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import { FbpdError } from '../domain/errors.ts';
import type { PieceLayouts } from '../domain/piece-layout.ts';
import type { Places } from '../domain/places-port.ts';
import type { Clock, Store } from '../domain/ports.ts';
import type { PieceProofs, PublishRecords, Receipts } from '../domain/receipt-ports.ts';
import { systemResolver } from '../domain/resolve-address.ts';
import type { Elsewhere } from '../domain/retrieval-ports.ts';
import type { MinerIndex } from '../domain/scan.ts';
import type { Transfers } from '../domain/transfer-port.ts';
import type { WalletPort } from '../domain/wallet-port.ts';
import type { Log } from '../log.ts';
import { type EscrowMoney, escrowRulesOf } from '../plan/escrow.ts';
import { rulesOf } from '../plan/rules.ts';
import type { ColdOptions, DrillSetup } from '../reconcilers/cold/options.ts';
import type { Reconcilers } from '../reconcilers/index.ts';
import { createScratch } from '../retrieval/scratch.ts';
import { openColdStore } from '../store/cold-store.ts';
import { createDrillReports } from '../store/drill-report.ts';
import type { OpenedPinStore } from '../store/pin-store.ts';

/** In the state directory. */
const SPEND_LOG = 'spend.log';
/** What receipts are made of, in the state directory. */
const PROOFS = 'proofs';
/** In the staging directory: CARs that were built, and what came back from providers. */
const BUILT = 'pieces';
const RETRIEVED = 'retrieved';
/** In the state directory: which block lies where in a piece. */
const MANIFESTS = 'manifests';
/** What a restore drill has fetched and is about to remove. */
const DRILLED = 'drill';

export interface ColdParts {
  store: Store;
  pins: OpenedPinStore;
  blocks: BlockSource;
  /** Where providers fetch pieces, for makers that have them do so. */
  transfers: Transfers;
  clock: Clock;
  log: Log;
  random: () => number;
}

export interface ComposedCold {
  options: ColdOptions;
  store: ColdStore;
  drill: DrillSetup;
  proofs: PieceProofs;
  records: PublishRecords;
  /** Who else may give contents back. */
  elsewhere: Elsewhere | undefined;
  close(): Promise<void>;
}

/** The cold layer that the config names; undefined for none. Lotus need not be up. */
export async function composeCold(config: Config, parts: ColdParts): Promise<ComposedCold | undefined> {
  if (config.cold.maker === 'none') return undefined;
  const { clock, log } = parts;
  // Deals are made of pieces, and pieces are read by where things lie in them.
  const layouts: PieceLayouts = { of: (piece) => works.layouts.of(piece) };
  const { chain, maker, records, wallet, miners, advice } = lotusSide(config, clock, log, { transfers: parts.transfers, layouts });
  void sayAdvice(advice, log);
  const { staging, threads } = config.cold;
  await makeStaging(staging);
  const store = await openColdStore({ store: parts.store, pins: parts.pins, clock, log, spendLogFile: spendLogOf(config) });
  await warnOfFew(config, store, log);
  const works = createPieceWorks({
    dir: join(staging, BUILT),
    manifestDir: join(config.state.dir, MANIFESTS),
    keepsFiles: maker.needsFile,
    proofsDir: join(config.state.dir, PROOFS),
    blocks: parts.blocks,
    threads,
    maxPieceBytes: config.limits.pieceMaxBytes,
    minPieceBytes: config.limits.pieceMinBytes,
    log,
  });
  const rules = rulesOf({
    ...config.budget,
    ...config.chain,
    pieceMaxBytes: config.limits.pieceMaxBytes,
    sampleBytesPerDay: config.limits.sampleBytesPerDay,
    sampleAttoPerDay: config.budget.retrievalsPerDayAtto,
  });
  const options: ColdOptions = {
    chain,
    maker,
    store,
    works,
    proofs: works.proofs,
    policies: config.policies,
    trusted: config.providers.trusted,
    countries: new Map(Object.entries(config.providers.places)),
    rules,
    ...(wallet === undefined ? {} : { funding: { wallet, rules: escrowRulesOf(escrowMoneyOf(config), rules) } }),
    places: placesOf(config, log),
    miners,
    random: parts.random,
  };
  const scratch = createScratch({
    maker,
    dir: join(staging, DRILLED),
    minFreeBytes: config.state.minFreeBytes,
    stallMs: config.gateway.stallTimeoutMs,
    clock,
  });
  await scratch.clear();
  const drill = { scratch, reports: createDrillReports(parts.store), drillBytes: config.limits.drillBytes };
  return {
    options,
    store,
    drill,
    proofs: works.proofs,
    records,
    elsewhere: maker.elsewhere,
    async close() {
      await maker.close();
      await works.close();
    },
  };
}

/** What is not set follows from the budget: enough for a day. */
export function escrowMoneyOf({ escrow, budget }: Config): EscrowMoney {
  const { levelAtto = budget.perDayAtto, maxFeeAtto } = escrow;
  return { levelAtto, maxFeeAtto, walletLowAtto: escrow.walletLowAtto ?? levelAtto, perDealAtto: budget.perDealAtto };
}

function placesOf({ providers: { privateAddresses, locationFile } }: Config, log: Log): Places {
  const file = locationFile === undefined ? {} : { file: locationFile };
  return createPlaces({ resolver: systemResolver, allowPrivate: privateAddresses, log, ...file });
}

/** The config was not refused for it, as the store may hold more; here it is known. */
async function warnOfFew({ providers, policies }: Config, store: ColdStore, log: Log): Promise<void> {
  const added = (await store.providers()).filter(({ value }) => value.trusted !== undefined && !providers.trusted.includes(value.id));
  const trusted = providers.trusted.length + added.length;
  for (const { name, replicas } of policies) {
    if (trusted < replicas.min)
      log.warn(
        { policy: name, trusted, wanted: replicas.min },
        'fewer providers are trusted than a policy wants copies: see `fbpd providers scan` and `trust`',
      );
  }
}

/** Where what was promised to providers is written down, beside the store. */
export function spendLogOf({ state }: Config): string {
  return join(state.dir, SPEND_LOG);
}

/** What the APIs see of it; nothing without a cold layer. */
export function coldSideOf(
  config: Config,
  store: ColdStore | undefined,
  { cold: view, drills, scans }: Pick<Reconcilers, 'cold' | 'drills' | 'scans'>,
  receipts: Receipts | undefined,
  clock: Clock,
): { cold?: ColdSide } {
  if (store === undefined || view === undefined || drills === undefined || receipts === undefined) return {};
  return {
    cold: {
      maker: config.cold.maker,
      store,
      view,
      drills,
      receipts,
      trusted: config.providers.trusted,
      clock,
      ...(scans === undefined ? {} : { scans }),
    },
  };
}

/** What providers fetch from here; nothing without a cold layer. */
export function transfersOf(
  cold: ComposedCold | undefined,
  { pieceBytes }: Pick<Reconcilers, 'pieceBytes'>,
  signer: TransferSigner,
): { transfers?: PieceTransfers } {
  if (cold === undefined || pieceBytes === undefined) return {};
  return { transfers: { deals: cold.store, bytes: pieceBytes, signer } };
}

/** The chain, and who makes deals on it. */
export interface LotusSide {
  chain: Chain;
  maker: DealMaker & { elsewhere?: Elsewhere; close(): Promise<void> };
  records: PublishRecords;
  /** The wallet whose escrow is our affair; absent for makers that see to it themselves. */
  wallet?: WalletPort;
  miners: MinerIndex;
  /** What could be better about the token; undefined for nothing. */
  advice(signal: AbortSignal): Promise<string | undefined>;
}

/** What `mk12` has to do with pieces. */
interface PieceSide {
  transfers: Transfers;
  layouts?: PieceLayouts;
}

/** @param pieces - what `mk12` needs to propose deals; without, it can only be looked at */
export function lotusSide(config: Config, clock: Clock, log: Log, pieces: PieceSide = NO_PIECES): LotusSide {
  const { lotus, chain: chainRules, cold, budget } = config;
  const { token, wallet } = lotus;
  const rpc = createLotusRpc({ url: lotus.rpc ?? '', token: () => currentToken(lotus.tokenFile, token) });
  const chain = createLotusChain({ rpc, finalityEpochs: chainRules.finalityEpochs, clock });
  if (cold.maker === 'mk12') return mk12Side(config, rpc, chain, pieces);
  const maker = createLotusClientMaker({
    rpc,
    chain,
    retrievedDirectory: join(cold.staging, RETRIEVED),
    retrievalPriceMaxAtto: budget.retrievalsPerDayAtto,
    log,
    ...(wallet === undefined ? {} : { wallet }),
  });
  return { chain, maker, records: createPublishRecords(rpc), miners: createMinerIndex(rpc), advice: async () => undefined };
}

function mk12Side({ lotus, providers }: Config, rpc: LotusRpc, chain: Chain, pieces: PieceSide): LotusSide {
  const signer = lotus.walletKey === undefined ? createLotusSigner(rpc, lotus.wallet) : keySigner(lotus.walletKey, lotus);
  const maker = createMk12Maker({
    rpc,
    chain,
    signer,
    ...pieces,
    allowPrivate: providers.privateAddresses,
    ...(providers.routing === 'none' ? {} : { routingUrl: providers.routing }),
  });
  const wallet = createWalletMessages({ rpc, signer });
  return {
    chain,
    maker,
    records: createPublishRecords(rpc),
    miners: createMinerIndex(rpc),
    wallet,
    advice: (signal) => signer.advice(signal),
  };
}

const NO_PIECES: PieceSide = {
  transfers: {
    offer() {
      throw new TypeError('no deal is prepared where no pieces are served');
    },
  },
};

function keySigner(text: string, { wallet, walletKeyFile = 'the credential lotus.wallet_key' }: Config['lotus']): Signer {
  const refuse = (why: string): never => {
    throw new FbpdError('BAD_CONFIG', `lotus.wallet_key_file: ${walletKeyFile} ${why}`, { subject: 'lotus.wallet_key_file' });
  };
  try {
    const { address, signer } = createKeySigner(parseExportedKey(text));
    if (wallet !== undefined && /^[ft]1/.test(wallet) && wallet.slice(1) !== address.slice(1))
      return refuse(`holds the key of ${address}, and lotus.wallet is ${wallet}: name one of them only`);
    return signer;
  } catch (error) {
    if (error instanceof TypeError) return refuse(error.message);
    throw error;
  }
}

const ADVICE_MS = 20_000;

/** Once, and when the node is up: nothing waits for it. */
async function sayAdvice(advice: LotusSide['advice'], log: Log): Promise<void> {
  const text = await advice(AbortSignal.timeout(ADVICE_MS)).catch(() => undefined);
  if (text !== undefined) log.warn(text);
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
