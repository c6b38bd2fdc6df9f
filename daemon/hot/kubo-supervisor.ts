import { setTimeout as sleep } from 'node:timers/promises';

import { FbpdError } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import { endProcess } from './kubo-leftover.ts';
import type { KuboProcess } from './kubo-process.ts';

export interface SupervisorTimes {
  /** The first RPC must answer within this; a repo migration may need minutes. */
  startTimeoutMs: number;
  /** How often a running kubo is asked for its identity. */
  probeEveryMs: number;
  /** Without an answer for this long it counts as down. */
  probeTimeoutMs: number;
  /** Without an answer for this long it is killed and started again. */
  hungAfterMs: number;
  /** The first wait before a restart; it doubles up to the last. */
  restartFirstMs: number;
  restartLastMs: number;
  /** A kubo that has run this long did not die of its start: the wait begins anew. */
  stableAfterMs: number;
  /** After SIGTERM, before SIGKILL. */
  stopTimeoutMs: number;
}

export const SUPERVISOR_TIMES: SupervisorTimes = {
  startTimeoutMs: 300_000,
  probeEveryMs: 2_000,
  probeTimeoutMs: 10_000,
  hungAfterMs: 60_000,
  restartFirstMs: 500,
  restartLastMs: 60_000,
  stableAfterMs: 60_000,
  stopTimeoutMs: 20_000,
};

export interface SupervisorOptions {
  times: SupervisorTimes;
  /** Makes all ready and starts one. Its rejections are FbpdErrors that say why it cannot. */
  launch: () => Promise<KuboProcess>;
  /** Resolves when kubo answers. */
  probe: (timeoutMs: number) => Promise<void>;
  onDown: (why: string) => void;
  log: Log;
}

/** Keeps one kubo running: starts it, sees that it answers, starts it again when it dies or hangs, ends it. */
export interface Supervisor {
  /** Resolves when kubo answers for the first time; rejects, with nothing left running, when it does not. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** While a kubo comes up it is asked this often. */
const READY_POLL_MS = 20;

export function createSupervisor({ times, launch, probe, onDown, log }: SupervisorOptions): Supervisor {
  const stopping = new AbortController();
  let current: KuboProcess | undefined;
  let keeping: Promise<void> = Promise.resolve();

  async function end(kubo: KuboProcess): Promise<void> {
    if (kubo.pid !== undefined) await endProcess(kubo.pid, times.stopTimeoutMs, async () => kubo.isRunning());
  }

  async function kill(kubo: KuboProcess): Promise<void> {
    if (kubo.pid !== undefined && kubo.isRunning()) process.kill(kubo.pid, 'SIGKILL');
    await kubo.exited;
  }

  /** Launches one and waits until it answers. */
  async function bringUp(): Promise<KuboProcess> {
    const kubo = await launch();
    current = kubo;
    const gaveUp = AbortSignal.any([stopping.signal, AbortSignal.timeout(times.startTimeoutMs)]);
    while (kubo.isRunning() && !gaveUp.aborted) {
      try {
        await probe(times.probeTimeoutMs);
        return kubo;
      } catch {
        await sleep(READY_POLL_MS);
      }
    }
    if (kubo.isRunning()) await end(kubo);
    const words = await kubo.exited;
    throw new FbpdError('BAD_ENVIRONMENT', stopping.signal.aborted ? 'kubo was stopped while it started' : `kubo did not start: ${words}`, {
      subject: 'hot',
    });
  }

  /** Resolves with why this kubo is no more. */
  async function watch(kubo: KuboProcess): Promise<string> {
    const ended = new AbortController();
    void kubo.exited.then(() => ended.abort());
    const wake = AbortSignal.any([stopping.signal, ended.signal]);
    let silentSince: number | undefined;
    while (!wake.aborted) {
      await sleep(times.probeEveryMs, undefined, { signal: wake }).catch(() => undefined);
      if (wake.aborted) break;
      const askedAt = performance.now();
      try {
        await probe(times.probeTimeoutMs);
        silentSince = undefined;
      } catch (error) {
        if (wake.aborted) break;
        silentSince ??= askedAt;
        const silentMs = performance.now() - silentSince;
        onDown(`kubo does not answer since ${Math.round(silentMs / 1000)} s: ${error instanceof Error ? error.message : String(error)}`);
        if (silentMs < times.hungAfterMs) continue;
        log.error({ silentMs }, 'kubo hangs: killing it');
        await kill(kubo);
        return `kubo hung for ${Math.round(silentMs / 1000)} s and was killed`;
      }
    }
    return stopping.signal.aborted ? 'kubo was stopped' : await kubo.exited;
  }

  /** Watches and restarts until told to stop. */
  async function keep(first: KuboProcess): Promise<void> {
    let kubo: KuboProcess | undefined = first;
    let waitMs = times.restartFirstMs;
    while (!stopping.signal.aborted) {
      if (kubo !== undefined) {
        const upAt = performance.now();
        const why = await watch(kubo);
        if (stopping.signal.aborted) return;
        if (performance.now() - upAt > times.stableAfterMs) waitMs = times.restartFirstMs;
        onDown(`${why}; it is started again in ${waitMs / 1000} s`);
        log.warn({ why, waitMs }, 'kubo ended: restarting it');
      }
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      waitMs = Math.min(times.restartLastMs, waitMs * 2);
      kubo = await restart(waitMs);
    }
  }

  async function restart(nextWaitMs: number): Promise<KuboProcess | undefined> {
    try {
      const kubo = await bringUp();
      log.info({ pid: kubo.pid }, 'kubo runs again');
      return kubo;
    } catch (error) {
      if (stopping.signal.aborted) return undefined;
      const why = error instanceof Error ? error.message : String(error);
      onDown(`${why}; it is tried again in ${nextWaitMs / 1000} s`);
      log.error({ err: error, waitMs: nextWaitMs }, 'kubo could not be started again');
      return undefined;
    }
  }

  return {
    async start() {
      const kubo = await bringUp();
      keeping = keep(kubo);
    },
    async stop() {
      stopping.abort();
      if (current !== undefined) await end(current);
      await keeping;
      // A restart may have been under way while we ended the one before.
      if (current !== undefined) await end(current);
    },
  };
}
