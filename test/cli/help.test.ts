import test from 'ava';
import type { Command } from 'commander';

import { createProgram } from '../../daemon/cli/fbpd.ts';

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

test('every command has a help, with defaults as one would type them', (t) => {
  for (const command of commandsOf(createProgram())) t.notRegex(command.helpInformation(), /[{}]|\[object/, command.name());
});

function helpOf(...names: string[]): string {
  const found = names.reduce<Command | undefined>((command, name) => command?.commands.find((one) => one.name() === name), createProgram());
  return found?.helpInformation().replace(/\s+/g, ' ') ?? '';
}

test('the default of a duration is shown as one would type it', (t) => {
  t.true(helpOf('links', 'create').includes('(default: 24h)'));
});

test('the help of devnet shows its defaults', (t) => {
  const help = helpOf('devnet');
  for (const fallback of ['127.0.0.1:1234', '200ms', '1000 FIL']) t.true(help.includes(`(default: ${fallback})`), fallback);
});
