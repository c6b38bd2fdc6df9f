import { Command, CommanderError } from 'commander';

import { addAccountsCommand } from './accounts.ts';
import { addBlockCommands } from './block.ts';
import { addCheckCommand } from './check.ts';
import { addDealsCommand } from './deals.ts';
import { addDevnetCommand } from './devnet.ts';
import { addDoctorCommand } from './doctor.ts';
import { addDrillCommand } from './drill.ts';
import { describeError, EXIT, exitCodeOf } from './exit.ts';
import { addFreezeCommands } from './freeze.ts';
import { addGetCommand } from './get.ts';
import { addInitCommand } from './init.ts';
import { addLinksCommand } from './links.ts';
import { refuseEmpty } from './options.ts';
import { addPinsCommand } from './pins.ts';
import { addPlanCommand } from './plan.ts';
import { addProvidersCommand } from './providers.ts';
import { addReceiptsCommand } from './receipts.ts';
import { addReconcileCommand } from './reconcile.ts';
import { addServeCommand } from './serve.ts';
import { addStartCommand } from './start.ts';
import { addStatusCommand } from './status.ts';
import { addTokensCommand } from './tokens.ts';
import { version } from './version.ts';
import { addWalletCommand } from './wallet.ts';

/** Called by `bootstrap.mjs` with the words of the command line. */
export async function run(args: readonly string[]): Promise<void> {
  // `fbpd pins ls | head` closes our standard output before we are done with it: nobody reads on, so there is nothing to say.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.done);
    process.stderr.write(`fbpd: standard output cannot be written: ${error.message}\n`);
    process.exit(EXIT.environment);
  });
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said what is wrong; asking for help or the version is no error.
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
      return;
    }
    process.stderr.write(`fbpd: ${describeError(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

/** All commands, with nothing parsed yet. */
export function createProgram(): Command {
  const program = new Command('fbpd')
    .description('Pin to IPFS, kept hot by kubo and cold by Filecoin deals: the daemon, and the command that speaks to it.')
    .version(version(), '-V, --version')
    .option('--config <file>', 'the config file; without it FBPD_CONFIG, ./.fbpd/fbpd.toml, /etc/fbpd/fbpd.toml')
    .option('--socket <path>', "the daemon's admin socket; without it, the config's")
    .option('--json', 'print JSON')
    .configureOutput({ outputError: (text, write) => write(`${oneLine(text)} See fbpd --help.\n`) })
    .exitOverride()
    .hook('preAction', (_program, command) => refuseEmpty(command));
  addStartCommand(program);
  addServeCommand(program);
  addInitCommand(program);
  addDevnetCommand(program);
  addDoctorCommand(program);
  addStatusCommand(program);
  addPinsCommand(program);
  addGetCommand(program);
  addDealsCommand(program);
  addReceiptsCommand(program);
  addPlanCommand(program);
  addProvidersCommand(program);
  addWalletCommand(program);
  addDrillCommand(program);
  addFreezeCommands(program);
  addAccountsCommand(program);
  addTokensCommand(program);
  addLinksCommand(program);
  addBlockCommands(program);
  addCheckCommand(program);
  addReconcileCommand(program);
  return program;
}

/** Commander's `error: …` with its hints on lines of their own, as we say errors. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, 'fbpd: ')
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/(?<![.)?!])$/, '.');
}
