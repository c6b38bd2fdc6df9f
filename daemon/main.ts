import { randomBytes, randomInt, randomUUID } from 'node:crypto';

import { createAdmin } from '../api/admin.ts';
import type { Readiness } from '../api/health.ts';
import { createLinkSigner } from '../api/links.ts';
import { createTransferSigner, createTransfers } from '../api/piece-tokens.ts';
import { createApi } from '../api/server.ts';
import { COUNTED_TYPES as ACCOUNT_TYPES, openAccounts } from './accounts/accounts.ts';
import { deleteAccount, finishDeletions } from './accounts/delete-account.ts';
import { Metering } from './accounts/metering.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { createIntakeGate } from './domain/intake-gate.ts';
import type { HotTier } from './domain/ports.ts';
import { createLog, type Log } from './log.ts';
import { coldSideOf, composeCold, spendLogOf, transfersOf } from './main/cold.ts';
import { composeGateway } from './main/gateway.ts';
import { composeHot } from './main/hot.ts';
import { assertFree, type Endpoints, isFirstStart, makeStateDir, removeEndpoints, urlOf, writeEndpoints } from './main/places.ts';
import { openHotCache, tierOf } from './main/readership.ts';
import { composeReceipts } from './main/receipts.ts';
import { composeRetrieval, hotPolicyOf } from './main/retrieval.ts';
import { Undo } from './main/undo.ts';
import { createMetrics } from './metrics.ts';
import { createReconcilers, type Reconcilers } from './reconcilers/index.ts';
import { openBlockIndex } from './store/block-index.ts';
import { COUNTED_TYPES as COLD_TYPES } from './store/cold-store.ts';
import { createDiskGuard } from './store/disk-guard.ts';
import { refuseWhenFull } from './store/full-disk.ts';
import { openLevelStore } from './store/level-store.ts';
import { openLinkSecret } from './store/link-secret.ts';
import { openPinStore, COUNTED_TYPES as PIN_TYPES } from './store/pin-store.ts';
import { createRetrievalLog } from './store/retrieval-log.ts';
import { type VerifyReport, verifyStore } from './store/verify.ts';
import { verifyStoreFiles } from './store/verify-files.ts';
import { createUploads, uploadBytesMax } from './uploads.ts';

/** The layout of the keys in the store; a program refuses a store of another one. */
const SCHEMA = 1;
const COUNTED_TYPES = [...PIN_TYPES, ...ACCOUNT_TYPES, ...COLD_TYPES];
/** A fetch without a first block, or without a further one, for this long is a search, and gives its active place away. */
const FETCH_GRACE_MS = 500;
const FETCH_IDLE_MS = 5_000;
const FETCH_ROTATE_MS = 30_000;
const FETCH_QUANTUM_MS = 60_000;

const CHANCES = 2 ** 40;
/** Why pins are held when there is no room; see `planHold`. */
const NO_ROOM = ['min_free', 'hot_full'];
/** A block that lies in more contents is looked for in the first of them. */
const CONTENTS_OF_A_BLOCK_MAX = 64;

export interface Daemon {
  endpoints: Endpoints;
  /** Never resolves; rejects with what has made it impossible to go on, and then `stop` is due. */
  failed: Promise<never>;
  /** Ends requests, fetches and kubo, in this order, then closes the store. Idempotent. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  log: Log;
  version: string;
  /** Hears of what takes long on the way up, such as a kubo being built. */
  onProgress: (text: string) => void;
}

/**
 * Brings everything up in an order in which nothing is half there: first what may be missing (kubo, ports), then the
 * store, then what lives on it, the door last.
 *
 * Rejects with `BAD_ENVIRONMENT`, `STORE_DAMAGED`, `STORE_LOCKED`; what was begun is undone then.
 */
export async function runDaemon(config: Config, options: DaemonOptions): Promise<Daemon> {
  const undo = new Undo();
  try {
    return await bringUp(config, options, undo);
  } catch (error) {
    await undo.run().catch((cause: unknown) => options.log.warn({ err: cause }, 'not everything could be taken down again'));
    throw error;
  }
}

