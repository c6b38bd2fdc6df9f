import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { TestDaemon } from '../fixtures/create-daemon.ts';
import type { Figure } from './figures.ts';
import { type LoadReport, type LoadSpec, runLoad } from './load.ts';
import type { Workspace } from './workspace.ts';

const CALLERS = 8;
const WANTED_RATIO = 2;

/** The API before and while its kubo stands still: accepting, showing and listing pins must not wait for it. */
export async function benchKuboFailure(workspace: Workspace): Promise<Figure[]> {
  const { quick } = workspace;
  const daemon = await workspace.daemon();
  const token = await daemon.createToken('ada');
  const spec: LoadSpec = {
    url: daemon.apiUrl(),
    tokens: Array.from({ length: CALLERS }, () => token),
    warmupMs: quick ? 500 : 3_000,
    durationMs: quick ? 1_000 : 10_000,
    requests: ['post', 'get', 'list'],
  };
  const before = await runLoad(spec);
  const kubo = await kuboPid(daemon);
  process.kill(kubo, 'SIGSTOP');
  const during = await runLoad(spec).finally(() => wake(kubo));
  await daemon.stop();
  for (const { refused } of [before, during]) {
    if (Object.keys(refused).length > 0) throw new Error(`requests were refused: ${JSON.stringify(refused)}`);
  }
  return [
    {
      name: 'p99 with kubo stopped, over before',
      value: during.p99Ms / before.p99Ms,
      unit: '×',
      wanted: { atMost: WANTED_RATIO },
    },
    figureOf('API p99, kubo stopped', during, { name: 'before', value: before.p99Ms }),
  ];
}

function figureOf(name: string, report: LoadReport, baseline: NonNullable<Figure['baseline']>): Figure {
  return { name, value: report.p99Ms, unit: 'ms', baseline, more: { p50: report.p50Ms, perSecond: report.perSecond } };
}

async function kuboPid({ stateDir }: TestDaemon): Promise<number> {
  return (JSON.parse(await readFile(join(stateDir, 'kubo', 'pid.json'), 'utf8')) as { pid: number }).pid;
}

/** The daemon may have ended it meanwhile, as it does not answer. */
function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // Gone.
  }
}
