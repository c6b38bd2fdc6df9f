import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { SCOPES, type Scope } from '../domain/account.ts';
import { Context } from './context.ts';
import { durationSeconds, wordsOf } from './options.ts';
import { formatTime, renderTable } from './output.ts';

type Token = components['schemas']['Token'];

interface CreateOptions {
  name: string;
  scopes: Scope[];
  expires?: number;
}

/** `fbpd tokens create|ls|revoke`. */
export function addTokensCommand(program: Command): void {
  const tokens = program.command('tokens').description('what clients of the pinning API show');

  tokens
    .command('create <account>')
    .description('make a token; its secret is printed this once')
    .option('--name <name>', 'what it is for', 'default')
    .option('--scopes <scopes>', `what it may do: some of ${SCOPES.join(',')}`, wordsOf(SCOPES), ['pins:read', 'pins:write'])
    .option('--expires <duration>', 'ends after a duration such as 12h or 30d; without it, never', durationSeconds)
    .action(async (account: string, options: CreateOptions, command: Command) => {
      const context = new Context(command);
      const { name, scopes, expires } = options;
      const body = { account, name, scopes, ...(expires === undefined ? {} : { expiresInSeconds: expires }) };
      const created = await context.client().call('post', '/admin/tokens', { body });
      context.note(`token ${created.token.id} of ${created.token.account}; its secret is not shown again:`);
      context.print(created, () => `${created.secret}\n`);
    });

  tokens
    .command('ls [account]')
    .description('list tokens, never their secrets')
    .action(async (account: string | undefined, _options: unknown, command: Command) => {
      const context = new Context(command);
      const query = account === undefined ? {} : { account };
      const { tokens: list } = await context.client().call('get', '/admin/tokens', { query });
      context.print(list, () => (list.length === 0 ? 'no tokens; `fbpd tokens create ACCOUNT` makes one\n' : renderTable(list, COLUMNS)));
    });

  tokens
    .command('revoke <id>')
    .description('take a token back, at once')
    .action(async (id: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const token = await context.client().call('delete', '/admin/tokens/{token}', { path: { token: id } });
      context.print(token, () => `revoked ${token.id} (${token.name}) of ${token.account}\n`);
    });
}

const COLUMNS = [
  { heading: 'ID', cell: ({ id }: Token) => id },
  { heading: 'ACCOUNT', cell: ({ account }: Token) => account },
  { heading: 'NAME', cell: ({ name }: Token) => name },
  { heading: 'SCOPES', cell: ({ scopes }: Token) => scopes.join(',') },
  { heading: 'CREATED', cell: ({ created }: Token) => formatTime(created) },
  {
    heading: 'EXPIRES',
    cell: ({ expires, expired }: Token) => `${expires === undefined ? 'never' : formatTime(expires)}${expired ? ' (expired)' : ''}`,
  },
] as const;
