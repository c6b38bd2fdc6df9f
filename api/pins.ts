import type Router from '@koa/router';
import type { RouterContext } from '@koa/router';

import type { Content } from '../daemon/domain/content.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Pin } from '../daemon/domain/pin.ts';
import type { FetchView, HotStatusReport, PinStore } from '../daemon/domain/ports.ts';
import type { ApiState, Auth } from './auth.ts';
import { readJson } from './body.ts';
import { toPinRequest } from './pin-request.ts';
import { toPinQuery } from './query.ts';
import { delegatesOf, renderPin } from './render.ts';
import type { Validators } from './validate.ts';

export interface PinRoutesOptions {
  pins: PinStore;
  fetches: FetchView;
  hotStatus: () => HotStatusReport;
  auth: Auth;
  validators: Validators;
  bodyBytes: number;
  allowPrivateOrigins: boolean;
}

type PinContext = RouterContext<ApiState>;

/** The five routes of the Pinning Services API: parse, one call of the store, render. */
export function addPinRoutes(router: Router<ApiState>, options: PinRoutesOptions): void {
  const { pins, auth } = options;
  const read = auth.requires('pins:read');
  const write = auth.requires('pins:write');

  async function body(ctx: PinContext) {
    return toPinRequest(await readJson(ctx.req, options.bodyBytes), options);
  }

  async function render(pin: Pin, delegates: string[]) {
    return renderPin(pin, delegates, options.fetches, await contentOf(pin, pins));
  }

  router.get('/pins', read, async (ctx) => {
    const page = await pins.list(accountOf(ctx), toPinQuery(ctx.querystring, options.validators));
    // An empty page needs no delegates, so it can be had even before they are known.
    const delegates = page.pins.length === 0 ? [] : delegatesOf(options.hotStatus());
    ctx.body = { count: page.count, results: await Promise.all(page.pins.map((pin) => render(pin, delegates))) };
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

/** Its size is the only thing shown, and only of what is pinned. */
async function contentOf(pin: Pin, pins: PinStore): Promise<Content | undefined> {
  return pin.status === 'pinned' ? pins.content(pin.contentKey) : undefined;
}

function accountOf(ctx: PinContext): string {
  return ctx.state.caller.account.id;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Ours are lower-case UUIDs; anything else cannot be in the store, and is not put into one of its keys. */
function requestIdOf(ctx: PinContext): string {
  const id = ctx.params.requestid;
  if (id === undefined || !UUID.test(id)) throw notYours();
  return id;
}

function notYours(): FbpdError {
  return new FbpdError('NOT_FOUND', 'there is no pin with this requestid');
}
