import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { Context } from './context.ts';
import { counted, formatTime, renderTable } from './output.ts';

type Block = components['schemas']['Block'];

/** `fbpd block|unblock|blocked`. */
export function addBlockCommands(program: Command): void {
  program
    .command('block <cid>')
    .description('take a content down: its pins fail, its hot copy goes, new pins of it are refused')
    .option('--note <text>', 'why, for whoever asks later', '')
    .action(async (cid: string, { note }: { note: string }, command: Command) => {
      const context = new Context(command);
      const blocked = await context.client().call('put', '/admin/blocks/{cid}', { path: { cid }, body: { note } });
      context.print(blocked, () => `blocked ${blocked.cid}: ${counted(blocked.pins, 'pin')} failed by it\n`);
    });

  program
    .command('unblock <cid>')
    .description('allow pins of a content again; those that failed stay failed until retried')
    .action(async (cid: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const unblocked = await context.client().call('delete', '/admin/blocks/{cid}', { path: { cid } });
      context.print(unblocked, () => `unblocked ${unblocked.cid}\n`);
    });

  program
    .command('blocked')
    .description('list blocked contents')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const { blocks } = await context.client().call('get', '/admin/blocks', {});
      context.print(blocks, () => (blocks.length === 0 ? 'nothing is blocked\n' : renderTable(blocks, COLUMNS)));
    });
}

const COLUMNS = [
  { heading: 'CID', cell: ({ cid }: Block) => cid },
  { heading: 'SINCE', cell: ({ at }: Block) => formatTime(at) },
  { heading: 'NOTE', cell: ({ note }: Block) => note },
] as const;
