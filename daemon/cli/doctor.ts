import type { Command } from 'commander';

import { Context } from './context.ts';
import { examine } from './doctor-checks.ts';
import { CliError, EXIT } from './exit.ts';
import { counted, renderTable } from './output.ts';

/** `fbpd doctor`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at everything that the daemon needs, and say what is missing')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const findings = await examine(context.config({ secrets: true }));
      context.print(findings, () => renderTable(findings, COLUMNS));
      const failed = findings.filter(({ state }) => state === 'fail').length;
      if (failed > 0) throw new CliError(EXIT.environment, `${counted(failed, 'thing')} to mend, marked FAIL`);
    });
}

const MARKS = { ok: 'ok', warn: 'warn', fail: 'FAIL' } as const;

const COLUMNS = [
  { heading: '', cell: ({ state }: { state: keyof typeof MARKS }) => MARKS[state] },
  { heading: 'ABOUT', cell: ({ about }: { about: string }) => about },
  { heading: 'FOUND', cell: ({ text }: { text: string }) => text },
] as const;
