import { type ErrorCode, isFbpdError } from '../domain/errors.ts';

/** What the process ends with. `bootstrap.mjs` knows `environment` too. */
export const EXIT = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  badConfig: 3,
  unreachable: 4,
  environment: 5,
  storeDamaged: 6,
  refused: 7,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const EXIT_OF_CODE: Readonly<Record<ErrorCode, ExitCode>> = {
  BAD_REQUEST: EXIT.wrongUse,
  NOT_FOUND: EXIT.failed,
  CONFLICT: EXIT.failed,
  ACCOUNT_SUSPENDED: EXIT.refused,
  CID_BLOCKED: EXIT.refused,
  TOO_MANY_REQUESTS: EXIT.failed,
  STORAGE_FULL: EXIT.environment,
  UNAVAILABLE: EXIT.failed,
  STORE_DAMAGED: EXIT.storeDamaged,
  STORE_LOCKED: EXIT.environment,
  STORE_IO: EXIT.environment,
  BAD_CONFIG: EXIT.badConfig,
  BAD_ENVIRONMENT: EXIT.environment,
  UNREACHABLE: EXIT.unreachable,
};

/** A failure that only the command line knows. */
export class CliError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** The exit code of an error reason as the admin API names it; undefined when it is not one of ours. */
export function isErrorCode(reason: string): reason is ErrorCode {
  return Object.hasOwn(EXIT_OF_CODE, reason);
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  return isFbpdError(error) ? EXIT_OF_CODE[error.code] : EXIT.failed;
}

/** One line: what happened, to what, what to do. Only an error that nobody foresaw brings its stack. */
export function describeError(error: unknown): string {
  if (error instanceof CliError || isFbpdError(error)) return error.message.replaceAll(/\s*\n\s*/g, ' ');
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
