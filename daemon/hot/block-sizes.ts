import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { base32upper } from 'multiformats/bases/base32';
import { equals, fromHex } from 'multiformats/bytes';
import { CID } from 'multiformats/cid';

import { HotError } from '../domain/ports.ts';
import { isRecord, type KuboRpc, RpcError } from './kubo-rpc.ts';

/** The size of a block that is here, in bytes; undefined when this way of asking does not know. */
export type SizeOf = (cid: CID, signal: AbortSignal) => Promise<number | undefined>;

const IDENTITY = 0x00;

/**
 * A block whose bytes are its own CID. It lies in the block that links to it, so it is neither fetched nor stored, and
 * counts as no block of no bytes.
 */
export function isIdentity(cid: CID): boolean {
  return cid.multihash.code === IDENTITY;
}

const STAT_DEADLINE_MS = 30_000;

/** Asks kubo, which does not look beyond what it has. */
export function rpcSizes(rpc: KuboRpc): (cid: CID, signal: AbortSignal) => Promise<number> {
  return async (cid, signal) => {
    const reply = await rpc.call('block/stat', { arg: cid.toString(), offline: true }, { deadlineMs: STAT_DEADLINE_MS, signal });
    if (!isRecord(reply) || typeof reply.Size !== 'number') throw new RpcError('garbage', 'kubo did not say how large a block is');
    return reply.Size;
  };
}

/**
 * Looks at the file of the block in a repo of our own: forty times cheaper than asking kubo, which with small blocks
 * would take longer than fetching them.
 */
export function flatfsSizes(blocksDir: string): { enable(on: boolean): void; sizeOf: SizeOf } {
  let enabled = false;
  return {
    enable(on) {
      enabled = on;
    },
    async sizeOf(cid) {
      if (!enabled) return undefined;
      try {
        return (await stat(blockFile(blocksDir, cid))).size;
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * A way to sizes that does not take an empty file for a block. A power cut can leave one, from before our repo wrote
 * with fsync, and kubo reads it as a node without links. It is taken away, so that the next fetch brings the block.
 */
export function withoutEmptyBlocks(sizeOf: (cid: CID, signal: AbortSignal) => Promise<number>, rpc: KuboRpc): typeof sizeOf {
  return async (cid, signal) => {
    const size = await sizeOf(cid, signal);
    if (size > 0 || cid.multihash.code !== SHA2_256 || equals(cid.multihash.digest, EMPTY_SHA2_256)) return size;
    await rpc.call('block/rm', { arg: cid.toString(), force: true }, { deadlineMs: STAT_DEADLINE_MS, signal });
    throw new HotError('refused', `the block ${cid} lay empty on disk and was removed: it has to be fetched again`);
  };
}

const SHA2_256 = 0x12;
const EMPTY_SHA2_256 = fromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

/** `<dir>/<the two characters before the last>/<base32 of the multihash, upper case>.data` */
export function blockFile(blocksDir: string, cid: CID): string {
  const key = base32upper.baseEncode(cid.multihash.bytes);
  return join(blocksDir, key.slice(-3, -1), `${key}.data`);
}

/** Text to CID for what kubo sends: always a CID, in base32 or base58. */
export function cidOfReply(text: string): CID {
  try {
    return CID.parse(text);
  } catch (cause) {
    throw new RpcError('garbage', `kubo sent ${JSON.stringify(text.slice(0, 80))} for a CID`, { cause });
  }
}
