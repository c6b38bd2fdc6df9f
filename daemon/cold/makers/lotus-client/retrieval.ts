import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { unlessAborted } from '../../../domain/abort.ts';
import { ColdError } from '../../../domain/cold-ports.ts';
import type { BuiltPiece } from '../../../domain/piece.ts';
import type { OpenedDag } from '../../../domain/retrieval-ports.ts';
import { attoOf, cidLink, cidOf, type Fields, fieldsOf, idOf, integerOf, listOf, textOf } from '../../chain/fields.ts';
import type { LotusRpc } from '../../chain/lotus-rpc.ts';
import { openCarIndex } from '../../pieces/car-index.ts';

export interface RetrievalOptions {
  rpc: LotusRpc;
  /** A directory that Lotus sees under the same path; made when it is missing. What lies in it is ours to delete. */
  directory: string;
  /** The most that is paid for one piece. Above 0 a retrieval that was paid for is never paid for again. */
  priceMaxAtto: bigint;
  /** From the order to the last byte on the disk. */
  deadlineMs: number;
}

/** What a provider offers. `order` goes back to it as it came. */
interface Offer {
  priceAtto: bigint;
  order: Fields;
  peerId: string;
}

const OFFER_DEADLINE_MS = 30_000;
/** One wait: shorter than native fetch waits for the head of a reply. */
const WAIT_SLICE_MS = 120_000;
const WAIT_PAUSE_MS = 500;
const READ_BYTES = 256 * 1024;
/** When the daemon goes down, exports that Lotus is writing have so long to end. */
const EXPORT_GRACE_MS = 5_000;
const COMPLETED = 15;
const FAILED: readonly number[] = [8, 9, 16, 17, 23, 25, 26, 31, 32, 33];
/** ClientRetrieve and the like answer as soon as the retrieval is on its way. */
const ORDER_DEADLINE_MS = 60_000;

