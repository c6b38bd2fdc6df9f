import { join } from 'node:path';

import { FbpdError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { AddressPolicy } from './addresses.ts';
import { askIdentity, createKnownNode } from './known-node.ts';
import { createKuboRpc, RpcError } from './kubo-rpc.ts';
import { type BlockHotTier, createKuboTier } from './kubo-tier.ts';

export interface ExternalKuboOptions extends AddressPolicy {
  /** Where its RPC listens, e.g. `http://127.0.0.1:5001`. */
  rpcUrl: string;
  /** The secret for its `API.Authorizations`, sent as a bearer token. */
  rpcToken: string | undefined;
  /** Where its HTTP gateway listens, if it may be used. */
  gatewayUrl?: string | undefined;
  /** The daemon's state directory: the last known addresses are kept there. */
  stateDir: string;
  /** The name that our pins carry. Default `fbpd`. */
  pinName?: string;
  /** How often it is asked whether it is there. */
  probeEveryMs?: number;
  /** Pinning that does not get on for this long has a block missing. Default 30 s. */
  pinQuietMs?: number;
  log: Log;
}

const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 10_000;

/**
 * Somebody else's kubo. It may be away when we start and come back later, so `start` waits for nobody: until it
 * answers, pins wait. Its configuration, its garbage and all pins that we did not make are left alone.
 */
export function createExternalKubo(options: ExternalKuboOptions): BlockHotTier {
  const { log, rpcToken } = options;
  const url = parseUrl(options.rpcUrl);
  const rpc = createKuboRpc({ target: () => ({ url }), authorization: rpcToken === undefined ? undefined : `Bearer ${rpcToken}` });
  const known = createKnownNode({ path: join(options.stateDir, 'external-kubo.json'), policy: options, log });
  const gateway = options.gatewayUrl === undefined ? undefined : { url: parseUrl(options.gatewayUrl) };
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  /** Never rejects. */
  async function probe(): Promise<void> {
    const wasUp = known.report().up;
    try {
      await known.setUp(await askIdentity(rpc, PROBE_TIMEOUT_MS, stopped.signal));
      if (!wasUp) log.info({ rpc: url.origin, version: known.report().detail }, 'the external kubo answers');
    } catch (error) {
      if (stopped.signal.aborted) return;
      const why = whyDown(error, url);
      if (wasUp || known.report().detail !== why) log.warn({ rpc: url.origin }, why);
      known.setDown(why);
    }
    timer = setTimeout(() => void probe(), options.probeEveryMs ?? PROBE_EVERY_MS);
    if (stopped.signal.aborted) clearTimeout(timer);
  }

  return {
    ...createKuboTier({
      rpc,
      pinName: options.pinName ?? 'fbpd',
      pinQuietMs: options.pinQuietMs,
      allowPrivate: options.allowPrivate,
      exclusive: false,
      log,
    }),
    async start() {
      await known.load();
      await probe();
    },
    stop() {
      stopped.abort();
      clearTimeout(timer);
      known.setDown('fbpd is stopping');
      rpc.close();
      return Promise.resolve();
    },
    status: known.report,
    gateway: () => (known.report().up ? gateway : undefined),
  };
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) throw new FbpdError('BAD_CONFIG', `hot.rpc: ${JSON.stringify(text)} is not a URL`, { subject: 'hot.rpc' });
  return new URL(text);
}

function whyDown(error: unknown, url: URL): string {
  if (error instanceof RpcError && error.failure === 'denied')
    return `the kubo at ${url.origin} refuses our authorization: check hot.rpc_token_file`;
  return `the kubo at ${url.origin} does not answer (${error instanceof Error ? error.message : String(error)})`;
}
