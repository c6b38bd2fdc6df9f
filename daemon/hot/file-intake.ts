import type { CID } from 'multiformats/cid';

import { HotError } from '../domain/ports.ts';
import type { FileIntake } from '../domain/upload-port.ts';
import { cidOfReply } from './block-sizes.ts';
import { hotErrorOf } from './hot-errors.ts';
import { isRecord, type KuboRpc, RpcError, type RpcParams } from './kubo-rpc.ts';

/**
 * How files become blocks: CIDv1, raw leaves of 1 MiB, 1024 links a node, as the common profile `unixfs-v1-2025` has it. All of
 * it is said, so that no configuration of a kubo that is not ours makes another CID of the same bytes.
 */
const PARAMS: RpcParams = {
  'cid-version': 1,
  hash: 'sha2-256',
  'raw-leaves': true,
  chunker: 'size-1048576',
  'max-file-links': 1024,
  'max-directory-links': 0,
  'max-hamt-fanout': 256,
  trickle: false,
  inline: false,
  nocopy: false,
  fscache: false,
  'preserve-mode': false,
  'preserve-mtime': false,
  'wrap-with-directory': false,
  // The pin reconciler pins, and writes first whose pin it is.
  pin: false,
  progress: true,
  'fast-provide-root': false,
};

/** It tells of each 256 KiB; the slowest client that is waited for takes some minutes for these. */
const SILENCE_MS = 10 * 60_000;

/** Files into kubo by its `add`, which makes UnixFS of them. */
export function createFileIntake(rpc: KuboRpc): FileIntake {
  return {
    async add(form, contentType, signal) {
      let added: { root: CID; dagBytes: number } | undefined;
      try {
        for await (const line of rpc.stream('add', PARAMS, { signal, idleMs: SILENCE_MS, body: { contentType, parts: form } })) {
          // Of bytes it has read, or of a file or directory that is done: the outermost comes last.
          if (isRecord(line) && typeof line.Hash === 'string') added = { root: cidOfReply(line.Hash), dagBytes: Number(line.Size) };
        }
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        throw hotErrorOf(error, 'adding files');
      }
      if (added === undefined) throw new HotError('invalid', 'adding files: there was none in the form');
      return added;
    },
  };
}
