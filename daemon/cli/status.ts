import type { Command } from 'commander';

import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { Context } from './context.ts';
import { counted, formatTime, renderFields, waitedFor } from './output.ts';
import { coldFields } from './status-cold.ts';

type Status = components['schemas']['Status'];

/** `fbpd status`. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('how the daemon is')
    .action(async (_options: unknown, command: Command) => {
      const context = new Context(command);
      const status = await context.client().call('get', '/admin/status', {});
      context.print(status, () => renderStatus(status));
    });
}

function renderStatus(status: Status): string {
  const { pins, hot, disk } = status;
  return renderFields([
    ['fbpd', `${status.version}, process ${status.pid} on Node ${status.node}, since ${formatTime(status.started)}`],
    ['endpoint', status.endpoint],
    ['gateway', status.gateway],
    [
      'pins',
      `${pins.pinned} pinned, ${pins.pinning} pinning, ${pins.queued} queued, ${pins.failed} failed; ${counted(status.accounts, 'account')}`,
    ],
    ['fetching', String(status.fetching)],
    ['waiting', status.held && waitedFor(status.held.text)],
    ['hot tier', `${hot.up ? 'up' : 'DOWN'}: ${hot.detail}`],
    ['peer id', hot.peerId],
    ['hot space', hotSpace(hot)],
    ...coldFields(status.cold),
    ['disk', `${formatSize(disk.freeBytes)} free; pins wait below ${formatSize(disk.minFreeBytes)}`],
    ['state', status.stateDir],
    ['cache', status.cacheDir],
    ['config', status.config],
    ['reconcilers', status.reconcilers.join(', ')],
  ]);
}

function hotSpace({ repoBytes, capacityBytes }: Status['hot']): string | undefined {
  if (repoBytes === undefined) return undefined;
  return capacityBytes === undefined ? formatSize(repoBytes) : `${formatSize(repoBytes)} of ${formatSize(capacityBytes)}`;
}
