import { readFile } from 'node:fs/promises';
import type { CID } from 'multiformats/cid';

import { isBlockOf } from '../domain/block-hash.ts';
import { parseCid } from '../domain/cid.ts';
import type { BlockSource } from '../domain/cold-ports.ts';
import { HotError } from '../domain/ports.ts';
import { blockFile } from './block-sizes.ts';
import { hotErrorOf } from './hot-errors.ts';
import { type KuboRpc, RpcError } from './kubo-rpc.ts';

/** The bytes of a block, hashed; undefined when this way does not have them. */
export type BlockFile = (cid: CID, signal: AbortSignal) => Promise<Uint8Array | undefined>;

/** One block; kubo's disk may be slow, but it never asks the network. */
const DEADLINE_MS = 30_000;
/** kubo takes in blocks of up to 2 MiB from others and larger ones only when told to. */
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Blocks out of kubo, as many at once as are asked for. kubo has no call for several; `dag/export` streams a whole DAG
 * as a CAR, which would have to be taken apart again to leave out what other contents of a piece have brought.
 *
 * kubo hashed each block when it came, and does not when it gives it out. Bytes that end up in a piece are paid for over years,
 * so each is hashed again.
 */
export function createBlockSource(rpc: KuboRpc, file?: BlockFile): BlockSource {
  return {
    async block(text, signal) {
      try {
        const cid = parseCid(text);
        const near = await file?.(cid, signal);
        if (near !== undefined) return near;
        const bytes = await ask(rpc, cid, signal);
        if (isBlockOf(cid, bytes) === false)
          throw new HotError('invalid', `reading ${text}: its ${bytes.length} bytes are damaged, they do not hash to it`);
        return bytes;
      } catch (error) {
        if (signal.aborted) throw new HotError('aborted', `reading ${text} was stopped`, { cause: error });
        throw hotErrorOf(error, `reading ${text}`);
      }
    },
  };
}

async function ask(rpc: KuboRpc, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
  const options = { deadlineMs: DEADLINE_MS, replyBytesMax: BLOCK_BYTES_MAX, signal };
  try {
    return await rpc.bytes('block/get', { arg: cid.toString(), offline: true }, options);
  } catch (error) {
    // There is but one way in which bytes can be unlike a block.
    if (!(error instanceof RpcError) || error.failure !== 'garbage') throw error;
    throw new HotError('too_many_bytes', `reading ${cid}: the block has more than ${BLOCK_BYTES_MAX} bytes`, { cause: error });
  }
}

/**
 * Blocks as files of a repo of our own: reading one takes a fraction of what kubo's RPC takes. Whatever goes wrong is
 * left to kubo to say.
 */
export function flatfsBlocks(blocksDir: string): { enable(on: boolean): void; blockFile: BlockFile } {
  let enabled = false;
  return {
    enable(on) {
      enabled = on;
    },
    async blockFile(cid, signal) {
      if (!enabled) return undefined;
      try {
        const bytes = await readFile(blockFile(blocksDir, cid), { signal });
        return isBlockOf(cid, bytes) === true ? bytes : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
