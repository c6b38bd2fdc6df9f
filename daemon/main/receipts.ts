import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';

import { isBlockOf } from '../domain/block-hash.ts';
import { parseCid } from '../domain/cid.ts';
import type { BlockSource } from '../domain/cold-ports.ts';
import { type Clock, HotError, type PinStore } from '../domain/ports.ts';
import { type HttpTarget, type Retrieval, RetrievalError } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';
import { createReceipts, type RunningReceipts } from '../receipts.ts';
import type { ComposedCold } from './cold.ts';

export interface ReceiptsParts {
  cold: ComposedCold | undefined;
  pins: PinStore;
  hot: { blocks: BlockSource; gateway(): HttpTarget | undefined };
  retrieval: Retrieval;
  clock: Clock;
  log: Log;
}

/** From a provider, if need be. */
const BLOCK_DEADLINE_MS = 60_000;
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;

/** Undefined without a cold layer. */
export function composeReceipts({ cold, pins, hot, retrieval, clock, log }: ReceiptsParts): RunningReceipts | undefined {
  if (cold === undefined) return undefined;
  const { store, chain, maker } = cold.options;
  return createReceipts({
    pins,
    store,
    chain,
    maker,
    records: cold.records,
    proofs: cold.proofs,
    async rootBlock(contentKey, signal) {
      try {
        return await hot.blocks.block(contentKey, signal);
      } catch (error) {
        if (!(error instanceof HotError) || signal.aborted) throw error;
        return await fetchedBlock(contentKey, hot, retrieval, AbortSignal.any([signal, AbortSignal.timeout(BLOCK_DEADLINE_MS)]));
      }
    },
    clock,
    log,
  });
}

/** As a reader has it who asks for this block of a cold content: the hot tier waits for it, and the retrieval brings it there. */
async function fetchedBlock(contentKey: string, hot: ReceiptsParts['hot'], retrieval: Retrieval, signal: AbortSignal): Promise<Uint8Array> {
  const reading = retrieval.read(contentKey, 'blocks');
  try {
    const bytes = await Promise.race([rawBlock(contentKey, hot.gateway(), signal), reading.failed]);
    if (isBlockOf(parseCid(contentKey), bytes) !== true)
      throw new HotError('invalid', `reading ${contentKey}: what came does not hash to it`);
    return bytes;
  } finally {
    reading.release();
  }
}

async function rawBlock(contentKey: string, target: HttpTarget | undefined, signal: AbortSignal): Promise<Uint8Array> {
  if (target === undefined) throw new HotError('down', 'the hot tier is down');
  const request = 'url' in target && target.url.protocol === 'https:' ? secureRequest : plainRequest;
  const where = 'url' in target ? { host: target.url.hostname, port: target.url.port } : target;
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const sent = request({ ...where, path: `/ipfs/${contentKey}?format=raw`, signal }, (reply) => {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    reply.on('data', (part: Uint8Array) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > BLOCK_BYTES_MAX) reply.destroy(new Error(`more than ${BLOCK_BYTES_MAX} bytes came`));
    });
    reply.on('end', () =>
      reply.statusCode === 200 ? resolve(Buffer.concat(parts)) : reject(new Error(`it answered ${reply.statusCode}`)),
    );
    reply.on('error', reject);
  });
  sent.on('error', reject);
  sent.end();
  return await promise.catch((error: Error) => {
    if (signal.aborted) throw new RetrievalError('none', 'nothing came in time');
    throw new HotError('refused', `reading ${contentKey}: ${error.message}`, { cause: error });
  });
}
