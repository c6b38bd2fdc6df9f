import type { CID } from 'multiformats/cid';
import { CID as Cids } from 'multiformats/cid';

import { isBlockOf } from '../../../domain/block-hash.ts';
import { ColdError } from '../../../domain/cold-ports.ts';
import type { BuiltPiece } from '../../../domain/piece.ts';
import type { PieceLayouts } from '../../../domain/piece-layout.ts';
import type { OpenedDag } from '../../../domain/retrieval-ports.ts';
import { encodeHeader } from '../../pieces/car-format.ts';
import { assertGiven, Priced, worseOf } from './answered.ts';
import { type Begun, openedDag, upTo } from './begun.ts';
import type { HttpClient, HttpReply } from './http.ts';
import { openRangedDag } from './ranged-dag.ts';
import { createRanges, RangeFault } from './ranges.ts';

export interface RetrievalOptions {
  http: HttpClient;
  /** To the first byte of an answer. */
  firstByteMs: number;
  /** The same where only the price is asked. */
  priceMs: number;
  /** Between two parts of it. */
  stallMs: number;
  /** Where blocks lie in pieces. */
  layouts: PieceLayouts;
}

/** HTTP servers of one provider, in the order in which they are to be asked. */
export type Gateways = (signal: AbortSignal) => AsyncIterable<string>;

/** More FIL than there is: who wants to be paid over HTTP does not say how much. */
const PRICE_UNKNOWN_ATTO = 2n ** 100n;

const REDIRECTS_MAX = 3;
/** Indexers take no larger ones. */
const BLOCK_BYTES_MAX = 8 * 1024 * 1024;

const CAR_TYPE = 'application/vnd.ipld.car;version=1;order=dfs;dups=y';
const RAW_TYPE = 'application/vnd.ipld.raw';

/** One question to a server. */
interface Question {
  url: URL;
  headers: Readonly<Record<string, string>>;
  /** What comes after so many bytes is not wanted. */
  bytesMax?: number;
  deadlineMs?: number;
}

export interface Retrieval {
  /** The piece's CAR: its very bytes from `/piece` where there is that, else its DAG. */
  bytes(gateways: Gateways, piece: BuiltPiece, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The DAG under one CID, from a gateway, else by ranges out of the piece, else the whole piece. */
  open(gateways: Gateways, piece: BuiltPiece & { id: string }, rootCid: string, signal: AbortSignal): Promise<OpenedDag>;
  /** The DAG under one CID from whoever has it, from gateways alone. */
  openElsewhere(gateways: Gateways, rootCid: string, signal: AbortSignal): Promise<OpenedDag>;
  /** 0 where it is given; {@link PRICE_UNKNOWN_ATTO} where it is to be paid for; undefined where it is not given. */
  price(gateways: Gateways, piece: BuiltPiece, signal: AbortSignal): Promise<bigint | undefined>;
}

/** Bytes back over HTTP. Nothing that comes is believed: who reads it hashes it. */
export function createRetrieval({ http, firstByteMs, priceMs, stallMs, layouts }: RetrievalOptions): Retrieval {
  async function ask({ url, headers, deadlineMs = firstByteMs }: Question, signal: AbortSignal): Promise<HttpReply> {
    return await http.request(url, { method: 'GET', headers, deadlineMs, stallMs, redirectsMax: REDIRECTS_MAX, signal });
  }

  /** 200 is no success: a real provider answers so with no bytes at all for what it does not have. */
  async function begin(question: Question, signal: AbortSignal): Promise<Begun> {
    const { url, bytesMax } = question;
    const reply = await ask(question, signal);
    try {
      assertGiven(reply, url);
      const parts = reply.body[Symbol.asyncIterator]();
      const first = await parts.next();
      if (first.done === true) throw new ColdError('refused', `${url.host} answered with nothing at all`);
      return { bytes: upTo(bytesMax, first.value, parts), close: reply.close };
    } catch (error) {
      reply.close();
      throw error;
    }
  }

  /** Of a piece, by the place that its layout has for it; undefined where there is none. */
  async function ranged(origin: string, piece: BuiltPiece & { id: string }, root: CID, signal: AbortSignal) {
    const layout = await layouts.of(piece);
    const { url } = pieceQuestion(origin, piece);
    const read = createRanges({ url, ask: (headers, until) => ask({ url, headers }, until) });
    return layout && (await openRangedDag({ read, layout, root, host: url.host }, signal));
  }

  /** By ranges where that can be done, else all of it from its beginning. */
  async function openPiece(origin: string, piece: BuiltPiece & { id: string }, root: CID, signal: AbortSignal): Promise<OpenedDag> {
    const dag = await ranged(origin, piece, root, signal).catch((error: unknown) => {
      if (error instanceof RangeFault) return undefined;
      throw error;
    });
    if (dag !== undefined) return dag;
    const question = pieceQuestion(origin, piece);
    return openedDag(await begin(question, signal), (until) => begin(question, until), undefined);
  }

  async function openDag(origin: string, root: CID, beside: Beside, signal: AbortSignal): Promise<OpenedDag> {
    const question = dagQuestion(origin, root.toString());
    const begun = await begin(question, signal);
    try {
      const blocks = (await givesBlocks(origin, root, signal))
        ? (cid: CID, until: AbortSignal) => blockFrom(origin, cid, until)
        : await beside(origin, signal);
      return openedDag(begun, (until) => begin(question, until), blocks);
    } catch (error) {
      begun.close();
      throw error;
    }
  }

  /** Servers that cannot give single blocks must not be thought to: readers would wait for what never comes. */
  async function givesBlocks(origin: string, root: CID, signal: AbortSignal): Promise<boolean> {
    const bytes = await blockFrom(origin, root, signal).catch(unlessStopped);
    return bytes !== undefined && isBlockOf(root, bytes) === true;
  }

  async function blockFrom(origin: string, cid: CID, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const reply = await ask({ url: new URL(`/ipfs/${cid}?format=raw`, origin), headers: { accept: RAW_TYPE } }, signal);
    try {
      if (reply.status >= 400 && reply.status < 500 && reply.status !== 429) return undefined;
      if (reply.status !== 200) throw new ColdError('unreachable', `HTTP ${reply.status} from ${origin} instead of a block`);
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const part of reply.body) {
        bytes += part.length;
        if (bytes > BLOCK_BYTES_MAX) throw new ColdError('unreachable', `${origin} sends more than a block has`);
        parts.push(part);
      }
      return bytes === 0 ? undefined : Buffer.concat(parts);
    } finally {
      reply.close();
    }
  }

