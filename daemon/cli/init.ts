import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { Command } from 'commander';
import { type Overrides, renderConfigFile } from '../config/render.ts';
import { CONFIG_SEARCH } from '../config.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';

/** In a clone everything lives beside the config file, and content comes from an IPFS node on the same machine. */
const LOCAL: Overrides = {
  'state.dir': '.',
  'state.min_free': '1GiB',
  'api.admin_socket': 'admin.sock',
  'limits.private_origins': true,
  'log.level': 'warn',
};

/** `fbpd init`. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description(`write a config file with every key explained: ${CONFIG_SEARCH[0]}, or what --config names`)
    .option('--stdout', 'print it instead')
    .action(async ({ stdout }: { stdout?: boolean }, command: Command) => {
      const context = new Context(command);
      if (stdout) {
        process.stdout.write(systemConfig());
        return;
      }
      const file = context.configFile === undefined ? localConfigFile() : resolve(context.configFile);
      await writeConfig(file, context.configFile === undefined ? localConfig() : systemConfig());
      context.print({ file }, () => `wrote ${file}\n`);
    });
}

/** `./.fbpd/fbpd.toml` of the working directory. */
export function localConfigFile(): string {
  return resolve(CONFIG_SEARCH[0]);
}

/** For one user on one machine, state and all in one directory. */
export function localConfig(more: Overrides = {}): string {
  return renderConfigFile('fbpd as it runs from here: relative paths start at this directory.', { ...LOCAL, ...more });
}

function systemConfig(): string {
  return renderConfigFile('fbpd: every key, commented out at its default.');
}

/** Writes a new file. One that is there already is left alone: an error. */
export async function writeConfig(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'EEXIST') throw new CliError(EXIT.failed, `${file} is there already; remove it first, or name another with --config`);
    throw new CliError(EXIT.environment, `cannot write ${file} (${code})`);
  }
}
