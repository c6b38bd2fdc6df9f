import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { NAME_MATCHES, PIN_STATUSES, type PinStatus } from '../domain/pin.ts';
import type { AdminClient } from './client.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { renderExplanation } from './explain.ts';
import { collect, collectPairs, positiveInteger, wordsOf } from './options.ts';
import { formatTime, printable, renderTable } from './output.ts';
import { pinPath, untilPinned, whatIsMeant } from './pin-files.ts';
import { PIN_COLUMNS, renderPin } from './render-pin.ts';

type PinEvent = components['schemas']['PinEvent'];

interface ListOptions {
  account?: string;
  status?: PinStatus[];
  cid?: string;
  name?: string;
  match?: (typeof NAME_MATCHES)[number][];
  before?: string;
  after?: string;
  limit: number;
}

interface AddOptions {
  account?: string;
  name?: string;
  origin?: string[];
  meta?: Record<string, string>;
  wait?: boolean;
}

const ABOUT_FILES = `
A file or directory wins over a CID of the same name. Of a directory everything is sent, hidden files as well; links in it
stay links and are not followed. Files become UnixFS as CIDv1, with raw leaves of 1 MiB and 1024 links a node.`;

/** `fbpd pins ls|get|add|rm|retry|log|explain`. */
export function addPinsCommand(program: Command): void {
  const pins = program.command('pins').description('pins of every account');

  pins
    .command('ls')
    .description('list pins, newest first')
    .option('--account <account>', 'of one account; without it, of all')
    .option('--status <statuses>', `some of ${PIN_STATUSES.join(',')}`, wordsOf(PIN_STATUSES))
    .option('--cid <cid>', 'of one content')
    .option('--name <name>', 'of that name')
    .option('--match <how>', `how the name is compared: one of ${NAME_MATCHES.join(',')}`, wordsOf(NAME_MATCHES))
    .option('--before <time>', 'created strictly before, as 2026-01-31T12:00:00Z')
    .option('--after <time>', 'created strictly after')
    .option('--limit <count>', 'at most so many, up to 1000', positiveInteger, 20)
    .action(async ({ match, ...filters }: ListOptions, command: Command) => {
      const context = new Context(command);
      const how = match?.[0];
      const query = { ...filters, ...(how === undefined ? {} : { match: how }) };
      const page = await context.client().call('get', '/admin/pins', { query });
      context.print(page, () => (page.pins.length === 0 ? 'no pins\n' : renderTable(page.pins, PIN_COLUMNS)));
      const oldest = page.pins.at(-1);
      if (oldest !== undefined && page.count > page.pins.length && !context.json) {
        context.note(`${page.pins.length} of ${page.count}; the next: --before ${oldest.created}`);
      }
    });

  pins
    .command('get <requestid>')
    .description('one pin, and what is known of its content')
    .action(async (requestId: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const pin = await context.client().call('get', '/admin/pins/{requestId}', { path: { requestId } });
      context.print(pin, () => renderPin(pin));
    });

  pins
    .command('add <what>')
    .description('pin a CID, or a file or directory of this machine, for an account')
    .option('--account <account>', 'for whom; may be left out where there is only one')
    .option('--name <name>', 'a name for it')
    .option('--origin <multiaddr>', 'who has the CID; may be given 20 times', collect)
    .option('--meta <key=value>', 'a note for the CID; may be repeated', collectPairs)
    .option('--wait', 'until it is pinned; on a terminal that is what is done with files')
    .option('--no-wait')
    .addHelpText('after', ABOUT_FILES)
    .action(async (what: string, options: AddOptions, command: Command) => {
      const context = new Context(command);
      const isPath = (await whatIsMeant(what, context)) === 'path';
      if (isPath && (options.origin !== undefined || options.meta !== undefined))
        throw new CliError(EXIT.wrongUse, '--origin and --meta are for CIDs, not for files');
      const client = context.client();
      const account = options.account ?? (await onlyAccount(client));
      const begun = isPath ? await pinPath(what, { ...options, account }, context) : await pinCid(client, what, { ...options, account });
      const wait = options.wait ?? (isPath && process.stderr.isTTY === true && !context.json);
      const pin = wait ? await untilPinned(begun, client, context) : begun;
      context.print(pin, () => (isPath ? renderPin(pin) : `${pin.requestId}\n`));
    });

  pins
    .command('rm <requestids...>')
    .description('remove pins')
    .action(async (requestIds: string[], _options: unknown, command: Command) => {
      const context = new Context(command);
      const client = context.client();
      await each(
        context,
        requestIds,
        (requestId) => client.call('delete', '/admin/pins/{requestId}', { path: { requestId } }),
        (pin) => `removed ${pin.requestId} (${printable(pin.name ?? pin.cid)})\n`,
      );
    });

  pins
    .command('retry <requestids...>')
    .description('fetch the content of failed or waiting pins anew')
    .action(async (requestIds: string[], _options: unknown, command: Command) => {
      const context = new Context(command);
      const client = context.client();
      await each(
        context,
        requestIds,
        (requestId) => client.call('post', '/admin/pins/{requestId}/retry', { path: { requestId } }),
        (pin) => `${pin.requestId} is ${pin.status}\n`,
      );
    });

  pins
    .command('log <requestid>')
    .description("what happened to a pin's content, oldest first")
    .action(async (requestId: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const { events } = await context.client().call('get', '/admin/pins/{requestId}/log', { path: { requestId } });
      context.print(events, () => (events.length === 0 ? 'nothing yet\n' : renderTable(events, EVENT_COLUMNS)));
    });

  pins
    .command('explain [requestid]')
    .description('its hot copy, its pieces and deals, what happens next, when, and why; without REQUESTID, of the newest pin')
    .action(async (given: string | undefined, _options: unknown, command: Command) => {
      const context = new Context(command);
      const client = context.client();
      const requestId = given ?? (await newestPin(client));
      const explanation = await client.call('get', '/admin/pins/{requestId}/explain', { path: { requestId } });
      context.print(explanation, () => renderExplanation(explanation));
    });
}

