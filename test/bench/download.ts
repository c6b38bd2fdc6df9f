import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface DownloadTarget {
  host?: string;
  port?: number;
  socketPath?: string;
  token?: string;
}

/** The same thing many times over one connection, one after the other. */
export interface DownloadSpec {
  target: DownloadTarget;
  path: string;
  range?: string;
  downloads: number;
  /** That each must bring: anything else fails. */
  bytes: number;
}

export interface DownloadReport {
  mibPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Of all downloads, those not measured included. */
  bytes: number;
}

/** Runs the client in a process of its own. */
export async function runDownloads(spec: DownloadSpec): Promise<DownloadReport> {
  const child = fork(fileURLToPath(new URL('download-process.ts', import.meta.url)), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    child.send(spec);
    const [report] = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [undefined])]);
    if (report === undefined) throw new Error(`the process that downloads ${spec.path} ended before it was done`);
    return report as DownloadReport;
  } finally {
    child.kill();
  }
}
