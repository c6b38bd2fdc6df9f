import type { Command } from 'commander';

import { Context } from './context.ts';
import { CliError, EXIT } from './exit.ts';

/** What a pass names the items that it skipped because nothing may be spent on them. */
const REFUSALS = ['frozen', 'over_budget', 'over_deal_cap'] as const;

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
      const refusal = pass.done > 0 ? undefined : REFUSALS.find((code) => (pass.skipped[code] ?? 0) > 0);
      if (refusal !== undefined)
        throw new CliError(EXIT.refused, `nothing was spent (${refusal}); \`fbpd status\` says why and what to do`);
    });
}
