import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Who calls, how long, and what. */
export interface LoadSpec {
  url: string;
  /** One a caller: each has a connection of its own and waits for its reply before the next request. */
  tokens: readonly string[];
  /** Not measured. */
  warmupMs: number;
  durationMs: number;
  /** In turn, by every caller. */
  requests: readonly ('post' | 'get' | 'list')[];
}

export interface LoadReport {
  /** Replies that were no success, by status. */
  refused: Readonly<Record<string, number>>;
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Of one core that the callers themselves took: near 100 they would be what is measured. */
  callerCpuPercent: number;
}

/** Runs the callers in a process of their own. */
export async function runLoad(spec: LoadSpec): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    child.send(spec);
    const [report] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
    if (report === undefined) throw new Error('the process of the callers ended before it was done');
    return report as LoadReport;
  } finally {
    child.kill();
  }
}
