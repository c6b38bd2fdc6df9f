import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { dayText, fil, minute, wrap } from './cold-output.ts';
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
  const { budget, held, steps, waiting } = plan;
  const lines = [...steps.map(renderStep), ...waiting.map(renderWaiting)];
  if (lines.length === 0) lines.push('nothing to do\n');
  if (plan.more) lines.push('… and more: --limit shows them\n');
  if (held !== undefined) lines.push(wrap(`Nothing of it is paid for at present: ${held.text}`, 4));
  const day = `${fil(budget.committed)} of ${fil(budget.perDay)} promised today`;
  lines.push(wrap(`Cost: ${fil(plan.cost)}${plan.more ? ' for these steps' : ''}; ${day}`, 4));
  return lines.join('');
}

function renderWaiting({ policy, contents, bytes, closed, enoughBytes = 0, unfit }: Plan['waiting'][number]): string {
  const lines: string[] = [];
  if (closed !== undefined) {
    const when = `closed ${minute(closed)} at the latest, or as soon as there are ${formatSize(enoughBytes)}`;
    lines.push(wrap(`wait: ${counted(contents, 'content')} of ${formatSize(bytes)} for a piece of policy ${policy}, ${when}`, 4));
  }
  if (unfit > 0)
    lines.push(wrap(`wait: ${counted(unfit, 'content')} of policy ${policy} that no piece takes as things are; pins explain says why`, 4));
  return lines.join('');
}

function whoseText(country: string | undefined, owner: string | undefined): string {
  const parts = [...(country === undefined ? [] : [country]), ...(owner === undefined ? [] : [`owner ${owner}`])];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function renderStep({ kind, piece, contents, sample, reason, provider, country, owner, cost, endEpoch, end }: Step): string {
  const what = piece === '' ? counted(contents, 'content') : `piece ${piece}, ${counted(contents, 'content')}`;
  const deal = provider === undefined ? '' : ` to ${provider}${whoseText(country, owner)}`;
  const terms = cost === undefined ? '' : ` for ${fil(cost)}, until ${endEpoch === undefined ? '?' : dayText(endEpoch, end)}`;
  const [first] = sample;
  const shown = first === undefined ? '' : `    ${first}${contents > 1 ? ` and ${contents - 1} more` : ''}\n`;
  return `${wrap(`${kind}${deal}${terms}: ${what}`, 4)}${wrap(`    because ${reason.text}`, 4)}${shown}`;
}
