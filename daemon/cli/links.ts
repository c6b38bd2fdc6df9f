import { type Command, Option } from 'commander';

import { Context } from './context.ts';
import { durationSeconds, durationSecondsUpTo } from './options.ts';
import { formatTime } from './output.ts';

interface CreateOptions {
  account: string;
  path?: string;
  expires: number;
}

const EXPIRES = '24h';

/** `fbpd links create`. */
export function addLinksCommand(program: Command): void {
  program
    .command('links')
    .description('links that a browser can open without a token')
    .command('create <cid>')
    .description('make a link to what an account has pinned; it ends by itself, and with the pin or the account')
    .requiredOption('--account <name>', 'whose pin it is, and on whose account is read')
    .option('--path <path>', 'of a file or directory below the CID')
    .addOption(
      new Option('--expires <duration>', 'ends after a duration such as 12h or 7d, 30d at most')
        .argParser(durationSecondsUpTo('30d'))
        .default(durationSeconds(EXPIRES), EXPIRES),
    )
    .action(async (cid: string, { account, path, expires }: CreateOptions, command: Command) => {
      const context = new Context(command);
      const body = { account, cid, expiresInSeconds: expires, ...(path === undefined ? {} : { path }) };
      const link = await context.client().call('post', '/admin/links', { body });
      context.note(`whoever has it can read this until ${formatTime(link.expires)}:`);
      context.print(link, () => `${link.url}\n`);
    });
}
