import type { Config } from '../config.ts';

import { examineExternalKubo, examineManagedKubo, type HotFinding } from '../hot/examine.ts';
import { createExternalKubo } from '../hot/external.ts';
import { findKubo } from '../hot/kubo-binary.ts';
import type { BlockHotTier } from '../hot/kubo-tier.ts';
import { createManagedKubo } from '../hot/managed.ts';
import type { Log } from '../log.ts';

/** How many of its addresses a client is told to dial: kubo's client dials them one after another. */
const MAX_DELEGATES = 3;

/** For `fbpd doctor`: whether the hot tier that the config names can be had, and what it is worth. Starts nothing. */
export async function examineHotTier({ hot, env, state }: Config): Promise<HotFinding[]> {
  if (hot.mode === 'external') return examineExternalKubo({ rpcUrl: hot.rpc ?? '', rpcToken: hot.rpcToken });
  return [
    await examineManagedKubo({ configured: hot.binary, kuboBinary: env.kuboBinary, cacheDir: state.cacheDir, environment: env.variables }),
  ];
}

/** The hot tier that the config names, not yet started. Finding a kubo may take minutes where one must be built. */
export async function composeHot(config: Config, log: Log, onProgress: (text: string) => void): Promise<BlockHotTier> {
  const { hot, limits, env, state } = config;
  const addressPolicy = {
    maxAddresses: MAX_DELEGATES,
    allowLoopback: isLoopback(config.api.listen.host),
    allowPrivate: limits.privateOrigins,
  };
  if (hot.mode === 'external') {
    return createExternalKubo({
      ...addressPolicy,
      rpcUrl: hot.rpc ?? '',
      rpcToken: hot.rpcToken,
      gatewayUrl: hot.gateway,
      stateDir: state.dir,
      log,
    });
  }
  const found = await findKubo({
    configured: hot.binary,
    kuboBinary: env.kuboBinary,
    cacheDir: state.cacheDir,
    environment: env.variables,
    onProgress,
  });
  log.info({ path: found.path, version: found.version, how: found.how }, 'kubo found');
  return createManagedKubo({
    ...addressPolicy,
    binary: found.path,
    stateDir: state.dir,
    capacityBytes: hot.capacityBytes ?? Number.MAX_SAFE_INTEGER,
    swarm: swarmAddresses(hot.swarmListen, hot.swarmPort),
    announce: hot.announce,
    publicNetwork: hot.publicNetwork,
    environment: env.variables,
    log,
  });
}

/** One TCP and one QUIC listener for each address. */
function swarmAddresses(hosts: readonly string[], port: number): string[] {
  return hosts.flatMap((host) => {
    const at = host.includes(':') ? `/ip6/${host}` : `/ip4/${host}`;
    return [`${at}/tcp/${port}`, `${at}/udp/${port}/quic-v1`];
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
