import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { createAdmin } from '../api/admin.ts';
import type { Readiness } from '../api/health.ts';
import { createApi } from '../api/server.ts';
import { COUNTED_TYPES as ACCOUNT_TYPES, openAccounts } from './accounts/accounts.ts';
import { deleteAccount, finishDeletions } from './accounts/delete-account.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { FbpdError } from './domain/errors.ts';
import type { HotTier } from './domain/ports.ts';
import { createLog, type Log } from './log.ts';
import { coldSideOf, composeCold, spendLogOf } from './main/cold.ts';
import { composeHot } from './main/hot.ts';
import { createMetrics } from './metrics.ts';
import { createReconcilers } from './reconcilers/index.ts';
import { COUNTED_TYPES as COLD_TYPES } from './store/cold-store.ts';
import { createDiskGuard } from './store/disk-guard.ts';
import { refuseWhenFull } from './store/full-disk.ts';
import { openLevelStore } from './store/level-store.ts';
import { openPinStore, COUNTED_TYPES as PIN_TYPES } from './store/pin-store.ts';
import { type VerifyReport, verifyStore } from './store/verify.ts';
import { verifyStoreFiles } from './store/verify-files.ts';

/** The layout of the keys in the store; a program refuses a store of another one. */
const SCHEMA = 1;
const COUNTED_TYPES = [...PIN_TYPES, ...ACCOUNT_TYPES, ...COLD_TYPES];
/** A fetch without a first block, or without a further one, for this long is a search, and gives its active place away. */
const FETCH_GRACE_MS = 500;
const FETCH_IDLE_MS = 5_000;
const FETCH_ROTATE_MS = 30_000;
const FETCH_QUANTUM_MS = 60_000;

const CHANCES = 2 ** 40;

export interface Endpoints {
  /** Where the pinning API listens: `http://HOST:PORT`. */
  api: string;
}

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

/** Undoes, in reverse order, what was brought up so far. */
class Undo {
  readonly #steps: (() => Promise<unknown>)[] = [];
  #done: Promise<void> | undefined;

  add(step: () => Promise<unknown>): void {
    this.#steps.unshift(step);
  }

  /** Every step is tried; the first error is thrown when all are through. */
  run(): Promise<void> {
    this.#done ??= this.#run();
    return this.#done;
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (const step of this.#steps) await step().catch((error: unknown) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  }
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
  await assertFree(config.api.listen);
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
  const pins = refuseWhenFull(openedPins, () => disk.state);
  const accounts = await openAccounts({ store, clock, log, randomBytes, randomUUID });
  for (const name of await finishDeletions({ accounts, pins })) log.info({ account: name }, 'a deletion that was broken off is finished');
  await hotUp;
  const cold = await composeCold(config, { store, pins: openedPins, blocks: hot.blocks, clock, log, random: chance });
  if (cold !== undefined) undo.add(() => cold.close());

  const reconcilers = createReconcilers({
    store: pins,
    hot,
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
    checkDisk: () => disk.check(),
    cron: config.schedule,
    ...(cold === undefined ? {} : { cold: { ...cold.options, cron: config.schedule } }),
  });
  const coldSide = coldSideOf(config, cold?.store, reconcilers.cold, clock);

  const api = createApi({
    pins,
    accounts,
    hotStatus: () => hot.status(),
    fetches: reconcilers.pin,
    ...coldSide,
    disk: () => disk.state,
    ready: () => readiness(hot),
    metrics,
    clock,
    log,
    listen: config.api.listen,
    cors: { origins: config.api.corsOrigins },
    trustedProxies: config.api.trustedProxies,
    limits: config.limits,
    allowPrivateOrigins: config.limits.privateOrigins,
  });
  undo.add(() => api.close());
  undo.add(() => reconcilers.stop());
  const { address } = await api.listen();
  const endpoints: Endpoints = { api: config.api.publicUrl ?? urlOf(address.address, address.port) };

  const admin = createAdmin({
    about: { version, startedMs, config: config.file, stateDir: config.state.dir, cacheDir: config.state.cacheDir },
    endpoint: () => endpoints.api,
    accounts,
    pins,
    deleteAccount: (account) => deleteAccount({ accounts, pins }, account),
    allowPrivateOrigins: config.limits.privateOrigins,
    fetches: reconcilers.pin,
    ...coldSide,
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
  await reconcilers.start();
  await writeEndpoints(config, endpoints);
  undo.add(() => rm(endpointsFile(config), { force: true }));
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

async function makeStateDir({ state }: Config): Promise<void> {
  try {
    await mkdir(state.dir, { recursive: true, mode: 0o750 });
    await access(state.dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `state.dir: ${state.dir} cannot be used (${why}); make it, or give it to this user`, {
      subject: 'state.dir',
      cause,
    });
  }
}

/** What the hot tier leaves in the state directory, managed or external. */
const TRACES_OF_USE = ['kubo', 'external-kubo.json'];

/**
 * These are made after the store, so where there is one of them, there was a store: it is not made anew behind
 * anybody's back when all of it has vanished.
 */
async function isFirstStart({ state }: Config): Promise<boolean> {
  const found = await Promise.allSettled(TRACES_OF_USE.map((name) => access(join(state.dir, name))));
  return found.every(({ status }) => status === 'rejected');
}

/** An occupied port is found before anything is made. The listener itself comes last and looks again. */
async function assertFree({ host, port }: { host: string; port: number }): Promise<void> {
  const probe = createServer();
  try {
    probe.listen({ host, port });
    await once(probe, 'listening');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FbpdError('BAD_ENVIRONMENT', `api.listen: cannot listen on ${host}:${port} (${why}); stop what has it, or choose another`, {
      subject: 'api.listen',
      cause,
    });
  }
  probe.close();
  await once(probe, 'close');
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

function urlOf(host: string, port: number): string {
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}

function endpointsFile(config: Config): string {
  return join(config.state.dir, 'endpoints.json');
}

/** Who starts us with port 0 reads here which one it became. */
async function writeEndpoints(config: Config, endpoints: Endpoints): Promise<void> {
  const file = endpointsFile(config);
  await writeFile(`${file}.new`, `${JSON.stringify(endpoints)}\n`);
  await rename(`${file}.new`, file);
}
