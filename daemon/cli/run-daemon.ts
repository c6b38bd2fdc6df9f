import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Config } from '../config.ts';
import { createLog, type Log } from '../log.ts';
import type { Daemon } from '../main.ts';
import { EXIT } from './exit.ts';
import { version } from './version.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
/** What is still open after everything was stopped, such as a client that will not hang up, does not keep the process. */
const LINGER_MS = 3_000;
/** npm passes the Ctrl-C on that a terminal has sent to all of us anyway: what comes so soon after is the same one. */
const ECHO_MS = 500;
const START_GRACE_MS = 5_000;

/**
 * Runs the daemon until it is told to stop or cannot go on. `onReady` hears once that it accepts requests. A second signal
 * ends the process at once.
 *
 * Rejects with what `runDaemon` rejects with, or what made going on impossible.
 */
export async function runUntilStopped(config: Config, onReady: (daemon: Daemon) => Promise<void>): Promise<void> {
  const stopRequested = stopSignal();
  const log = createLog(config.log.level);
  const { runDaemon } = await import('../main.ts');
  const starting = new AbortController();
  void stopRequested.then(() => endUnlessUpSoon(starting.signal));
  const daemon = await runDaemon(config, {
    log,
    version: version(),
    onProgress: (text) => process.stderr.write(`${text}\n`),
  }).finally(() => starting.abort());
  try {
    await onReady(daemon);
    await notifySystemd(config, log);
    await Promise.race([stopRequested, daemon.failed]);
  } finally {
    log.info('stopping');
    await daemon.stop();
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

/** A start that is nearly done is finished, and stopped in good order. One that builds a kubo is not waited for. */
function endUnlessUpSoon(over: AbortSignal): void {
  if (over.aborted) return;
  const deadline = setTimeout(() => {
    process.stderr.write('fbpd: stopped before it was ready\n');
    process.exit(EXIT.failed);
  }, START_GRACE_MS);
  over.addEventListener('abort', () => clearTimeout(deadline));
}

/** Resolves on the first signal. From then on another one ends the process, unless it is an echo. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    let impatient = false;
    const hear = (): void => {
      if (impatient) process.exit(EXIT.failed);
      if (stopping) return;
      stopping = true;
      setTimeout(() => {
        impatient = true;
      }, ECHO_MS).unref();
      resolve();
    };
    for (const signal of STOP_SIGNALS) process.on(signal, hear);
  });
}

/** Tells systemd that we are ready where it waits for that (`Type=notify`). Node cannot write to its socket, but its own tool can. */
async function notifySystemd(config: Config, log: Log): Promise<void> {
  if (config.env.variables.NOTIFY_SOCKET === undefined) return;
  await promisify(execFile)('systemd-notify', ['--ready']).catch((error: unknown) => {
    log.warn({ err: error }, 'systemd waits to hear that we are ready, but systemd-notify failed');
  });
}
