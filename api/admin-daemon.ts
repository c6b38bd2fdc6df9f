import { Readable } from 'node:stream';

import type Router from '@koa/router';

import type { Accounts, FetchView, HotTier, PinStore } from '../daemon/domain/ports.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
import { coldStatus } from './admin-cold.ts';
import type { ColdSide } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';

type Schemas = components['schemas'];

/** What never changes while the daemon runs. */
export interface About {
  version: string;
  startedMs: number;
  /** The config file. */
  config: string;
  stateDir: string;
  cacheDir: string;
}

export interface AdminDaemonOptions {
  about: About;
  /** Where the pinning API listens, as a URL. */
  endpoint: () => string;
  /** Where contents are read, as a URL. */
  gateway: () => string;
  accounts: Accounts;
  pins: PinStore;
  fetches: FetchView;
  hot: Pick<HotTier, 'status' | 'usage'>;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  /** Records by type. */
  storeCounts: () => Readonly<Record<string, number>>;
  /** Reads and verifies every record while `onProgress` hears how many it has read; resolves with what is wrong, a sentence each. */
  checkStore: (onProgress: (records: number) => void) => Promise<{ records: number; problems: readonly string[] }>;
  disk: () => Promise<{ freeBytes: number; minFreeBytes: number }>;
  reconcilers: { names(): string[]; run(name: string): Promise<Schemas['Pass']> };
  log: Log;
}

/** A hot tier that hangs must not hang `fbpd status`. */
const USAGE_TIMEOUT_MS = 2_000;
const PROGRESS_EVERY_MS = 500;

/** `/admin/status`, `/admin/check` and `/admin/reconcile/…`. */
export function addDaemonRoutes(router: Router, options: AdminDaemonOptions): void {
  router.get('/admin/status', async (ctx) => {
    ctx.body = await status(options);
  });

  router.post('/admin/check', (ctx) => {
    ctx.type = 'application/x-ndjson';
    ctx.body = Readable.from(checkLines(options));
  });

  router.post('/admin/reconcile/:name', async (ctx) => {
    ctx.body = await options.reconcilers.run(ctx.params.name ?? '');
  });
}

async function status(options: AdminDaemonOptions): Promise<Schemas['Status']> {
  const { about, accounts, pins, fetches, hot } = options;
  const { startedMs, ...where } = about;
  const held = fetches.held();
  const { up, detail, peerId, addresses } = hot.status();
  const usage = up ? await hot.usage(AbortSignal.timeout(USAGE_TIMEOUT_MS)).catch(() => undefined) : undefined;
  return {
    ...where,
    node: process.versions.node,
    pid: process.pid,
    started: formatTimestamp(startedMs),
    endpoint: options.endpoint(),
    gateway: options.gateway(),
    accounts: (await accounts.list()).length,
    pins: { ...pins.totals() },
    fetching: fetches.fetching(),
    ...(held === undefined ? {} : { held: { ...held } }),
    hot: {
      up,
      detail,
      ...(peerId === undefined ? {} : { peerId }),
      addresses: [...addresses],
      ...(usage === undefined ? {} : { repoBytes: usage.repoBytes }),
      ...(usage !== undefined && usage.capacityBytes < Number.MAX_SAFE_INTEGER ? { capacityBytes: usage.capacityBytes } : {}),
    },
    cold: await coldStatus(options.cold),
    store: { ...options.storeCounts() },
    disk: await options.disk(),
    reconcilers: options.reconcilers.names(),
  };
}

/** Lines as they come: how far it is, twice a second, and at last what was found. */
async function* checkLines({ checkStore, log }: AdminDaemonOptions): AsyncGenerator<string> {
  let records = 0;
  let wake = (): void => undefined;
  let result: Schemas['CheckLine'] | undefined;
  const checking = checkStore((count) => {
    records = count;
  })
    .then((found) => {
      result = { records: found.records, done: true, problems: [...found.problems] };
    })
    .catch((error: unknown) => {
      log.error({ err: error }, 'the check of the store broke off');
      const why = error instanceof Error ? error.message : String(error);
      result = { records, done: true, problems: [`the check broke off: ${why}`] };
    })
    .finally(() => wake());
  while (result === undefined) {
    yield line({ records, done: false });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PROGRESS_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (result !== undefined) wake();
    });
  }
  await checking;
  yield line(result);
}

function line(progress: Schemas['CheckLine']): string {
  return `${JSON.stringify(progress)}\n`;
}