  /** A gateway need not give CARs: all of it is asked for block by block then. */
  async function openBlocks(origin: string, root: CID, signal: AbortSignal): Promise<OpenedDag> {
    const { host } = new URL(origin);
    if (!(await givesBlocks(origin, root, signal))) throw new ColdError('refused', `${host} gives neither its CAR nor its root block`);
    return {
      async *car() {
        yield encodeHeader(root);
      },
      block: (cid, until) => blockFrom(origin, cid, until),
      close: async () => undefined,
    };
  }

  return {
    async *bytes(gateways, piece, signal) {
      const ways = (origin: string) => [pieceQuestion(origin, piece), dagQuestion(origin, piece.rootCid)];
      const begun = await firstThatGives(gateways, (origin) => ways(origin).map((question) => () => begin(question, signal)), signal);
      try {
        yield* begun.bytes;
      } finally {
        begun.close();
      }
    },
    async open(gateways, piece, rootCid, signal) {
      const root = Cids.parse(rootCid);
      // What a gateway does not give one by one may come out of the piece.
      const beside: Beside = async (origin, until) => {
        const dag = await ranged(origin, piece, root, until).catch(unlessStopped);
        return dag && ((cid, stop) => dag.block(cid, stop));
      };
      const ways = (origin: string) => [() => openDag(origin, root, beside, signal), () => openPiece(origin, piece, root, signal)];
      return await firstThatGives(gateways, ways, signal);
    },
    async openElsewhere(gateways, rootCid, signal) {
      const root = Cids.parse(rootCid);
      const nothing: Beside = async () => undefined;
      const ways = (origin: string) => [() => openDag(origin, root, nothing, signal), () => openBlocks(origin, root, signal)];
      return await firstThatGives(gateways, ways, signal);
    },
    async price(gateways, piece, signal) {
      const ways = (origin: string): (() => Promise<Begun>)[] => {
        const { url } = pieceQuestion(origin, piece);
        const firstByte = { url, headers: { range: 'bytes=0-0' }, bytesMax: 1, deadlineMs: priceMs };
        const questions = [firstByte, { ...dagQuestion(origin, piece.rootCid), deadlineMs: priceMs }];
        return questions.map((question) => () => begin(question, signal));
      };
      try {
        (await firstThatGives(gateways, ways, signal)).close();
        return 0n;
      } catch (error) {
        if (error instanceof Priced) return PRICE_UNKNOWN_ATTO;
        if (error instanceof ColdError && error.failure === 'refused') return undefined;
        throw error;
      }
    },
  };
}

/** Single blocks, from elsewhere than a gateway; undefined where there are none. */
type Beside = (origin: string, signal: AbortSignal) => Promise<OpenedDag['block']>;

function unlessStopped(error: unknown): undefined {
  if (error instanceof ColdError && error.failure !== 'aborted') return undefined;
  throw error;
}

/** The first server, and of its ways the first, that gives something. */
async function firstThatGives<T>(
  gateways: Gateways,
  ways: (origin: string) => readonly (() => Promise<T>)[],
  signal: AbortSignal,
): Promise<T> {
  let failure: ColdError | undefined;
  const note = (error: unknown): void => {
    if (!(error instanceof ColdError) || error.failure === 'aborted') throw error;
    failure = worseOf(failure, error);
  };
  try {
    for await (const origin of gateways(signal))
      for (const way of ways(origin)) {
        try {
          return await way();
        } catch (error) {
          note(error);
        }
      }
  } catch (error) {
    note(error);
  }
  throw failure ?? new ColdError('refused', 'the provider names no HTTP server from which it gives bytes back');
}

/** `/ipfs`, as trustless gateways have it. */
function dagQuestion(origin: string, rootCid: string): Question {
  return { url: new URL(`/ipfs/${rootCid}?format=car&dag-scope=all`, origin), headers: { accept: CAR_TYPE } };
}

/** The CAR alone, without the zeros that fill the piece up, be it that the server gives all of it. */
function pieceQuestion(origin: string, { pieceCid, carSizeBytes }: BuiltPiece): Question {
  return {
    url: new URL(`/piece/${pieceCid}`, origin),
    headers: { range: `bytes=0-${carSizeBytes - 1}` },
    bytesMax: carSizeBytes,
  };
}
