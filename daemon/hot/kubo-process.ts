import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

import type { Log } from '../log.ts';
import { repoArgument } from './kubo-leftover.ts';

export interface KuboProcess {
  /** Undefined when the program could not be started at all. */
  pid: number | undefined;
  /** Resolves, never rejects, with how it ended, kubo's last words included. */
  exited: Promise<string>;
  isRunning(): boolean;
}

export interface SpawnOptions {
  binary: string;
  repo: string;
  environment: Record<string, string>;
  log: Log;
}

/** How many of kubo's last lines are kept for when it ends. */
const LAST_LINES = 8;

/** Starts the daemon on its repo. */
export async function spawnKubo({ binary, repo, environment, log }: SpawnOptions): Promise<KuboProcess> {
  const command = [...(await deathSignalWrapper(environment)), binary, repoArgument(repo), 'daemon', '--migrate=true'];
  const [program = binary, ...args] = command;
  // A session of its own, so that Ctrl-C in our terminal reaches only us and we stop it in our order.
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) keepLines(stream, lines, log);
  return {
    pid: child.pid,
    exited: exitOf(child, lines),
    isRunning: () => child.pid !== undefined && child.exitCode === null && child.signalCode === null,
  };
}

/**
 * `setpriv` asks Linux to kill kubo when we die, whatever we die of. Where there is none (or BusyBox's, which cannot),
 * the next start finds the one left over.
 */
async function deathSignalWrapper(environment: Record<string, string>): Promise<string[]> {
  const wrapper = ['setpriv', '--pdeathsig', 'KILL', '--'];
  try {
    await promisify(execFile)('setpriv', [...wrapper.slice(1), 'true'], { env: environment });
    return wrapper;
  } catch {
    return [];
  }
}

function keepLines(stream: Readable | null, lines: string[], log: Log): void {
  if (stream === null) return;
  createInterface({ input: stream }).on('line', (line) => {
    log.debug({ kubo: line }, 'kubo');
    lines.push(line);
    if (lines.length > LAST_LINES) lines.shift();
  });
}

function exitOf(child: ChildProcess, lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`kubo could not be started: ${error.message}`));
    // `close` comes after the last line has been read, `exit` may come before.
    child.once('close', (code, signal) => resolve(`kubo ended with ${signal ?? `exit code ${code}`}${quote(lines)}`));
  });
}

function quote(lines: readonly string[]): string {
  const said = lines.filter((line) => line.trim() !== '');
  return said.length === 0 ? '' : `: ${said.join(' | ')}`;
}
