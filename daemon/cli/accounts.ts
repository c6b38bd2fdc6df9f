import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { addUsageCommand } from './accounts-usage.ts';
import { Context } from './context.ts';
import { counted, formatTime, renderTable } from './output.ts';

type Account = components['schemas']['Account'];

/** `fbpd accounts add|ls|usage|suspend|unsuspend|delete`. */
export function addAccountsCommand(program: Command): void {
  const accounts = program.command('accounts').description('whose pins they are');

  accounts
    .command('add <name>')
    .description('add an account; then give it a token')
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const account = await context.client().call('post', '/admin/accounts', { body: { name } });
      context.print(account, () => `added ${account.name}; \`fbpd tokens create ${account.name}\` makes a token for it\n`);
    });

  accounts
    .command('ls')
    .description('list accounts')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const { accounts: list } = await context.client().call('get', '/admin/accounts', {});
      context.print(list, () => (list.length === 0 ? 'no accounts; `fbpd accounts add NAME` adds one\n' : renderTable(list, COLUMNS)));
    });

  addUsageCommand(accounts);

  accounts
    .command('suspend <account>')
    .description('refuse everything an account asks; its pins stay')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { yes?: boolean }, command: Command) => {
      const context = new Context(command);
      const client = context.client();
      const account = await client.call('get', '/admin/accounts/{account}', { path: { account: name } });
      const consequence = `Suspending ${account.name} refuses all requests of its ${counted(account.tokens, 'token')} until it is unsuspended; its ${counted(pinsOf(account), 'pin')} stay.`;
      await context.confirm(consequence, options.yes ?? false);
      const suspended = await client.call('post', '/admin/accounts/{account}/suspend', { path: { account: account.id } });
      context.print(suspended, () => `suspended ${suspended.name}\n`);
    });

  accounts
    .command('unsuspend <account>')
    .description('let a suspended account ask again')
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const account = await context.client().call('post', '/admin/accounts/{account}/unsuspend', { path: { account: name } });
      context.print(account, () => `${account.name} is active\n`);
    });

  accounts
    .command('delete <account>')
    .description('end an account with its pins and tokens, for good')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: { yes?: boolean }, command: Command) => {
      const context = new Context(command);
      const client = context.client();
      const account = await client.call('get', '/admin/accounts/{account}', { path: { account: name } });
      const consequence = `Deleting ${account.name} removes its ${counted(pinsOf(account), 'pin')} and ${counted(account.tokens, 'token')} for good; hot copies that nobody else pins go with them.`;
      await context.confirm(consequence, options.yes ?? false);
      const gone = await client.call('delete', '/admin/accounts/{account}', { path: { account: account.id } });
      context.print(gone, () => `deleted ${gone.name}: ${counted(gone.pins, 'pin')} and ${counted(gone.tokens, 'token')} removed\n`);
    });
}

const COLUMNS = [
  { heading: 'NAME', cell: ({ name }: Account) => name },
  { heading: 'STATE', cell: ({ state }: Account) => state },
  { heading: 'PINS', cell: (account: Account) => String(pinsOf(account)), align: 'right' },
  { heading: 'PINNED', cell: ({ pins }: Account) => String(pins.pinned), align: 'right' },
  { heading: 'FAILED', cell: ({ pins }: Account) => String(pins.failed), align: 'right' },
  { heading: 'TOKENS', cell: ({ tokens }: Account) => String(tokens), align: 'right' },
  { heading: 'CREATED', cell: ({ created }: Account) => formatTime(created) },
  { heading: 'ID', cell: ({ id }: Account) => id },
] as const;

function pinsOf({ pins }: Account): number {
  return pins.queued + pins.pinning + pins.pinned + pins.failed;
}
