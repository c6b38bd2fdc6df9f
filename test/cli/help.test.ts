import test from 'ava';
import type { Command } from 'commander';

import { createProgram } from '../../daemon/cli/fbpd.ts';

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)];
}

test('every command has a help, with defaults as one would type them', (t) => {
  for (const command of commandsOf(createProgram())) t.notRegex(command.helpInformation(), /[{}]|\[object/, command.name());
});

test('the help of devnet shows its defaults', (t) => {
  const help =
    createProgram()
      .commands.find((command) => command.name() === 'devnet')
      ?.helpInformation()
      .replace(/\s+/g, ' ') ?? '';
  for (const fallback of ['127.0.0.1:1234', '200ms', '1000 FIL']) t.true(help.includes(`(default: ${fallback})`), fallback);
});
