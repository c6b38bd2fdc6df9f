import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

const LOOK_EVERY_MS = 20;

/** Memory of a process that is in RAM, in MB of 10^6 bytes. */
export async function rssMb(pid: number): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return (Number(stdout) * 1_024) / 1e6;
}

/** What a process takes before the work, and at most meanwhile, in MB. */
export async function rssDuring<T>(pid: number, work: () => Promise<T>): Promise<{ beforeMb: number; mostMb: number; result: T }> {
  const beforeMb = await rssMb(pid);
  let mostMb = beforeMb;
  const over = new AbortController();
  const look = async (): Promise<void> => {
    while (!over.signal.aborted) {
      mostMb = Math.max(mostMb, await rssMb(pid));
      await setTimeout(LOOK_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  const looking = look();
  // Waited for below; nobody hears of it sooner.
  looking.catch(() => undefined);
  const result = await work().finally(() => over.abort());
  await looking;
  return { beforeMb, mostMb, result };
}
