import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { bytesServed, type ServedSums } from '../domain/usage.ts';
import { Context } from './context.ts';
import { positiveInteger } from './options.ts';
import { type Column, counted, renderTable } from './output.ts';

type Usage = components['schemas']['AccountUsage'];

interface UsageOptions {
  from?: string;
  to?: string;
  contents?: true | number;
}

const DEFAULT_CONTENTS = 20;

/** `fbpd accounts usage`. */
export function addUsageCommand(accounts: Command): void {
  accounts
    .command('usage <account>')
    .description('what was read on account of an account, by day; public is for what was read without a token')
    .option('--from <day>', 'first day in UTC, such as 2026-01-31 (default: 30 days with the last)')
    .option('--to <day>', 'last day (default: today)')
    .option('--contents [count]', `the contents read most, too: ${DEFAULT_CONTENTS} of them, or so many`, positiveInteger)
    .action(async (account: string, options: UsageOptions, command: Command) => {
      const context = new Context(command);
      const { contents, ...days } = options;
      const query = { ...days, contents: contents === true ? DEFAULT_CONTENTS : (contents ?? 0) };
      const usage = await context.client().call('get', '/admin/accounts/{account}/usage', { path: { account }, query });
      context.print(usage, () => renderUsage(usage, contents !== undefined));
    });
}

function sumColumns<T extends { served: ServedSums }>(): Column<T>[] {
  const bytes = (heading: string, of: (served: ServedSums) => number): Column<T> => ({
    heading,
    cell: ({ served }) => formatSize(of(served)),
    align: 'right',
  });
  return [
    { heading: 'RESPONSES', cell: ({ served }) => String(served.responses), align: 'right' },
    bytes('HOT', ({ hotBytes }) => hotBytes),
    bytes('NETWORK', ({ networkBytes }) => networkBytes),
    bytes('COLD', ({ coldBytes }) => coldBytes),
    bytes('ALL', bytesServed),
  ];
}

const DAY_COLUMNS: readonly Column<Usage['days'][number]>[] = [{ heading: 'DAY', cell: ({ day }) => day }, ...sumColumns()];
const CONTENT_COLUMNS: readonly Column<Usage['contents'][number]>[] = [...sumColumns(), { heading: 'CID', cell: ({ cid }) => cid }];

function renderUsage(usage: Usage, withContents: boolean): string {
  const { account, from, to, days, served, stored } = usage;
  const { queued, pinning, pinned, failed } = stored.pins;
  const pins = account === 'public' ? '' : `; it has ${counted(queued + pinning + pinned + failed, 'pin')} now, ${pinned} of them pinned`;
  const head = `${account}, ${from} to ${to}${pins}\n`;
  if (days.length === 0) return `${head}nothing was read\n`;
  const all = [...days, ...(days.length > 1 ? [{ day: 'all', served }] : [])];
  return [head, renderTable(all, DAY_COLUMNS), ...(withContents ? [renderContents(usage)] : [])].join('\n');
}

function renderContents({ contents, contentsWhole }: Usage): string {
  const table = contents.length === 0 ? 'contents of these days are not kept any more\n' : renderTable(contents, CONTENT_COLUMNS);
  return contentsWhole ? table : `${table}only the newest records were looked at: choose fewer days\n`;
}