const EVENT_COLUMNS = [
  { heading: 'TIME', cell: ({ at }: PinEvent) => formatTime(at) },
  { heading: 'EVENT', cell: ({ event }: PinEvent) => event },
  { heading: 'WHAT', cell: ({ text }: PinEvent) => text },
] as const;

async function pinCid(client: AdminClient, cid: string, { account, name, origin, meta }: AddOptions & { account: string }) {
  const body = {
    account,
    cid,
    ...(name === undefined ? {} : { name }),
    ...(origin === undefined ? {} : { origins: origin }),
    ...(meta === undefined ? {} : { meta }),
  };
  return client.call('post', '/admin/pins', { body });
}

async function newestPin(client: AdminClient): Promise<string> {
  const { pins } = await client.call('get', '/admin/pins', { query: { limit: 1 } });
  const [newest] = pins;
  if (newest === undefined) throw new CliError(EXIT.failed, 'there is no pin yet; `fbpd pins add CID` makes one');
  return newest.requestId;
}

async function onlyAccount(client: AdminClient): Promise<string> {
  const { accounts } = await client.call('get', '/admin/accounts', {});
  const [first, ...others] = accounts;
  if (first === undefined) throw new CliError(EXIT.failed, 'there is no account to pin for; `fbpd accounts add NAME` adds one');
  if (others.length === 0) return first.id;
  throw new CliError(EXIT.wrongUse, `say whose pin it is with --account: ${accounts.map(({ name }) => name).join(', ')}`);
}

/**
 * One that fails does not keep the others from being done; the first failure is what the command ends with. For people each is
 * a line when it is done; JSON is one value at the end, of several an array.
 */
async function each<T>(context: Context, items: readonly string[], work: (item: string) => Promise<T>, human: (done: T) => string) {
  const all: T[] = [];
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      const done = await work(item);
      all.push(done);
      if (!context.json) context.print(done, () => human(done));
    } catch (error) {
      if (failures.length > 0) context.note(`fbpd: ${error instanceof Error ? error.message : error}`);
      failures.push(error);
    }
  }
  const value = items.length > 1 ? all : all[0];
  if (context.json && value !== undefined) context.print(value, () => '');
  if (failures.length > 0) throw failures[0];
}
