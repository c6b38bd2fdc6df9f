import type { BlockSource } from '../domain/cold-ports.ts';
import { HotError, type HotTier } from '../domain/ports.ts';
import { type Resolver, systemResolver } from '../domain/resolve-address.ts';
import type { BlockIntake, HttpTarget } from '../domain/retrieval-ports.ts';
import type { FileIntake } from '../domain/upload-port.ts';
import type { Log } from '../log.ts';
import { createBlockIntake } from './block-intake.ts';
import { rpcSizes, type SizeOf, withoutEmptyBlocks } from './block-sizes.ts';
import { type BlockFile, createBlockSource } from './block-source.ts';
import { dialPeers } from './dial.ts';
import { fetchDag } from './fetch-dag.ts';
import { createFileIntake } from './file-intake.ts';
import { addPin, isPinned, listPins, removeNamedPin, removePins, repoUsage, runGarbageCollection } from './kubo-pins.ts';
import type { KuboRpc } from './kubo-rpc.ts';

export interface KuboTierOptions {
  rpc: KuboRpc;
  /** A cheaper way to a block's size, where there is one. */
  sizeOf?: SizeOf;
  /** A cheaper way to a block, where there is one. */
  blockFile?: BlockFile;
  /** The name of our pins. */
  pinName: string;
  allowPrivate: boolean;
  exclusive: boolean;
  resolver?: Resolver;
  /** Pinning that does not get on for this long has a block missing. Default 30 s. */
  pinQuietMs?: number | undefined;
  log: Log;
}

/** A tier whose blocks can be read one by one. */
export interface BlockHotTier extends HotTier {
  readonly blocks: BlockSource;
  readonly intake: BlockIntake;
  readonly files: FileIntake;
  /** Where its HTTP gateway listens; undefined while it is down, or has none. */
  gateway(): HttpTarget | undefined;
}

/** One peer is not waited for longer than this. */
const DIAL_TIMEOUT_MS = 10_000;

const PIN_QUIET_MS = 30_000;

/** What managed and external kubos have in common: all that goes over the RPC. */
export function createKuboTier(options: KuboTierOptions): Omit<BlockHotTier, 'start' | 'stop' | 'status' | 'gateway'> {
  const { rpc, pinName, exclusive, allowPrivate, log } = options;
  const askKubo = rpcSizes(rpc);
  const cheaper = options.sizeOf;
  const anySize =
    cheaper === undefined ? askKubo : async (...args: Parameters<SizeOf>) => (await cheaper(...args)) ?? (await askKubo(...args));
  const sizeOf = exclusive ? withoutEmptyBlocks(anySize, rpc) : anySize;
  const dialling = { rpc, resolver: options.resolver ?? systemResolver, allowPrivate, timeoutMs: DIAL_TIMEOUT_MS, log };
  return {
    exclusive,
    blocks: createBlockSource(rpc, options.blockFile),
    intake: createBlockIntake(rpc),
    files: createFileIntake(rpc),
    connect: (addresses, signal) => dialPeers(addresses, signal, dialling),
    fetch: (contentKey, limits, onProgress, signal, options) =>
      fetchDag({ rpc, sizeOf, contentKey, limits, onProgress, signal, ...options }),
    pin: (contentKey, signal) => addPin(rpc, contentKey, { name: pinName, quietMs: options.pinQuietMs ?? PIN_QUIET_MS }, signal),
    isPinned: (contentKey, signal, options) => isPinned(rpc, contentKey, options?.byUs ? pinName : undefined, signal),
    unpin: (contentKey, signal) => (exclusive ? removePins(rpc, contentKey, signal) : removeNamedPin(rpc, contentKey, pinName, signal)),
    pins: (signal) => listPins(rpc, pinName, signal),
    usage: (signal) => repoUsage(rpc, signal),
    async collectGarbage(signal) {
      if (!exclusive) throw new HotError('refused', 'garbage is not collected on a kubo that is not ours alone');
      await runGarbageCollection(rpc, signal);
    },
  };
}
