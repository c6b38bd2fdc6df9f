import type { Command } from 'commander';

import { isFbpdError } from '../domain/errors.ts';
import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';
import { counted } from './output.ts';

interface Report {
  records: number;
  problems: readonly string[];
}

/** `fbpd check`: by the daemon while it runs, else by ourselves. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('read and verify every record of the store, with the daemon running or stopped')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const showProgress =
        process.stderr.isTTY && !context.json ? (records: number) => process.stderr.write(`\r${records} records`) : () => undefined;
      const report = await checkByDaemon(context, showProgress).catch((error: unknown) => {
        if (isFbpdError(error, 'UNREACHABLE')) return checkAlone(context, showProgress);
        throw error;
      });
      if (process.stderr.isTTY && !context.json) process.stderr.write('\r\u001B[K');
      context.print(report, () => [...report.problems, ''].join('\n'));
      if (report.problems.length > 0) {
        throw new CliError(
          EXIT.storeDamaged,
          `${counted(report.problems.length, 'problem')} in ${counted(report.records, 'record')}; ${advice(report.problems)}`,
        );
      }
      context.note(`${counted(report.records, 'record')}, all intact`);
    });
}

/** A spend log that does not fit stops spending, and nothing else. */
function advice(problems: readonly string[]): string {
  return problems.every((problem) => problem.startsWith('spend log: '))
    ? 'the store itself is intact, and nothing is spent: compare the deals with those of the wallet on the chain, then say fbpd unfreeze'
    : 'restore a backup, or keep the store for examination and start a new one';
}

async function checkByDaemon(context: Context, onProgress: (records: number) => void): Promise<Report> {
  for await (const line of context.client().stream('post', '/admin/check', {})) {
    if (line.done) return { records: line.records, problems: line.problems ?? [] };
    onProgress(line.records);
  }
  throw new CliError(EXIT.failed, 'the daemon ended before the check did');
}

async function checkAlone(context: Context, onProgress: (records: number) => void): Promise<Report> {
  const config = context.config({ secrets: false });
  const { checkStore } = await import('../main.ts');
  return checkStore(config, onProgress);
}
