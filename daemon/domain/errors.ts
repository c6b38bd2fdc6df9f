/**
 * An error a person can act on. `code` is stable and machine-readable; the message says what happened, to what,
 * and what to do. Only `api/errors.ts` turns it into HTTP and only `cli/exit.ts` into an exit code.
 */
export class FbpdError extends Error {
  readonly code: ErrorCode;
  /** The request field, config key or CID that the error is about. */
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, options: { subject?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'FbpdError';
    this.code = code;
    this.subject = options.subject;
  }
}

/** Every code, and what it means to the caller. */
export type ErrorCode =
  /** A field of the request is malformed: `subject` names it. */
  | 'BAD_REQUEST'
  /** No such pin, account, token or route — or it belongs to somebody else, which looks the same on purpose. */
  | 'NOT_FOUND'
  /** The thing exists already, or changed underneath the request. */
  | 'CONFLICT'
  /** The account is suspended. */
  | 'ACCOUNT_SUSPENDED'
  /** The operator has blocked this CID. */
  | 'CID_BLOCKED'
  /** `created` would run more than five seconds ahead of the clock: slow down. */
  | 'TOO_MANY_REQUESTS'
  /** The disk is full: nothing was written, and the store heals by itself when there is room. */
  | 'STORAGE_FULL'
  /** The store is reopening after a full disk, or the daemon is going down. */
  | 'UNAVAILABLE'
  /** The store is damaged, vanished, of another schema, or locked: the message says which and what to do. */
  | 'STORE_DAMAGED'
  | 'STORE_LOCKED'
  /** The store hit an I/O error that is not a full disk: the daemon must end. */
  | 'STORE_IO'
  /** The config file is unreadable, or the key in `subject` is unknown, malformed or contradicts another. */
  | 'BAD_CONFIG'
  /** The environment is wrong: no kubo, an occupied port, an unreadable directory. */
  | 'BAD_ENVIRONMENT'
  /** The daemon could not be reached over its admin socket. */
  | 'UNREACHABLE';

/** True for an {@link FbpdError}, of the given code if one is given. */
export function isFbpdError(error: unknown, code?: ErrorCode): error is FbpdError {
  return error instanceof FbpdError && (code === undefined || error.code === code);
}
