import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Command } from 'commander';

import { type Config, loadConfig } from '../config.ts';
import type { Daemon } from '../main.ts';
import { Context, clientFor } from './context.ts';
import { localConfig, localConfigFile, writeConfig } from './init.ts';
import { runUntilStopped } from './run-daemon.ts';
import { renderPlaces } from './serve.ts';
import { startTour, TOUR, type Tour } from './tour.ts';

const FIRST_ACCOUNT = 'me';
/** To pin and to read what is pinned. */
const FIRST_SCOPES = ['pins:read', 'pins:write', 'retrieve'] as const;

/** `fbpd start`, which is what `npm start` runs: `init` where there is no config yet, a development network, `serve`, and how to go on. */
export function addStartCommand(program: Command): void {
  program
    .command('start')
    .description('run the daemon from a clone, with everything in ./.fbpd; the first time an account and a token are made')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const file = context.configFile === undefined ? localConfigFile() : resolve(context.configFile);
      if (!existsSync(file)) await writeConfig(file, localConfig(TOUR));
      const tour = await startTour(loadConfig({ file, secrets: false }));
      try {
        await run(tour?.onNetwork(loadConfig({ file })) ?? loadConfig({ file }), tour);
      } finally {
        await tour?.stop();
      }
    });
}

async function run(config: Config, tour: Tour | undefined): Promise<void> {
  let up = false;
  try {
    await runUntilStopped(config, async (daemon) => {
      up = true;
      process.stdout.write(`${renderPlaces(config, daemon)}\n${await nextSteps(config, daemon)}${tour === undefined ? '' : ABOUT_TOUR}`);
    });
  } catch (error) {
    if (!up) await tour?.undo();
    throw error;
  }
}

const ABOUT_TOUR = `
What becomes of the newest pin:  npx fbpd pins explain
What would be done next:         npx fbpd plan

Storage deals are made on a development network of this machine, with five providers and epochs of
0.2 seconds. All of it works, none of it is real: nothing is stored on Filecoin, its FIL is worth nothing.
`;

/** With an account and a token of its own the first time; later, how to make another. */
async function nextSteps(config: Config, daemon: Daemon): Promise<string> {
  const client = clientFor(config.api.adminSocket, config.file);
  const { accounts } = await client.call('get', '/admin/accounts', {});
  const [first] = accounts;
  if (first !== undefined) {
    return `A new token: ${newToken(first.name)}\nHow it goes: npx fbpd status\n`;
  }
  const account = await client.call('post', '/admin/accounts', { body: { name: FIRST_ACCOUNT } });
  const body = { account: account.id, name: 'first', scopes: [...FIRST_SCOPES] };
  const { secret } = await client.call('post', '/admin/tokens', { body });
  return `The token of the account ${account.name}, shown this once:

  ${secret}

To pin with kubo, paste into another shell, its own daemon running:

  ipfs pin remote service add fbpd ${daemon.endpoints.api} ${secret}
  ipfs pin remote add --service=fbpd --name=hello "$(echo hello from fbpd | ipfs add --quieter)"
  ipfs pin remote ls --service=fbpd

To read it back from here:

  curl --header "Authorization: Bearer ${secret}" "${daemon.endpoints.gateway}/ipfs/$(echo hello from fbpd | ipfs add --quieter --only-hash)"

Another token: ${newToken(account.name)}
How it goes:   npx fbpd status
`;
}

/** One that can do what the first can. */
function newToken(account: string): string {
  return `npx fbpd tokens create ${account} --scopes ${FIRST_SCOPES.join(',')}`;
}
