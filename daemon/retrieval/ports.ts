import type { OpenedDag } from '../domain/retrieval-ports.ts';

/** A copy with a provider that may be asked for. */
export interface ColdSource extends OpenSource {
  /** Of a content that was cut it has this part; absent when it has all of it. `rootCid` is that of the part's CAR. */
  part?: { cut: string; index: number; of: number; rootCid: string };
  provider: string;
  dealId: string;
  pieceId: string;
}

/** Somebody else who may have it. */
export interface FoundSource extends OpenSource {
  /** A peer id, or a host. */
  elsewhere: string;
  /** It is given up after this, however much has come. */
  wholeMs: number;
}

export type AnySource = ColdSource | FoundSource;

interface OpenSource {
  /** The DAG under the content's root, or the part's; rejects with a ColdError. */
  open(signal: AbortSignal): Promise<OpenedDag>;
  /** More than so many bytes cannot be in it: who sends more sends without end. */
  bytesMax: number;
  /** From asking to the first byte; a maker may have to fetch all before it gives any. */
  firstByteMs: number;
}
