import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';

import type { Command } from 'commander';

import { CONFIG_SEARCH, type Config, loadConfig } from '../config.ts';
import { socketAddress } from '../domain/socket-path.ts';
import { type AdminClient, createClient } from './client.ts';
import { CliError, EXIT } from './exit.ts';

/** The options that every command has. */
export interface GlobalOptions {
  config?: string;
  socket?: string;
  json?: boolean;
}

/** What a command has to do with the world. */
export class Context {
  readonly #options: GlobalOptions;

  constructor(command: Command) {
    this.#options = command.optsWithGlobals<GlobalOptions>();
  }

  get json(): boolean {
    return this.#options.json ?? false;
  }

  get configFile(): string | undefined {
    return this.#options.config;
  }

  config({ secrets }: { secrets: boolean }): Config {
    return loadConfig({ file: this.#options.config, secrets });
  }

  /** To the daemon that `--socket` or the config names. */
  client(): AdminClient {
    const { socket } = this.#options;
    if (socket !== undefined) return clientFor(resolve(socket));
    const config = this.config({ secrets: false });
    return clientFor(config.api.adminSocket, config.file);
  }

  /** For people, or the same as JSON. */
  print(value: unknown, human: () => string): void {
    process.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : human());
  }

  /** Beside the result: not part of what a script reads. */
  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** Says what will happen and asks. Where nobody can be asked, `--yes` must have answered. */
  async confirm(consequence: string, yes: boolean): Promise<void> {
    if (yes) {
      this.note(consequence);
      return;
    }
    if (!process.stdin.isTTY || !process.stderr.isTTY) throw new CliError(EXIT.wrongUse, `${consequence} Say --yes to go ahead.`);
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await prompt.question(`${consequence} Go ahead? [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(EXIT.failed, 'nothing was changed');
    } finally {
      prompt.close();
    }
  }
}

/** A client of the daemon behind a socket. The config file only serves to say how to start it. */
export function clientFor(socket: string, configFile?: string): AdminClient {
  return createClient(socketAddress(socket, process.cwd()), `start it with ${startCommand(configFile)}`);
}

function startCommand(configFile: string | undefined): string {
  if (configFile === resolve(CONFIG_SEARCH[0])) return '`npm start` or `fbpd serve`';
  if (configFile === CONFIG_SEARCH[1]) return '`systemctl start fbpd` or `fbpd serve`';
  return configFile === undefined ? '`fbpd serve`' : `\`fbpd serve --config ${configFile}\``;
}
