import { FbpdError, isFbpdError } from '../../domain/errors.ts';

/** What an error of LevelDB means to us. */
export type LevelFailure =
  /** No room on the disk, or a quota is used up. */
  | 'full'
  /** Another process has it open. */
  | 'locked'
  /** LevelDB itself found a file damaged, cut short or missing. */
  | 'corrupt'
  /** Our own handle was closed under the call. */
  | 'closed'
  /** Not ours to read or write. */
  | 'denied'
  /** Any other I/O error. */
  | 'io'
  /** Not about the disk at all. */
  | 'other';

/** glibc's and musl's words for ENOSPC and EDQUOT: LevelDB passes no number on. */
const FULL_TEXT = /no space left on device|quota exceeded/i;
const DENIED_TEXT = /permission denied|operation not permitted|read-only file system/i;
const DENIED_CODES: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);
/** A read behind the end of a table, and a table that is not there. */
const CORRUPT_TEXT = /invalid argument|no such file or directory/i;
const FULL_CODES: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);
const CLOSED_CODES: ReadonlySet<unknown> = new Set(['LEVEL_DATABASE_NOT_OPEN', 'LEVEL_ITERATOR_NOT_OPEN', 'LEVEL_ITERATOR_BUSY']);

/** Judges an error and the causes behind it: `level` wraps what LevelDB said. */
export function failureOf(error: unknown): LevelFailure {
  let failure: LevelFailure = 'other';
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = 'code' in cause ? cause.code : undefined;
    if (code === 'LEVEL_LOCKED') return 'locked';
    if (FULL_CODES.has(code) || FULL_TEXT.test(cause.message)) return 'full';
    if (code === 'LEVEL_CORRUPTION' || (code === 'LEVEL_IO_ERROR' && CORRUPT_TEXT.test(cause.message))) return 'corrupt';
    if (CLOSED_CODES.has(code)) failure = 'closed';
    if (DENIED_CODES.has(code) || (code === 'LEVEL_IO_ERROR' && DENIED_TEXT.test(cause.message))) return 'denied';
    if (code === 'LEVEL_IO_ERROR' || 'errno' in cause) failure = 'io';
  }
  return failure;
}

/** What LevelDB said, without the wrapping. */
export function textOf(error: unknown): string {
  let text = String(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) text = cause.message;
  return text;
}

export function storageFull(cause?: unknown): FbpdError {
  return new FbpdError('STORAGE_FULL', 'store: the disk is full, nothing was written; it goes on by itself when there is room', { cause });
}

export function unavailable(why: string, cause?: unknown): FbpdError {
  return new FbpdError('UNAVAILABLE', `store: ${why}; try again in a moment`, { cause });
}

export function damaged(what: string, todo: string, cause?: unknown): FbpdError {
  return new FbpdError('STORE_DAMAGED', `store: ${what}. ${todo}`, { cause });
}

export const RESTORE = 'Restore the store from a backup; `fbpd check` lists what can still be read.';

/** What ends the store for good. */
export function fatalError(levelDir: string, cause: unknown): FbpdError {
  if (isFbpdError(cause)) return cause;
  if (failureOf(cause) === 'corrupt') return new FbpdError('STORE_DAMAGED', `store: ${levelDir}: ${textOf(cause)}. ${RESTORE}`, { cause });
  return new FbpdError(
    'STORE_IO',
    `store: an I/O error in ${levelDir}: ${textOf(cause)}. The daemon ends; see to the disk, then start it again and run \`fbpd check\`.`,
    { cause },
  );
}
