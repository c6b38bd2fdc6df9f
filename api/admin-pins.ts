import type Router from '@koa/router';

import type { Account } from '../daemon/domain/account.ts';
import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { PinPage, PinQuery } from '../daemon/domain/pin.ts';
import type { Accounts, Clock, FetchView, PinStore } from '../daemon/domain/ports.ts';
import type { Log } from '../daemon/log.ts';
import type { operations } from '../spec/fbpd.ts';
import { type FindPin, renderContent, renderPin } from './admin-render.ts';
import type { AdminValidators } from './admin-validate.ts';
import { readJson } from './body.ts';
import { toPinRequest } from './pin-request.ts';
import { formatTimestamp, parseTimestamp } from './timestamps.ts';
import { pinningValidators } from './validate.ts';

export interface AdminPinsOptions {
  accounts: Accounts;
  pins: PinStore;
  fetches: FetchView;
  clock: Clock;
  log: Log;
  allowPrivateOrigins: boolean;
  validators: AdminValidators;
  bodyBytes: number;
  findPin: FindPin;
}

type ListQuery = NonNullable<operations['listPins']['parameters']['query']>;

/** `/admin/pins…` and `/admin/blocks…`. */
export function addPinRoutes(router: Router, options: AdminPinsOptions): void {
  const { accounts, pins, fetches, clock, log, validators, bodyBytes, findPin } = options;
  const pinRequest = { validators: pinningValidators(), allowPrivateOrigins: options.allowPrivateOrigins };

  router.get('/admin/pins', async (ctx) => {
    const query = validators.query('listPins', ctx.querystring);
    const owners = query.account === undefined ? await accounts.list() : [await accounts.find(query.account)];
    const page = await listPins(pins, owners, toPinQuery(query));
    const names = new Map(owners.map(({ id, name }) => [id, name]));
    const contents = await pins.contents(page.pins.map(({ contentKey }) => contentKey));
    ctx.body = {
      count: page.count,
      pins: page.pins.map((pin, i) => renderPin(pin, names.get(pin.accountId) ?? '', { hot: contents[i]?.hot })),
    };
  });

  router.post('/admin/pins', async (ctx) => {
    const { account, ...body } = validators.body('NewPin', await readJson(ctx.req, bodyBytes));
    const owner = await accounts.find(account);
    if (owner.state === 'deleting') throw new FbpdError('CONFLICT', `account ${owner.name} is being deleted`, { subject: 'account' });
    const pin = await pins.add(owner.id, toPinRequest(body, pinRequest));
    ctx.status = 201;
    ctx.body = renderPin(pin, owner.name);
  });

  router.get('/admin/pins/:requestId', async (ctx) => {
    const { pin, account } = await findPin(ctx.params.requestId);
    const content = await pins.content(pin.contentKey);
    ctx.body = renderPin(pin, account, { content: content && renderContent(content, fetches, clock.nowMs()) });
  });

  router.delete('/admin/pins/:requestId', async (ctx) => {
    const { pin, account } = await findPin(ctx.params.requestId);
    ctx.body = renderPin(await pins.remove(pin.accountId, pin.requestId), account);
  });

  router.post('/admin/pins/:requestId/retry', async (ctx) => {
    const { pin, account } = await findPin(ctx.params.requestId);
    ctx.body = renderPin(await pins.retry(pin), account);
  });

  router.get('/admin/pins/:requestId/log', async (ctx) => {
    const { pin } = await findPin(ctx.params.requestId);
    const events = await pins.events(pin);
    ctx.body = { events: events.map(({ atMs, event, text }) => ({ at: formatTimestamp(atMs), event, text })) };
  });

  router.get('/admin/blocks', async (ctx) => {
    const blocks = [];
    for await (const { contentKey, note, atMs } of pins.blocked()) blocks.push({ cid: contentKey, note, at: formatTimestamp(atMs) });
    ctx.body = { blocks };
  });

  router.put('/admin/blocks/:cid', async (ctx) => {
    const cid = contentKeyOf(parseCid(ctx.params.cid ?? ''));
    const { note } = validators.body('NewBlock', await readJson(ctx.req, bodyBytes));
    const blocked = await pins.block(cid, note);
    log.info({ audit: true, cid, note, pins: blocked.pins }, 'content blocked');
    ctx.body = { cid, pins: blocked.pins };
  });

  router.delete('/admin/blocks/:cid', async (ctx) => {
    const cid = contentKeyOf(parseCid(ctx.params.cid ?? ''));
    await pins.unblock(cid);
    log.info({ audit: true, cid }, 'content unblocked');
    ctx.body = { cid };
  });
}

/** Finds a pin by what an operator typed. Rejects with `NOT_FOUND`. */
export function pinFinder({ pins, accounts }: Pick<AdminPinsOptions, 'pins' | 'accounts'>): FindPin {
  return async (requestId) => {
    const pin = await pins.find(requestId ?? '');
    if (pin === undefined)
      throw new FbpdError('NOT_FOUND', `there is no pin ${JSON.stringify(requestId?.slice(0, 80))}`, { subject: 'requestId' });
    const owner = await accounts.find(pin.accountId).catch(() => undefined);
    return { pin, account: owner?.name ?? '' };
  };
}

function toPinQuery(query: ListQuery): PinQuery {
  const before = query.before === undefined ? undefined : parseTimestamp(query.before);
  const after = query.after === undefined ? undefined : parseTimestamp(query.after);
  return {
    match: query.match ?? 'exact',
    limit: query.limit ?? 20,
    ...(query.status === undefined ? {} : { statuses: query.status }),
    ...(query.cid === undefined ? {} : { contentKeys: [contentKeyOf(parseCid(query.cid))] }),
    ...(query.name === undefined ? {} : { name: query.name }),
    // Whole milliseconds are on record: strictly before 1.5 ms is strictly before 2.
    ...(before === undefined ? {} : { beforeMs: before.between ? before.ms + 1 : before.ms }),
    ...(after === undefined ? {} : { afterMs: after.ms }),
  };
}

/** One page over several accounts: the newest of each, of those the newest. */
async function listPins(pins: PinStore, owners: readonly Account[], query: PinQuery): Promise<PinPage> {
  const merged: PinPage = { count: 0, pins: [] };
  for (const { id } of owners) {
    const page = await pins.list(id, query);
    merged.count += page.count;
    merged.pins.push(...page.pins);
  }
  merged.pins.sort((a, b) => b.createdMs - a.createdMs);
  merged.pins.length = Math.min(merged.pins.length, query.limit);
  return merged;
}
