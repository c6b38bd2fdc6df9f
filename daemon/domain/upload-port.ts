import type { CID } from 'multiformats/cid';

import type { Pin, PinRequest } from './pin.ts';

/** What is wrong with an upload. */
export type UploadFault =
  /** The bytes are no CAR, or no form of files. */
  | 'malformed'
  /** They end in the middle. */
  | 'cut'
  /** A block that is not the one that its CID names. */
  | 'bad_block'
  /** A codec or a hash function that is not known here, or a block that is not of the codec that its CID says. */
  | 'unsupported'
  /** No root, several, or one that is not among the blocks. */
  | 'bad_root'
  /** Blocks are missing below the root. */
  | 'incomplete'
  /** More bytes or blocks than one pin may have, or a block larger than nodes take from each other. */
  | 'too_large'
  /** The client sends nothing, or next to nothing. */
  | 'stalled'
  /** As many run as may, of all or of this account. */
  | 'busy';

/** The message is for the client. */
export class UploadError extends Error {
  readonly fault: UploadFault;

  constructor(fault: UploadFault, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UploadError';
    this.fault = fault;
  }
}

/** What an upload has brought into the hot tier, unpinned. */
export interface Uploaded {
  root: CID;
  bytes: number;
  /** Distinct ones; not known where the hot tier made them. */
  blocks?: number;
}

/**
 * One upload, from its first byte to its pin. Rejections: UploadErrors; `STORAGE_FULL` and `UNAVAILABLE`; and what the source
 * itself throws.
 */
export interface Upload {
  /** Takes one CAR of either version, with its blocks in any order: all of the DAG of its one root must be in it. */
  takeCar(source: AsyncIterable<Uint8Array>): Promise<Uploaded>;
  /** Takes the form that kubo's `add` takes; its outermost file or directory is the root. */
  takeFiles(form: AsyncIterable<Uint8Array>, contentType: string, onBytes: (bytes: number) => void): Promise<Uploaded>;
  /** Pins what was taken; until that has come about, nothing of it is deleted. Rejects as {@link PinStore.add} does. */
  pin(request: PinRequest): Promise<Pin>;
  /** In any case, at the end. Idempotent. */
  end(): void;
}

/** Takes contents in from those who have no node. */
export interface Uploads {
  /**
   * Begins one, unless there is no room or no hot tier. While unpinned blocks are being deleted it is waited for a moment.
   * Rejects with an UploadError `busy` or `too_large`, `STORAGE_FULL` and `UNAVAILABLE`.
   *
   * @param bytes how many the files have, where that is known beforehand
   */
  begin(accountId: string, signal: AbortSignal, bytes?: number): Promise<Upload>;
}

/** Files into the hot tier. All rejections are HotErrors, or what the source itself throws. */
export interface FileIntake {
  /**
   * Makes a UnixFS DAG of the files of a form, unpinned: `application/octet-stream` and `application/x-directory` parts with
   * their paths, and `application/symlink` ones. Resolves with the last root, which is the one that holds the others, and with
   * the bytes of all blocks below it, those that come twice counted twice.
   */
  add(form: AsyncIterable<Uint8Array>, contentType: string, signal: AbortSignal): Promise<{ root: CID; dagBytes: number }>;
}
