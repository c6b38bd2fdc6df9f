import { PassThrough } from 'node:stream';

import type { Context } from 'koa';

import type { Log } from '../daemon/log.ts';

/** What goes on while something long runs, and what came of it. */
type LastLine<R> = { done: true; report: R } | { done: true; error: string };

export interface ToldInLines<R> {
  /** What runs, for the log: `a restore drill`. */
  what: string;
  /** Says a line each time there is something to say. Rejects before the first one when it cannot be begun. */
  run(say: (line: object) => void, gone: AbortSignal): Promise<R>;
  log: Log;
}

/**
 * Answers with a line of JSON for each thing that happens, and a last one with the report. What cannot be begun is an error as others
 * are; what breaks off later is told on the last line.
 */
export async function tellInLines<R>(ctx: Context, { what, run, log }: ToldInLines<R>): Promise<void> {
  const lines = new PassThrough();
  const write = (line: object): void => void lines.write(`${JSON.stringify(line)}\n`);
  const begun = Promise.withResolvers<void>();
  const gone = new AbortController();
  ctx.res.once('close', () => gone.abort());
  const running = run((line) => {
    write(line);
    begun.resolve();
  }, gone.signal);
  await Promise.race([begun.promise, running]);
  ctx.type = 'application/x-ndjson';
  ctx.body = lines;
  const end = (line: LastLine<R>): void => write(line);
  void running
    .then((report) => end({ done: true, report }))
    .catch((error: unknown) => {
      log.error({ err: error }, `${what} broke off`);
      end({ done: true, error: error instanceof Error ? error.message : String(error) });
    })
    .finally(() => lines.end());
}
