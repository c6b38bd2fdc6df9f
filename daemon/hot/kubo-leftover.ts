import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A kubo daemon that runs on a repo of ours. */
export interface RunningKubo {
  pid: number;
  parentPid: number;
}

/** The argument every managed kubo is started with, by which it is found again. */
export function repoArgument(repo: string): string {
  return `--repo-dir=${repo}`;
}

/** Every kubo that was started on this repo by us, now or in a life before. */
export async function findKubosOf(repo: string): Promise<RunningKubo[]> {
  return existsSync('/proc/self/cmdline') ? findInProc(repo) : findWithPs(repo);
}

async function findInProc(repo: string): Promise<RunningKubo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => inspect(pid, repo)));
  return found.filter((one) => one !== undefined);
}

/** A zombie has no command line, so what is dead but not yet waited for does not count. */
async function inspect(pid: string, repo: string): Promise<RunningKubo | undefined> {
  try {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (!words.includes(repoArgument(repo)) || !words.includes('daemon')) return undefined;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // "pid (name) state ppid …", where the name may hold spaces and brackets.
    const parentPid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { pid: Number(pid), parentPid };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

async function findWithPs(repo: string): Promise<RunningKubo[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,command=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(repoArgument(repo)) && line.includes(' daemon'))
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parentPid]) => ({ pid: Number(pid), parentPid: Number(parentPid) }));
}

const POLL_MS = 25;

/** Asks a process to end, and makes it after `graceMs`. True once it is gone, false when even SIGKILL did not help within as long again. */
export async function endProcess(pid: number, graceMs: number, isRunning: () => Promise<boolean>): Promise<boolean> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    send(pid, signal);
    for (let waitedMs = 0; waitedMs < graceMs; waitedMs += POLL_MS) {
      if (!(await isRunning())) return true;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  return !(await isRunning());
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, or not ours to signal: then it is still running when we look.
  }
}
