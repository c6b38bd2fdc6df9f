import type { Command } from 'commander';

import { Context } from './context.ts';

/** `fbpd reconcile NAME`. */
export function addReconcileCommand(program: Command): void {
  program
    .command('reconcile <name>')
    .description("run one of the daemon's loops now; `fbpd status` names them")
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = new Context(command);
      const pass = await context.client().call('post', '/admin/reconcile/{name}', { path: { name } });
      context.print(pass, () => {
        const skipped = Object.entries(pass.skipped).map(([reason, count]) => `, ${count} skipped: ${reason}`);
        return `${name}: ${pass.due} due, ${pass.done} done, ${pass.failed} failed${skipped.join('')}\n`;
      });
    });
}
