import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { FbpdError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { AddressPolicy } from './addresses.ts';
import { flatfsSizes } from './block-sizes.ts';
import { flatfsBlocks } from './block-source.ts';
import { createGatewaySocket, fitsSocket } from './gateway-socket.ts';
import { askIdentity, createKnownNode } from './known-node.ts';
import { authorizationOf, hasDefaultFlatfs, peerIdOf, type RpcListen, swarmOf, withSettings } from './kubo-config.ts';
import { endProcess, findKubosOf } from './kubo-leftover.ts';
import { type KuboProcess, spawnKubo } from './kubo-process.ts';
import { ensureRepo, kuboEnvironment, kuboFiles, readConfig, writeConfig, writeFileAtomic } from './kubo-repo.ts';
import { createKuboRpc, isRecord, type RpcTarget } from './kubo-rpc.ts';
import { createSupervisor, SUPERVISOR_TIMES, type SupervisorTimes } from './kubo-supervisor.ts';
import { type BlockHotTier, createKuboTier } from './kubo-tier.ts';
import { resolveSwarmPorts } from './swarm-ports.ts';

export interface ManagedKuboOptions extends AddressPolicy {
  /** The kubo program: see `findKubo`. */
  binary: string;
  /** The daemon's state directory: everything of kubo's goes to `<stateDir>/kubo`. */
  stateDir: string;
  /** What kubo is told to be its limit; the daemon decides when garbage is collected. */
  capacityBytes: number;
  /** Swarm listen multiaddrs. Those with port 0 share one free port, kept over restarts. */
  swarm: readonly string[];
  /** Addresses to hand out beside the discovered ones, e.g. of a forwarded port. Default none. */
  announce?: readonly string[];
  /** DHT, indexer, bootstrap peers. False: only peers that are dialled or dial us. */
  publicNetwork: boolean;
  /** Default 1 GiB. */
  networkMemoryBytes?: number;
  /** The name that our pins carry. Default `fbpd`. */
  pinName?: string;
  /** Pinning that does not get on for this long has a block missing. Default 30 s. */
  pinQuietMs?: number;
  /** The daemon's environment: PATH, proxies, certificates and Go's settings are passed on to kubo. */
  environment: Readonly<Record<string, string | undefined>>;
  times?: Partial<SupervisorTimes>;
  log: Log;
}

const NETWORK_MEMORY_BYTES = 2 ** 30;

/**
 * A kubo of our own: its repo in our state directory, its process under our watch.
 * `start` rejects with an FbpdError `BAD_ENVIRONMENT` that holds kubo's last words when it cannot be brought up.
 */
export function createManagedKubo(options: ManagedKuboOptions): BlockHotTier {
  const { log } = options;
  const times = { ...SUPERVISOR_TIMES, ...options.times };
  const files = kuboFiles(options.stateDir);
  const environment = kuboEnvironment(files, options.environment);
  const listen = rpcListen(files.socket);
  const known = createKnownNode({ path: files.addresses, policy: options, log });
  const gateway = createGatewaySocket(files.gatewaySocket);
  let target: RpcTarget | undefined;
  const rpc = createKuboRpc({ target: () => target, authorization: authorizationOf(listen) });
  const sizes = flatfsSizes(join(files.repo, 'blocks'));
  const blocks = flatfsBlocks(join(files.repo, 'blocks'));

  async function launch(): Promise<KuboProcess> {
    target = undefined;
    await ensureRepo(options.binary, files, environment);
    await endLeftovers();
    await configure();
    // After a SIGKILL both are still there, and kubo does not start over a socket nor we ask the right port.
    for (const stale of [files.socket, join(files.repo, 'api'), await gateway.path()]) await rm(stale, { force: true });
    const kubo = await spawnKubo({ binary: options.binary, repo: files.repo, environment, log });
    await writeFileAtomic(files.pid, JSON.stringify({ pid: kubo.pid, supervisorPid: process.pid }));
    return kubo;
  }

  async function configure(): Promise<void> {
    const before = await readConfig(files);
    const swarm = await resolveSwarmPorts(options.swarm, swarmOf(before));
    const config = withSettings(before, {
      listen,
      gatewaySocket: await gateway.path(),
      swarm,
      announce: options.announce ?? [],
      capacityBytes: options.capacityBytes,
      networkMemoryBytes: options.networkMemoryBytes ?? NETWORK_MEMORY_BYTES,
      publicNetwork: options.publicNetwork,
      allowPrivate: options.allowPrivate,
      allowLoopback: options.allowLoopback,
    });
    await writeConfig(files, config);
    sizes.enable(hasDefaultFlatfs(config));
    blocks.enable(hasDefaultFlatfs(config));
    const peerId = peerIdOf(config);
    if (peerId !== undefined) known.setPeerId(peerId);
  }

  /** Ends the kubo of a daemon that was killed. One whose daemon still lives is not ours to end. */
  async function endLeftovers(): Promise<void> {
    const supervisorPid = await recordedSupervisor(files.pid);
    for (const { pid, parentPid } of await findKubosOf(files.repo)) {
      if (parentPid === supervisorPid || parentPid === process.pid) {
        throw new FbpdError(
          'BAD_ENVIRONMENT',
          `another daemon (process ${parentPid}) runs a kubo (process ${pid}) on ${files.repo}: stop it first`,
          { subject: 'state.dir' },
        );
      }
      log.warn({ pid, repo: files.repo }, 'a kubo was left over from a daemon that was killed: ending it');
      const isRunning = async () => (await findKubosOf(files.repo)).some((one) => one.pid === pid);
      if (!(await endProcess(pid, times.stopTimeoutMs, isRunning))) {
        throw new FbpdError(
          'BAD_ENVIRONMENT',
          `a kubo left over from before (process ${pid}) holds ${files.repo} and does not end: kill it`,
          { subject: 'state.dir' },
        );
      }
    }
  }

  async function probe(timeoutMs: number): Promise<void> {
    target = 'secret' in listen ? await loopbackTarget(join(files.repo, 'api')) : listen;
    await known.setUp(await askIdentity(rpc, timeoutMs));
  }

  const supervisor = createSupervisor({ times, launch, probe, onDown: known.setDown, log });

  return {
    ...createKuboTier({
      rpc,
      sizeOf: sizes.sizeOf,
      blockFile: blocks.blockFile,
      pinName: options.pinName ?? 'fbpd',
      pinQuietMs: options.pinQuietMs,
      allowPrivate: options.allowPrivate,
      exclusive: true,
      log,
    }),
    async start() {
      await known.load();
      await supervisor.start();
    },
    async stop() {
      // First, so that who waits for kubo hears that it is gone, and not what it says while it ends.
      rpc.close();
      await supervisor.stop();
      known.setDown('kubo was stopped');
      await rm(files.pid, { force: true });
      await gateway.close();
    },
    status: known.report,
    gateway: () => (known.report().up ? gateway.target() : undefined),
  };
}

/** The secret lives as long as the daemon; it reaches kubo by its config, which only its owner can read. */
function rpcListen(socketPath: string): RpcListen {
  return fitsSocket(socketPath) ? { socketPath } : { secret: randomBytes(32).toString('hex') };
}

/** kubo writes where it listens to `<repo>/api`, as `/ip4/127.0.0.1/tcp/<port>`. */
async function loopbackTarget(apiFile: string): Promise<RpcTarget | undefined> {
  const address = await readFile(apiFile, 'utf8').catch(() => '');
  const [, host, port] = /^\/ip4\/([\d.]+)\/tcp\/(\d+)/.exec(address) ?? [];
  return host === undefined ? undefined : { url: new URL(`http://${host}:${port}`) };
}

async function recordedSupervisor(path: string): Promise<number | undefined> {
  try {
    const record: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(record) && typeof record.supervisorPid === 'number' ? record.supervisorPid : undefined;
  } catch {
    return undefined;
  }
}
