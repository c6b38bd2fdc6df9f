import type Router from '@koa/router';

import type { Clock, PinStore } from '../daemon/domain/ports.ts';
import { addServed, type DayRange, dayAfter, dayOfMs, isUtcDay, NOTHING_SERVED, type UsageView } from '../daemon/domain/usage.ts';
import type { components } from '../spec/fbpd.ts';
import type { AdminValidators } from './admin-validate.ts';
import type { ApiState, Auth } from './auth.ts';
import { accountOf } from './pins.ts';
import { badField } from './validate.ts';

export interface UsageOptions {
  usage: UsageView;
  pins: Pick<PinStore, 'accountTotals'>;
  clock: Clock;
}

/** On whose account it is that everybody reads what the gateway shows without a token. It has no record. */
export const PUBLIC_ACCOUNT = { id: 'public', name: 'public' };

const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;

/** `/v1/usage`, as `spec/fbpd.yaml` has it. */
export function addUsageRoutes(router: Router<ApiState>, options: UsageOptions & { auth: Auth; validators: AdminValidators }): void {
  router.get('/v1/usage', options.auth.requires('account:read'), async (ctx) => {
    ctx.body = await readAccountUsage(options, accountOf(ctx), options.validators.query('getUsage', ctx.querystring));
  });
}

/** What was served on an account, and what it keeps. Throws `BAD_REQUEST` for days that there are not, or too many of them. */
export async function readAccountUsage(
  { usage, pins, clock }: UsageOptions,
  accountId: string,
  query: Partial<DayRange>,
): Promise<components['schemas']['Usage']> {
  const range = rangeOf(query, clock.nowMs());
  const days = await usage.usage(accountId, range);
  return {
    ...range,
    served: days.reduce((sum, { served }) => addServed(sum, served), NOTHING_SERVED),
    days,
    stored: { pins: { ...pins.accountTotals(accountId) } },
  };
}

function rangeOf(query: Partial<DayRange>, nowMs: number): DayRange {
  for (const name of ['from', 'to'] as const) {
    const day = query[name];
    if (day !== undefined && !isUtcDay(day)) throw badField(name, `must be a day such as 2026-01-31, not before 1970; got ${day}`);
  }
  const to = query.to ?? dayOfMs(nowMs);
  const from = query.from ?? dayAfter(to, 1 - DEFAULT_DAYS);
  if (from > to) throw badField('from', `is a later day than the last one, ${to}`);
  if (from < dayAfter(to, 1 - MAX_DAYS)) throw badField('from', `is too early: at most ${MAX_DAYS} days are answered at once`);
  return { from, to };
}
