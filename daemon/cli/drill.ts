import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatDuration, formatSize } from '../domain/units.ts';
import { wrap } from './cold-output.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { positiveInteger } from './options.ts';
import { type Column, counted, formatTime, renderTable } from './output.ts';
import { createProgress } from './progress.ts';

type Drill = components['schemas']['Drill'];
type Row = Drill['providers'][number];

interface DrillOptions {
  count?: number;
  last?: true;
}

/** `fbpd drill`. */
export function addDrillCommand(program: Command): void {
  program
    .command('drill [cid...]')
    .description('restore contents from their cold copies alone, each from every provider that has it, and check every byte')
    .option('--count <number>', 'so many contents, drawn by chance (default: 5)', positiveInteger)
    .option('--last', 'show what the last drill found, and do nothing')
    .action(async (cids: string[], { count, last }: DrillOptions, command: Command) => {
      const context = new Context(command);
      if (last === true) {
        const { last: drill } = await context.client().call('get', '/admin/drill', {});
        context.print(drill ?? null, () => (drill === undefined ? 'there was no drill yet\n' : renderDrill(drill)));
        return;
      }
      const body = { ...(cids.length === 0 ? {} : { cids }), ...(count === undefined ? {} : { count }) };
      const drill = await runDrill(context, body);
      context.print(drill, () => renderDrill(drill));
      const failed = drill.providers.reduce((sum, row) => sum + row.failed, 0);
      if (failed + drill.without.length > 0) throw new CliError(EXIT.failed, shortfall(failed, drill));
    });
}

async function runDrill(context: Context, body: components['schemas']['NewDrill']): Promise<Drill> {
  const progress = createProgress({ label: 'restoring', screen: process.stderr, quiet: context.json });
  let planned = 0;
  let copies = 0;
  try {
    for await (const line of context.client().stream('post', '/admin/drill', { body })) {
      if (line.report !== undefined) return line.report;
      if (line.error !== undefined) throw new CliError(EXIT.failed, `the drill broke off: ${line.error}`);
      planned = line.planned ?? planned;
      if (line.copy !== undefined) copies += 1;
      progress.say(`restoring: ${copies} of ${counted(planned, 'copy', 'copies')}`);
    }
  } finally {
    progress.end();
  }
  throw new CliError(EXIT.failed, 'the daemon ended before the drill did');
}

function shortfall(failed: number, { planned, without }: Drill): string {
  const parts = [
    ...(failed > 0 ? [`${failed} of ${counted(planned, 'copy', 'copies')} did not come back`] : []),
    ...without.map((cid) => `nobody has an active copy of ${cid}`),
  ];
  return parts.join('; ');
}

const time = (ms: number | undefined): string => (ms === undefined ? '' : formatDuration(ms));

const COLUMNS: readonly Column<Row>[] = [
  { heading: 'PROVIDER', cell: ({ provider }) => provider },
  { heading: 'RESTORED', cell: ({ ok }) => String(ok), align: 'right' },
  { heading: 'FAILED', cell: ({ failed }) => String(failed), align: 'right' },
  { heading: 'SKIPPED', cell: ({ skipped }) => String(skipped), align: 'right' },
  { heading: 'BYTES', cell: ({ bytes }) => formatSize(bytes), align: 'right' },
  { heading: 'FIRST BYTE', cell: ({ firstByteMs }) => time(firstByteMs), align: 'right' },
  { heading: 'P50', cell: ({ p50Ms }) => time(p50Ms), align: 'right' },
  { heading: 'P95', cell: ({ p95Ms }) => time(p95Ms), align: 'right' },
  {
    heading: 'MIB/S',
    cell: ({ bytesPerSecond }) => (bytesPerSecond === undefined ? '' : (bytesPerSecond / 2 ** 20).toFixed(1)),
    align: 'right',
  },
];

const REASONS_SHOWN = 3;

function renderDrill({ started, ended, planned, providers, copies, without }: Drill): string {
  const contents = new Set(copies.map(({ cid }) => cid)).size;
  const took = formatDuration(Date.parse(ended) - Date.parse(started));
  const stopped = copies.length < planned ? `; stopped after ${copies.length} of ${planned}` : '';
  const head =
    planned === 0
      ? 'no content with an active cold copy was found to restore\n'
      : `${formatTime(started)}: ${counted(contents, 'content')}, ${counted(copies.length, 'copy', 'copies')}, in ${took}${stopped}\n`;
  const missing = without.map((cid) => `nobody has an active copy of ${cid}\n`).join('');
  const why = providers.flatMap((row) => row.why.slice(0, REASONS_SHOWN).map((text) => wrap(`${row.provider}: ${text}`, 2))).join('');
  return `${head}${renderTable(providers, COLUMNS)}${why}${missing}`;
}
