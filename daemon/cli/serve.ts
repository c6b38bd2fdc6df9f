import type { Command } from 'commander';

import type { Config } from '../config.ts';
import type { Daemon } from '../main.ts';
import { Context } from './context.ts';
import { renderFields } from './output.ts';
import { runUntilStopped } from './run-daemon.ts';
import { version } from './version.ts';

/** `fbpd serve`: the daemon, in the foreground. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the daemon in the foreground, as a service does')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const config = context.config({ secrets: true });
      await runUntilStopped(config, async (daemon) => {
        process.stdout.write(renderPlaces(config, daemon));
      });
    });
}

/** Where it can be reached, and everything that it writes to. */
export function renderPlaces(config: Config, daemon: Daemon): string {
  return renderFields([
    ['fbpd', version()],
    ['endpoint', daemon.endpoints.api],
    ['gateway', daemon.endpoints.gateway],
    ['admin socket', config.api.adminSocket],
    ['state', config.state.dir],
    ['cache', config.state.cacheDir],
    ['config', config.file],
  ]);
}
