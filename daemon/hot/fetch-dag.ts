import type { CID } from 'multiformats/cid';

import { parseCid } from '../domain/cid.ts';
import type { FetchProgress } from '../domain/content.ts';
import { cidOfReply, isIdentity } from './block-sizes.ts';
import { createFetchWatch, type FetchWatch, type WatchOptions } from './fetch-watch.ts';
import { hotErrorOf } from './hot-errors.ts';
import { isRecord, type KuboRpc, RpcError } from './kubo-rpc.ts';

export interface FetchOptions extends WatchOptions {
  rpc: KuboRpc;
  /** The size of a block that is here. */
  sizeOf: (cid: CID, signal: AbortSignal) => Promise<number>;
  /** Told each block that is counted, when it is. */
  onBlock?: ((cid: CID) => Promise<void> | undefined) | undefined;
}

/** Sizes asked for at a time. */
const SIZES_AT_ONCE = 16;
/** Blocks that have come and whose size is not known yet; with more, reading on waits. */
const UNSIZED_MAX = 64;
/**
 * Lets kubo walk the DAG, which fetches every block, and counts along.
 *
 * kubo prints each distinct CID below the root once, and only when its block has arrived; the root's block is there
 * when the first line or the end comes. So every line is a block, and its size is asked for beside the walk. The sizes
 * in links (`Tsize`) are not used: whoever made the DAG can write there what they like.
 *
 * A limit is seen when the block that breaks it has been counted. kubo reads ahead all the children of the node it is
 * at, so what is in the repo by then may be more by one node's children.
 *
 * kubo 0.43 under load now and then forgets to ask a peer for a block it waits for, and then waits for ever, a peer
 * that has it or not. A new walk asks anew. So a walk that has gone quiet is given up for a new one, which passes
 * over what is here already — a walk's order is that of the links — and only quiet that lasts is a stall.
 */
export async function fetchDag(options: FetchOptions): Promise<FetchProgress> {
  const watch = createFetchWatch(options);
  try {
    return await walkUntilDone(options, watch);
  } catch (error) {
    // Whatever broke after the watch had fired broke because of it.
    throw watch.fired() ?? hotErrorOf(error, `fetching ${options.contentKey}`);
  } finally {
    watch.end();
  }
}

async function walkUntilDone({ rpc, sizeOf, contentKey, onBlock }: FetchOptions, watch: FetchWatch): Promise<FetchProgress> {
  const root = parseCid(contentKey);
  const sizes = createSizing((cid) => sizeOf(cid, watch.signal), watch.sized);
  let taken = 0;
  for (;;) {
    const signal = watch.beginWalk();
    let line = 0;
    try {
      for await (const cid of walk(root, rpc, signal)) {
        watch.alive();
        line += 1;
        if (line <= taken) continue;
        taken = line;
        if (isIdentity(cid)) continue;
        watch.counted();
        await onBlock?.(cid);
        await sizes.add(cid);
      }
      await sizes.drained();
      return watch.progress();
    } catch (error) {
      const wentQuiet = signal.aborted && !watch.signal.aborted;
      if (!wentQuiet) throw error;
    }
  }
}

/** The root and all below it, each as soon as its block is here. */
async function* walk(root: CID, rpc: KuboRpc, signal: AbortSignal): AsyncGenerator<CID, void, undefined> {
  let rootSeen = false;
  for await (const line of rpc.stream('refs', { arg: root.toString(), recursive: true, unique: true }, { signal })) {
    if (!isRecord(line)) throw new RpcError('garbage', 'kubo sent something else than a reference');
    if (typeof line.Err === 'string' && line.Err !== '') throw new RpcError('refused', line.Err);
    if (!rootSeen) yield root;
    rootSeen = true;
    yield cidOfReply(String(line.Ref));
  }
  if (!rootSeen) yield root;
}

/** Asks for sizes, some at once, and holds back who adds when too many are open. The first failure ends it. */
interface Sizing {
  add(cid: CID): Promise<void>;
  drained(): Promise<void>;
}

function createSizing(sizeOf: (cid: CID) => Promise<number>, onSize: (bytes: number) => void): Sizing {
  const waiting: CID[] = [];
  let running = 0;
  let failed: { error: unknown } | undefined;
  let wake: (() => void) | undefined;

  async function work(): Promise<void> {
    running += 1;
    try {
      for (let cid = waiting.shift(); cid !== undefined && failed === undefined; cid = waiting.shift()) {
        onSize(await sizeOf(cid));
        wake?.();
      }
    } catch (error) {
      failed ??= { error };
    } finally {
      running -= 1;
      wake?.();
    }
  }

  async function until(done: () => boolean): Promise<void> {
    while (failed === undefined && !done()) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (failed !== undefined) throw failed.error;
  }

  return {
    async add(cid) {
      waiting.push(cid);
      if (running < SIZES_AT_ONCE) void work();
      await until(() => waiting.length + running < UNSIZED_MAX);
    },
    drained: () => until(() => running === 0),
  };
}
