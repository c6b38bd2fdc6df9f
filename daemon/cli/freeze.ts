import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { Context } from './context.ts';
import { formatTime, printable } from './output.ts';

type Breaker = components['schemas']['Breaker'];

/** `fbpd freeze` and `fbpd unfreeze`. */
export function addFreezeCommands(program: Command): void {
  program
    .command('freeze [text...]')
    .description('begin no deal until `fbpd unfreeze`; verifying and serving go on. TEXT says why')
    .action(async (words: string[], _options: unknown, command: Command) => {
      const context = new Context(command);
      const text = words.join(' ');
      const breaker = await context.client().call('put', '/admin/freeze', { body: { text } });
      // What stopped it first is kept, with its reason.
      const isOlder = breaker.by !== 'operator' || (text !== '' && breaker.text !== text);
      const now = `frozen since ${formatTime(breaker.at)}: nothing is spent until \`fbpd unfreeze\``;
      context.print(breaker, () => `${isOlder ? `frozen already, ${by(breaker)}; \`fbpd unfreeze\` lets it go on` : now}\n`);
    });

  program
    .command('unfreeze')
    .description('spend again, whoever stopped it')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const breaker = await context.client().call('delete', '/admin/freeze', {});
      context.print(breaker, () => `no longer frozen; it was since ${formatTime(breaker.at)}, ${by(breaker)}\n`);
    });
}

/** Who stopped it, and why. */
function by({ by: who, text }: Breaker): string {
  return `by ${who === 'operator' ? 'an operator' : 'fbpd itself'}${text === '' ? '' : `: ${printable(text)}`}`;
}