async function bringUp(config: Config, { log, version, onProgress }: DaemonOptions, undo: Undo): Promise<Daemon> {
  const clock = systemClock;
  const metrics = createMetrics();
  const startedMs = clock.nowMs();
  await assertFree('api.listen', config.api.listen);
  await assertFree('gateway.listen', config.gateway.listen);
  const hot = await composeHot(config, log, onProgress);
  await makeStateDir(config);
  const disk = createDiskGuard({
    dir: config.state.dir,
    minFreeBytes: config.state.minFreeBytes,
    ballastBytes: config.state.ballastBytes,
    log,
  });
  // What is about to start writes a little on its way up, too.
  if ((await disk.check()) === 'full') await disk.makeRoom();

  const fatal = Promise.withResolvers<never>();
  // Whoever waits for it hears of it; that nobody waits yet must not end the process by itself.
  fatal.promise.catch(() => undefined);

  // Before kubo: a second daemon is stopped by the store's lock, before it could take the first one's kubo for a leftover.
  const store = await openLevelStore({
    dir: config.state.dir,
    countedTypes: COUNTED_TYPES,
    schema: SCHEMA,
    log,
    clock,
    create: await isFirstStart(config),
    async makeRoom() {
      // The room that the ballast gives back is not for new pins.
      await disk.check();
      await disk.makeRoom();
    },
    onFatal: fatal.reject,
  });
  undo.add(() => store.close());
  const hotUp = hot.start();
  hotUp.catch(() => undefined);
  undo.add(() => hot.stop());
  const openedPins = await openPinStore({ store, clock, log, randomUUID, cold: config.cold.maker !== 'none' });
  const index = await openBlockIndex({ store, log });
  const pins = refuseWhenFull(openedPins, () => disk.state);
  const accounts = await openAccounts({ store, clock, log, randomBytes, randomUUID });
  const usage = new Metering({ store, clock, log });
  undo.add(() => usage.close());
  for (const name of await finishDeletions({ accounts, pins, usage }))
    log.info({ account: name }, 'a deletion that was broken off is finished');
  await hotUp;
  const endpoints: Endpoints = { api: '', gateway: '' };
  const secret = await openLinkSecret(store);
  const signer = createLinkSigner(secret);
  const transferSigner = createTransferSigner(secret);
  const transfers = createTransfers(transferSigner, () => endpoints.api);
  const cold = await composeCold(config, { store, pins: openedPins, blocks: hot.blocks, transfers, clock, log, random: chance });
  if (cold !== undefined) undo.add(() => cold.close());

  const gate = createIntakeGate();
  const { cache, close: closeCache } = await openHotCache(config.state.dir, log);
  undo.add(closeCache);
  const retrievalLog = createRetrievalLog(store);
  const retrieval = composeRetrieval(config, {
    pins,
    hot,
    gate,
    cold: cold?.options,
    elsewhere: cold?.elsewhere,
    desk: () => reconcilers.retrievals,
    kept: retrievalLog,
    cache,
    metrics,
    hasRoom: () => !NO_ROOM.includes(reconcilers.pin.held()?.code ?? ''),
    onGarbage: (bytes) => reconcilers.noteGarbage(bytes),
    clock,
    log,
  });
  const reconcilers: Reconcilers = createReconcilers({
    store: pins,
    hot,
    index,
    clock,
    log,
    metrics,
    limits: {
      ...config.limits,
      stallMs: config.limits.stallTimeoutMs,
      graceMs: FETCH_GRACE_MS,
      idleMs: FETCH_IDLE_MS,
      rotateMs: FETCH_ROTATE_MS,
      quantumMs: FETCH_QUANTUM_MS,
    },
    capacityBytes: config.hot.capacityBytes ?? Number.POSITIVE_INFINITY,
    garbageBytes: config.hot.gcAfterBytes,
    gate,
    checkDisk: () => disk.check(),
    cron: config.schedule,
    ...(cold === undefined
      ? {}
      : {
          cold: {
            ...cold.options,
            cron: config.schedule,
            drill: cold.drill,
            readership: cache,
            hotPolicy: hotPolicyOf(config),
            evictAbove: config.hot.evictAbove,
            evictDownTo: config.hot.evictDownTo,
            warm: (contentKey) => retrieval.warm(contentKey),
            assist: (contentKey) => retrieval.read(contentKey, 'whole').release,
          },
        }),
  });
  const receipts = composeReceipts({ cold, pins, hot, retrieval, clock, log });
  const coldSide = coldSideOf(config, cold?.store, reconcilers, receipts, clock);
  const links = { signer, pins, clock, gatewayUrl: () => endpoints.gateway };

  const uploads = createUploads({
    pins,
    intake: hot.intake,
    files: hot.files,
    blocks: hot.blocks,
    gate,
    held: () => reconcilers.pin.held(),
    onGarbage: (bytes) => reconcilers.noteGarbage(bytes),
    limits: config.limits,
    log,
  });

  const gateway = composeGateway(config, {
    pins,
    accounts,
    target: () => hot.gateway(),
    signer,
    retrieval,
    meter: usage,
    belongs: (cid) => Array.fromAsync(index.contentsOf(cid, CONTENTS_OF_A_BLOCK_MAX)),
    metrics,
    clock,
    log,
  });
  const api = createApi({
    pins,
    accounts,
    hotStatus: () => hot.status(),
    fetches: reconcilers.pin,
    usage,
    ...coldSide,
    ...transfersOf(cold, reconcilers, transferSigner),
    uploads,
    disk: () => disk.state,
    ready: () => readiness(hot),
    metrics,
    clock,
    log,
    listen: config.api.listen,
    cors: { origins: config.api.corsOrigins },
    trustedProxies: config.api.trustedProxies,
    limits: { ...config.limits, uploadBytes: uploadBytesMax(config.limits) },
    allowPrivateOrigins: config.limits.privateOrigins,
    links,
  });
  undo.add(() => retrieval.stop());
  if (receipts !== undefined) undo.add(() => receipts.stop());
  undo.add(() => {
    // The gateway waits until what it served is counted.
    usage.hurry();
    return gateway.close();
  });
  undo.add(() => api.close());
  undo.add(() => reconcilers.stop());
  const gatewayUrl = urlOf((await gateway.listen()).address);
  const apiUrl = urlOf((await api.listen()).address);
  endpoints.gateway = config.gateway.publicUrl ?? gatewayUrl;
  endpoints.api = config.api.publicUrl ?? apiUrl;

  const admin = createAdmin({
    about: { version, startedMs, config: config.file, stateDir: config.state.dir, cacheDir: config.state.cacheDir },
    endpoint: () => endpoints.api,
    gateway: () => endpoints.gateway,
    links,
    accounts,
    pins,
    usage,
    deleteAccount: (account) => deleteAccount({ accounts, pins, usage }, account),
    allowPrivateOrigins: config.limits.privateOrigins,
    fetches: reconcilers.pin,
    ...coldSide,
    uploads,
    hotGateway: () => hot.gateway(),
    retrieval,
    ...tierOf(reconcilers, cache, retrievalLog, clock),
    hot,
    storeCounts: () => store.counts(),
    checkStore: (onProgress) => verifyStore(store, { onProgress, spendLog: { file: spendLogOf(config), isLive: true } }),
    disk: async () => ({ freeBytes: await disk.freeBytes(), minFreeBytes: config.state.minFreeBytes }),
    reconcilers: reconcilers.scheduler,
    clock,
    log,
    socket: config.api.adminSocket,
    ...(config.api.adminSocketGroup === undefined ? {} : { socketGroup: config.api.adminSocketGroup }),
  });
  await admin.listen();
  undo.add(() => admin.close());
  undo.add(() => uploads.stop());
  await reconcilers.start();
  await writeEndpoints(config, endpoints);
  undo.add(() => removeEndpoints(config));
  log.info({ ...endpoints, readyAfterMs: clock.nowMs() - startedMs }, 'ready');
  return { endpoints, failed: fatal.promise, stop: () => undo.run() };
}

/** For `fbpd check` when no daemon has the store open. Rejects with `STORE_LOCKED` when one has. */
export function checkStore(config: Config, onProgress: (records: number) => void): Promise<VerifyReport> {
  return verifyStoreFiles({
    dir: config.state.dir,
    schema: SCHEMA,
    clock: systemClock,
    log: createLog('silent'),
    onProgress,
    spendLog: { file: spendLogOf(config), isLive: false },
  });
}

/** The store was verified on opening and ends the daemon when it fails, so what can be missing here is the hot tier. */
function readiness(hot: HotTier): Readiness {
  const { up } = hot.status();
  return {
    ready: true,
    checks: { store: { state: 'ok' }, hot: up ? { state: 'ok' } : { state: 'degraded', detail: 'down: new pins wait' } },
  };
}

/** In [0, 1): what is sampled cannot be foreseen by who is sampled. */
function chance(): number {
  return randomInt(CHANCES) / CHANCES;
}
