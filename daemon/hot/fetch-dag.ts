import type { CID } from 'multiformats/cid';

import { parseCid } from '../domain/cid.ts';
import type { FetchLimits, FetchProgress } from '../domain/content.ts';
import { HotError } from '../domain/ports.ts';
import { formatSize } from '../domain/units.ts';
import { cidOfReply, isIdentity } from './block-sizes.ts';
import { hotErrorOf } from './hot-errors.ts';
import { isRecord, type KuboRpc, RpcError } from './kubo-rpc.ts';

export interface FetchOptions {
  rpc: KuboRpc;
  /** The size of a block that is here. */
  sizeOf: (cid: CID, signal: AbortSignal) => Promise<number>;
  contentKey: string;
  limits: FetchLimits;
  onProgress: (progress: FetchProgress) => void;
  signal: AbortSignal;
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
 */
export async function fetchDag(options: FetchOptions): Promise<FetchProgress> {
  const watch = createWatch(options);
  try {
    return await walk(options, watch);
  } catch (error) {
    // Whatever broke after the watch had fired broke because of it.
    throw watch.fired() ?? hotErrorOf(error, `fetching ${options.contentKey}`);
  } finally {
    watch.end();
  }
}

async function walk({ rpc, sizeOf, contentKey }: FetchOptions, watch: Watch): Promise<FetchProgress> {
  const root = parseCid(contentKey);
  const sizes = createSizing((cid) => sizeOf(cid, watch.signal), watch.sized);
  const arrived = async (cid: CID) => {
    if (isIdentity(cid)) return watch.seen();
    watch.counted();
    await sizes.add(cid);
  };
  let rootArrived = false;
  for await (const line of rpc.stream('refs', { arg: root.toString(), recursive: true, unique: true }, { signal: watch.signal })) {
    if (!isRecord(line)) throw new RpcError('garbage', 'kubo sent something else than a reference');
    if (typeof line.Err === 'string' && line.Err !== '') throw new RpcError('refused', line.Err);
    if (!rootArrived) await arrived(root);
    rootArrived = true;
    await arrived(cidOfReply(String(line.Ref)));
  }
  if (!rootArrived) await arrived(root);
  await sizes.drained();
  return watch.progress();
}

/** Counts, and ends the fetch by its signal when a limit is broken or nothing has come for too long. */
interface Watch {
  signal: AbortSignal;
  /** Why the signal fired. */
  fired(): HotError | undefined;
  /** Something came that counts for nothing but life. */
  seen(): void;
  /** A block came. */
  counted(): void;
  /** A block's size is known. */
  sized(bytes: number): void;
  progress(): FetchProgress;
  end(): void;
}

function createWatch({ contentKey, limits, onProgress, signal }: FetchOptions): Watch {
  const controller = new AbortController();
  let failure: HotError | undefined;
  let blocks = 0;
  let bytes = 0;
  const soFar = () => `(${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${formatSize(bytes)} so far)`;
  function fail(error: HotError): void {
    failure ??= error;
    controller.abort(failure);
  }
  const aborted = () => fail(new HotError('aborted', `fetching ${contentKey} was stopped ${soFar()}`, { cause: signal.reason }));
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  const stall = setTimeout(
    () => fail(new HotError('stalled', `no peer has sent a block of ${contentKey} for ${seconds(limits.stallMs)} ${soFar()}`)),
    limits.stallMs,
  );
  const timeout = setTimeout(
    () => fail(new HotError('timeout', `${contentKey} could not be fetched within ${seconds(limits.timeoutMs)} ${soFar()}`)),
    limits.timeoutMs,
  );
  return {
    signal: controller.signal,
    fired: () => failure,
    seen: () => void stall.refresh(),
    counted() {
      stall.refresh();
      blocks += 1;
      if (blocks <= limits.dagBlocks) return;
      fail(new HotError('too_many_blocks', `${contentKey} has more than the ${limits.dagBlocks} blocks allowed ${soFar()}`));
      controller.signal.throwIfAborted();
    },
    sized(more) {
      stall.refresh();
      bytes += more;
      if (bytes > limits.dagBytes) {
        fail(new HotError('too_many_bytes', `${contentKey} is larger than the ${formatSize(limits.dagBytes)} allowed ${soFar()}`));
        controller.signal.throwIfAborted();
      }
      onProgress({ blocks, bytes });
    },
    progress: () => ({ blocks, bytes }),
    end() {
      clearTimeout(stall);
      clearTimeout(timeout);
      signal.removeEventListener('abort', aborted);
    },
  };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
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
