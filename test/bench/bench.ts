import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

import { benchActive } from './active.ts';
import { benchCache } from './cache.ts';
import { benchColdRead } from './cold-read.ts';
import { benchCommp } from './commp.ts';
import { type Figure, isReached, renderTable, roundedFigure } from './figures.ts';
import { benchGateway } from './gateway.ts';
import { benchKuboFailure } from './kubo-failure.ts';
import { benchList } from './list.ts';
import { benchMemory } from './memory.ts';
import { benchPieceRange } from './piece-range.ts';
import { benchPinned } from './pinned.ts';
import { benchPost } from './post.ts';
import { benchProposed } from './proposed.ts';
import { benchReceipts } from './receipts.ts';
import { benchReconcile } from './reconcile.ts';
import { benchSim } from './sim.ts';
import { benchStart } from './start.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

/** Each takes its own ground from the workspace and gives figures; see README for what is to be reached. */
const BENCHES: Readonly<Record<string, (workspace: Workspace) => Promise<Figure[]>>> = {
  post: benchPost,
  list: benchList,
  memory: benchMemory,
  start: benchStart,
  pinned: benchPinned,
  'kubo-failure': benchKuboFailure,
  commp: benchCommp,
  'piece-range': benchPieceRange,
  proposed: benchProposed,
  active: benchActive,
  sim: benchSim,
  reconcile: benchReconcile,
  cache: benchCache,
  gateway: benchGateway,
  'cold-read': benchColdRead,
  receipts: benchReceipts,
};

const USAGE = `npm run bench -- [--only ${Object.keys(BENCHES).join('|')}]… [--quick] [--plots DIR]

Figures as JSON on standard output, a table and progress on standard error. --quick shows that everything still runs; its
figures mean little. Plots are written to DIR, or to a temporary directory. Exit code 1 when a bench could not be run, whatever the figures are.
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      plots: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const names = values.only ?? Object.keys(BENCHES);
  const unknown = names.find((name) => BENCHES[name] === undefined);
  if (values.help || unknown !== undefined) {
    process.stderr.write(unknown === undefined ? USAGE : `there is no bench ${JSON.stringify(unknown)}\n\n${USAGE}`);
    return values.help ? 0 : 2;
  }
  const workspace = await openWorkspace({ quick: values.quick, plots: values.plots, say: (text) => process.stderr.write(`${text}\n`) });
  const stop = (): void => void workspace.close().finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const results: Record<string, object> = {};
  let failed = false;
  try {
    for (const name of names) {
      const result = await runBench(name, workspace);
      failed ||= 'error' in result;
      results[name] = result;
    }
  } finally {
    await workspace.close();
  }
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? '', node: process.version, platform: process.platform };
  process.stdout.write(`${JSON.stringify({ quick: values.quick, machine, results }, null, 2)}\n`);
  return failed ? 1 : 0;
}

/** Figures, with how busy the machine was otherwise: beside others' work they say little. */
async function runBench(name: string, workspace: Workspace): Promise<{ figures: object[]; loadBefore: number } | { error: string }> {
  const loadBefore = loadavg()[0] ?? 0;
  workspace.say(`== ${name} (load ${loadBefore.toFixed(1)})`);
  try {
    const figures = (await BENCHES[name]?.(workspace)) ?? [];
    workspace.say(renderTable(figures));
    return { loadBefore, figures: figures.map((figure) => ({ ...roundedFigure(figure), reached: isReached(figure) })) };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    workspace.say(`${name}: ${text}`);
    return { error: text };
  }
}

process.exitCode = await main(process.argv.slice(2));
