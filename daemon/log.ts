import { type Logger, pino } from 'pino';

export type Log = Logger;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on standard error. Authorization headers and token secrets are cut out wherever they appear as fields. */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['authorization', '*.authorization', 'secret', '*.secret'], censor: '[secret]' },
    },
    pino.destination({ dest: 2, sync: false, minLength: 0 }),
  );
}
