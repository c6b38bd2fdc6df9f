import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';

import { FbpdError } from '../daemon/domain/errors.ts';
import type { Pin } from '../daemon/domain/pin.ts';
import type { FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import type { ApiState, Auth } from './auth.ts';
import { readJson } from './body.ts';
import type { ColdSide } from './cold-side.ts';
import { readColdInfo } from './cold-summary.ts';
import { toPinRequest } from './pin-request.ts';
import { toPinQuery } from './query.ts';
import { delegatesOf, renderPin } from './render.ts';
import type { Validators } from './validate.ts';

export interface PinRoutesOptions {
  pins: PinStore;
  fetches: FetchView;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  hotStatus: () => HotStatusReport;
  auth: Auth;
  validators: Validators;
  bodyBytes: number;
  allowPrivateOrigins: boolean;
}

type PinContext = Pick<RouterContext<ApiState>, 'state' | 'params' | 'req'>;

/** The five routes of the Pinning Services API: parse, one call of the store, render. */
export function addPinRoutes(router: Router<ApiState>, options: PinRoutesOptions): void {
  const { pins, auth } = options;
  const read = auth.requires('pins:read');
  const write = auth.requires('pins:write');

  /** A pin of an account that went while its body was on the way would be nobody's, so who sends it is looked at again. */
  async function body(ctx: PinContext) {
    const json = await readJson(ctx.req, options.bodyBytes);
    await auth.confirm(ctx.state.caller);
    return toPinRequest(json, options);
  }

  async function render(pin: Pin, delegates: string[]) {
    const [rendered] = await renderAll([pin], delegates);
    return rendered;
  }

  /** One read of each kind for all of them: a page has up to a thousand. Of a content only its size is shown, and only when it is pinned. */
  async function renderAll(page: readonly Pin[], delegates: string[]) {
    const pinned = new Set(page.filter(({ status }) => status === 'pinned').map(({ contentKey }) => contentKey));
    const contents = new Map((await pins.contents([...pinned])).map((content) => [content?.key, content]));
    const keys = page.map(({ contentKey }) => contentKey);
    const cold = await readColdInfo(options.cold, keys);
    return page.map((pin) => renderPin(pin, delegates, options.fetches, contents.get(pin.contentKey), cold));
  }

  router.get('/pins', read, async (ctx) => {
    const page = await pins.list(accountOf(ctx), toPinQuery(ctx.querystring, options.validators));
    // An empty page needs no delegates, so it can be had even before they are known.
    const delegates = page.pins.length === 0 ? [] : delegatesOf(options.hotStatus());
    ctx.body = { count: page.count, results: await renderAll(page.pins, delegates) };
  });

  router.post('/pins', write, async (ctx) => {
    const request = await body(ctx);
    // Asked for before anything is written: a request that cannot be answered must not be accepted either.
    const delegates = delegatesOf(options.hotStatus());
    const pin = await pins.add(accountOf(ctx), request);
    ctx.status = 202;
    ctx.body = await render(pin, delegates);
  });

  router.get('/pins/:requestid', read, async (ctx) => {
    const pin = await pins.get(accountOf(ctx), requestIdOf(ctx));
    if (pin === undefined) throw notYours();
    ctx.body = await render(pin, delegatesOf(options.hotStatus()));
  });

  router.post('/pins/:requestid', write, async (ctx) => {
    const request = await body(ctx);
    const delegates = delegatesOf(options.hotStatus());
    const pin = await pins.replace(accountOf(ctx), requestIdOf(ctx), request);
    ctx.status = 202;
    ctx.body = await render(pin, delegates);
  });

  router.delete('/pins/:requestid', write, async (ctx) => {
    await pins.remove(accountOf(ctx), requestIdOf(ctx));
    // In this order: Koa makes a 204 of a null body, and the specification wants a 202 without one.
    ctx.body = null;
    ctx.status = 202;
  });
}

/** Whose token it is. */
export function accountOf(ctx: Pick<PinContext, 'state'>): string {
  return ctx.state.caller.account.id;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ours are lower-case UUIDs; anything else cannot be in the store, and is not put into one of its keys. */
export function requestIdOf(ctx: Pick<PinContext, 'params'>): string {
  const id = ctx.params.requestid;
  if (id === undefined || !UUID.test(id)) throw notYours();
  return id;
}

/** Somebody else's pin looks as one that never was. */
export function notYours(): FbpdError {
  return new FbpdError('NOT_FOUND', 'there is no pin with this requestid');
}
