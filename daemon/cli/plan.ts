import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { dayText, fil, wrap } from './cold-output.ts';
import { Context } from './context.ts';
import { positiveInteger } from './options.ts';
import { counted } from './output.ts';

type Plan = components['schemas']['Plan'];
type Step = components['schemas']['PlannedStep'];

/** `fbpd plan`. */
export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description('what would be done next for the cold copies and what it would cost; does nothing')
    .option('--limit <count>', 'at most so many steps, up to 1000', positiveInteger, 20)
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const context = new Context(command);
      const plan = await context.client().call('get', '/admin/plan', { query: { limit } });
      context.print(plan, () => renderPlan(plan));
    });
}

function renderPlan(plan: Plan): string {
  const { budget, held, steps } = plan;
  const lines = steps.map(renderStep);
  if (steps.length === 0) lines.push('nothing to do\n');
  if (plan.more) lines.push('… and more: --limit shows them\n');
  if (held !== undefined) lines.push(wrap(`Nothing of it is paid for at present: ${held.text}`, 4));
  const day = `${fil(budget.committed)} of ${fil(budget.perDay)} promised today`;
  lines.push(wrap(`Cost: ${fil(plan.cost)}${plan.more ? ' for these steps' : ''}; ${day}`, 4));
  return lines.join('');
}

function renderStep({ kind, piece, contents, sample, reason, provider, cost, endEpoch, end }: Step): string {
  const what = piece === '' ? counted(contents, 'content') : `piece ${piece}, ${counted(contents, 'content')}`;
  const deal = provider === undefined ? '' : ` to ${provider}`;
  const terms = cost === undefined ? '' : ` for ${fil(cost)}, until ${endEpoch === undefined ? '?' : dayText(endEpoch, end)}`;
  const [first] = sample;
  const shown = first === undefined ? '' : `    ${first}${contents > 1 ? ` and ${contents - 1} more` : ''}\n`;
  return `${wrap(`${kind}${deal}${terms}: ${what}`, 4)}${wrap(`    because ${reason.text}`, 4)}${shown}`;
}