export interface Retrieval {
  price(provider: string, piece: BuiltPiece, signal: AbortSignal): Promise<bigint | undefined>;
  bytes(provider: string, client: () => Promise<string>, piece: BuiltPiece, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Refused when it costs more than `priceMaxAtto`, here and of all retrievals. */
  open(
    provider: string,
    client: () => Promise<string>,
    piece: BuiltPiece,
    rootCid: string,
    signal: AbortSignal,
    priceMaxAtto?: bigint,
  ): Promise<OpenedDag>;
  /** For when nothing is retrieved any more: removes what is left in the directory of what was. Never rejects. */
  close(): Promise<void>;
}

export function createRetrieval({ rpc, directory, priceMaxAtto, deadlineMs }: RetrievalOptions): Retrieval {
  /** Files being written or read now. Others in the directory are left over from a process that died. */
  const inUse = new Set<string>();
  const exports = new Set<Promise<unknown>>();
  const closing = new AbortController();
  let files = 0;

  async function offerOf(provider: string, piece: BuiltPiece, rootCid: string, signal: AbortSignal): Promise<Offer | string> {
    const params = [provider, cidLink(rootCid), cidLink(piece.pieceCid)];
    const offer = fieldsOf(await rpc.call('ClientMinerQueryOffer', params, { signal, deadlineMs: OFFER_DEADLINE_MS }), 'offer');
    const problem = textOf(offer.Err, 'error of an offer');
    if (problem !== '') return problem;
    if (cidOf(offer.Root, 'root of an offer') !== rootCid) throw new ColdError('unreachable', 'Lotus sent an offer for something else');
    const peer = fieldsOf(offer.MinerPeer, 'peer of an offer');
    return { priceAtto: attoOf(offer.MinPrice, 'price of an offer'), order: offer, peerId: textOf(peer.ID, 'peer id') };
  }

  /**
   * A priced retrieval of the same by the same provider that was begun before, whatever became of it: on the real node one
   * that was paid in full never ended, three times of three, and asking again would have paid again.
   */
  async function begunBefore(rootCid: string, { peerId }: Offer, signal: AbortSignal): Promise<number | bigint | undefined> {
    const all = listOf(await rpc.call('ClientListRetrievals', [], { signal }), 'retrievals').map((one) => fieldsOf(one, 'retrieval'));
    const same = all.filter(
      (one) => one.Provider === peerId && cidOf(one.PayloadCID, 'payload CID') === rootCid && one.PricePerByte !== '0',
    );
    const status = (one: Fields): number => integerOf(one.Status, 'status of a retrieval');
    const open = same.find((one) => status(one) === COMPLETED) ?? same.find((one) => !FAILED.includes(status(one)));
    if (open !== undefined) return idOf(open.ID, 'retrieval id');
    if (same.some((one) => one.TotalPaid !== '0'))
      throw new ColdError('refused', 'this was paid for before and did not come; it is not paid for again');
    return undefined;
  }

  async function begin(
    offer: Offer,
    client: () => Promise<string>,
    rootCid: string,
    signal: AbortSignal,
    mostAtto: bigint,
  ): Promise<number | bigint> {
    if (offer.priceAtto > mostAtto || offer.priceAtto > priceMaxAtto)
      throw new ColdError('refused', `the provider asks ${offer.priceAtto} attoFIL for it, more than is allowed`);
    const earlier = offer.priceAtto > 0n ? await begunBefore(rootCid, offer, signal) : undefined;
    if (earlier !== undefined) return earlier;
    const { order } = offer;
    const params = {
      Root: order.Root,
      Piece: order.Piece,
      DataSelector: null,
      Size: order.Size,
      RemoteStore: null,
      Total: order.MinPrice,
      UnsealPrice: order.UnsealPrice,
      PaymentInterval: order.PaymentInterval,
      PaymentIntervalIncrease: order.PaymentIntervalIncrease,
      Client: await client(),
      Miner: order.Miner,
      MinerPeer: order.MinerPeer,
    };
    const begun = await rpc.call('ClientRetrieve', [params], { signal, deadlineMs: ORDER_DEADLINE_MS });
    return idOf(fieldsOf(begun, 'retrieval').DealID, 'retrieval id');
  }

  /** Asked again when an answer fails to come: Lotus looks at where the retrieval is before it waits. */
  async function wait(id: number | bigint, signal: AbortSignal): Promise<void> {
    for (let left = Math.ceil(deadlineMs / WAIT_SLICE_MS); ; left--) {
      try {
        await rpc.call('ClientRetrieveWait', [id], { signal, deadlineMs: WAIT_SLICE_MS });
        return;
      } catch (error) {
        if (!(error instanceof ColdError) || error.failure !== 'unreachable' || left <= 1) throw error;
      }
      await sleep(WAIT_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Rejects when it is stopped. Lotus does not hear of that and writes its file to the end: only then can it be removed. */
  async function exportTo(file: string, id: number | bigint, rootCid: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const what = { Root: cidLink(rootCid), DAGs: [], FromLocalCAR: '', DealID: id };
    inUse.add(file);
    const exporting = rpc.call('ClientExport', [what, { Path: file, IsCAR: true }], { signal: closing.signal, deadlineMs });
    const removed = exporting.then(
      () => (signal.aborted ? release(file) : undefined),
      () => release(file),
    );
    exports.add(removed);
    void removed.finally(() => exports.delete(removed));
    try {
      await unlessAborted(exporting, signal);
    } catch (error) {
      if (!signal.aborted) await removed;
      throw error;
    }
  }

  /** What is offered under the CID of a content in the piece, or else the whole piece: providers need not know every CID in it. */
  async function offerFor(
    provider: string,
    piece: BuiltPiece,
    rootCid: string,
    signal: AbortSignal,
  ): Promise<{ offer: Offer; rootCid: string }> {
    const first = await offerOf(provider, piece, rootCid, signal);
    if (typeof first !== 'string') return { offer: first, rootCid };
    const whole = rootCid === piece.rootCid ? first : await offerOf(provider, piece, piece.rootCid, signal);
    if (typeof whole !== 'string') return { offer: whole, rootCid: piece.rootCid };
    throw new ColdError('refused', `the provider does not offer it: ${first}`);
  }

  /** Lotus hands out nothing before it has fetched all of it; then it is a file of this machine, in which any block is found at once. */
  async function open(
    provider: string,
    client: () => Promise<string>,
    piece: BuiltPiece,
    rootCid: string,
    signal: AbortSignal,
    mostAtto = priceMaxAtto,
  ): Promise<OpenedDag> {
    const limit = AbortSignal.timeout(deadlineMs);
    const until = AbortSignal.any([signal, limit]);
    let file: string | undefined;
    try {
      const offered = await offerFor(provider, piece, rootCid, until);
      const id = await begin(offered.offer, client, offered.rootCid, until, mostAtto);
      await wait(id, until);
      await tidy(directory, inUse);
      files += 1;
      const path = join(directory, `retrieved-${id}-${files}.car`);
      await exportTo(path, id, offered.rootCid, until);
      file = path;
      return await openExported(path, () => release(path));
    } catch (error) {
      await release(file);
      if (limit.aborted && !signal.aborted) throw new ColdError('unreachable', `the piece did not come back within ${deadlineMs / 1000} s`);
      throw retrievalError(error, signal);
    }
  }

  async function release(file: string | undefined): Promise<void> {
    if (file === undefined) return;
    await rm(file, { force: true }).catch(() => undefined);
    inUse.delete(file);
  }

  async function* bytes(
    provider: string,
    client: () => Promise<string>,
    piece: BuiltPiece,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const dag = await open(provider, client, piece, piece.rootCid, signal);
    try {
      yield* dag.car(signal);
    } finally {
      await dag.close();
    }
  }

  return {
    bytes,
    open,
    async price(provider, piece, signal) {
      const offer = await offerOf(provider, piece, piece.rootCid, signal);
      return typeof offer === 'string' ? undefined : offer.priceAtto;
    },
    async close() {
      const patience = setTimeout(() => closing.abort(), EXPORT_GRACE_MS);
      await Promise.all(exports);
      clearTimeout(patience);
      await Promise.all([...inUse].map(release));
    },
  };
}

async function openExported(file: string, release: () => Promise<void>): Promise<OpenedDag> {
  const index = await openCarIndex(file);
  let closed: Promise<void> | undefined;
  return {
    async *car(signal) {
      try {
        for await (const chunk of createReadStream(file, { signal, highWaterMark: READ_BYTES })) yield chunk as Uint8Array;
      } catch (error) {
        throw retrievalError(error, signal);
      }
    },
    async block(cid, signal) {
      try {
        signal.throwIfAborted();
        return await index.block(cid);
      } catch (error) {
        throw retrievalError(error, signal);
      }
    },
    close() {
      closed ??= index
        .close()
        .catch(() => undefined)
        .then(release);
      return closed;
    },
  };
}

async function tidy(directory: string, inUse: ReadonlySet<string>): Promise<void> {
  await mkdir(directory, { recursive: true });
  const files = (await readdir(directory)).filter((name) => /^retrieved-[\d-]+\.car$/.test(name)).map((name) => join(directory, name));
  for (const file of files.filter((one) => !inUse.has(one))) await rm(file, { force: true });
}

function retrievalError(error: unknown, signal: AbortSignal): ColdError {
  if (error instanceof ColdError) return error;
  if (signal.aborted) return new ColdError('aborted', 'the retrieval was stopped');
  if ((error as NodeJS.ErrnoException).code === 'ENOENT')
    return new ColdError(
      'refused',
      'what Lotus exported is not to be seen here: [cold] staging must be one directory under one path for both',
    );
  return new ColdError('unreachable', `what came back cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
