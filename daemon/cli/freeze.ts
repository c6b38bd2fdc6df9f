import type { Command } from 'commander';

import { Context } from './context.ts';
import { formatTime, printable } from './output.ts';

/** `fbpd freeze` and `fbpd unfreeze`. */
export function addFreezeCommands(program: Command): void {
  program
    .command('freeze [text...]')
    .description('begin no deal until `fbpd unfreeze`; verifying and serving go on. TEXT says why')
    .action(async (words: string[], _options: unknown, command: Command) => {
      const context = new Context(command);
      const breaker = await context.client().call('put', '/admin/freeze', { body: { text: words.join(' ') } });
      context.print(breaker, () => `frozen since ${formatTime(breaker.at)}: nothing is spent until \`fbpd unfreeze\`\n`);
    });

  program
    .command('unfreeze')
    .description('spend again, whoever stopped it')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const breaker = await context.client().call('delete', '/admin/freeze', {});
      const who = breaker.by === 'operator' ? 'by an operator' : 'by fbpd itself';
      const why = breaker.text === '' ? '' : `: ${printable(breaker.text)}`;
      context.print(breaker, () => `no longer frozen; it was since ${formatTime(breaker.at)}, ${who}${why}\n`);
    });
}
