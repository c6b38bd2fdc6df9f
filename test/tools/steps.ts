import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Tally, TapReader } from './tap.ts';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One command of the packages' that must succeed. */
export interface Step {
  name: string;
  command: string;
  args: readonly string[];
}

/** What every change must pass before its tests are worth running. */
export const CHECKS: readonly Step[] = [
  { name: 'types', command: 'tsc', args: ['--incremental', '--tsBuildInfoFile', join('node_modules', '.cache', 'types.json')] },
  { name: 'lint and format', command: 'biome', args: ['check', '--error-on-warnings'] },
  { name: 'dead code', command: 'knip', args: [] },
];

/** Our own Node and tools come first, also for what the tests start. */
export function toolEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH ?? ''}`, ...extra };
}

/** What came of one step, or of many tests. */
export interface Outcome {
  tally: Tally;
  /** A text for each that failed. */
  failures: readonly string[];
}

/** Runs a step quietly; its output is shown only when it fails. */
export async function runStep(step: Step): Promise<Outcome> {
  const startedMs = performance.now();
  let output = '';
  const code = await run(step, toolEnvironment(), (chunk) => {
    output += chunk;
  });
  const took = `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
  if (code === 0) {
    process.stdout.write(`✔ ${step.name} (${took})\n`);
    return { tally: { passed: 1, failed: 0, skipped: 0 }, failures: [] };
  }
  const failure = `✘ ${step.name} (${took})\n${output}`;
  process.stdout.write(`${failure}\n`);
  return { tally: { passed: 0, failed: 1, skipped: 0 }, failures: [failure] };
}

/** Runs ava over the patterns. A run that broke off, or that found no test, counts as one failure. */
export async function runAva(patterns: readonly string[], environment: NodeJS.ProcessEnv, quiet: boolean): Promise<Outcome> {
  const reader = new TapReader((line) => {
    if (!quiet || !/^[✔#-]/u.test(line)) process.stdout.write(`${line}\n`);
  });
  const code = await run({ name: 'tests', command: 'ava', args: ['--tap', ...patterns] }, environment, (chunk, stream) => {
    if (stream === 'stdout') reader.push(chunk);
    else process.stderr.write(chunk);
  });
  reader.end();
  const { tally, failures } = reader;
  const broken = tally.failed === 0 && (code !== 0 || tally.passed === 0);
  if (!broken) return { tally, failures };
  return {
    tally: { ...tally, failed: 1 },
    failures: [`✘ tests: ava ended with ${code} after ${tally.passed} tests, and names none that failed`],
  };
}

/** Resolves with the exit code; a death by signal is 1. */
export function run(
  { command, args }: Step,
  env: NodeJS.ProcessEnv,
  onOutput: (chunk: string, stream: 'stdout' | 'stderr') => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => onOutput(chunk, 'stdout'));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => onOutput(chunk, 'stderr'));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** At most two at a time: the machines this runs on have two cores. */
export async function inPairs<T>(work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const queue = [...work.entries()];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results[next[0]] = await next[1]();
  };
  await Promise.all([worker(), worker()]);
  return results;
}
