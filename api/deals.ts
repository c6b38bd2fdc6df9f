import type { ServerResponse } from 'node:http';

import type Router from '@koa/router';

import type { Deal } from '../daemon/domain/deal.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Piece } from '../daemon/domain/piece.ts';
import type { Pin } from '../daemon/domain/pin.ts';
import type { PinStore } from '../daemon/domain/ports.ts';
import type { components } from '../spec/fbpd.ts';
import type { ApiState, Auth } from './auth.ts';
import { renderPinDeal } from './cold-render.ts';
import { type ColdSide, optional } from './cold-side.ts';
import { readColdInfo } from './cold-summary.ts';
import { accountOf, notYours, requestIdOf } from './pins.ts';

type Body = components['schemas']['PinDeals'];

export interface DealRoutesOptions {
  pins: PinStore;
  /** Absent when no deals are made. */
  cold?: ColdSide;
  auth: Auth;
}

const NO_DEALS: Body = {
  replicas: { min: 0, target: 0, active: 0, pending: 0 },
  next: { code: 'no_maker', text: 'this service keeps hot copies only: it makes no storage deals' },
  deals: [],
};

/** `/v1/pins/{requestid}/deals` and `/receipt`, as `spec/fbpd.yaml` has them. */
export function addDealRoutes(router: Router<ApiState>, { pins, cold, auth }: DealRoutesOptions): void {
  router.get('/v1/pins/:requestid/deals', auth.requires('pins:read'), async (ctx) => {
    const pin = await pins.get(accountOf(ctx), requestIdOf(ctx));
    if (pin === undefined) throw notYours();
    ctx.body = cold === undefined ? NO_DEALS : await dealsOf(pin, cold);
  });

  router.get('/v1/pins/:requestid/receipt', auth.requires('pins:read'), async (ctx) => {
    const pin = await pins.get(accountOf(ctx), requestIdOf(ctx));
    if (pin === undefined) throw notYours();
    ctx.body = await receiptOf(pin, cold, ctx.res);
  });
}

/** Rejects with `CONFLICT` where there is nothing to prove. It ends when the client goes away. */
export async function receiptOf(pin: Pin, cold: ColdSide | undefined, res: ServerResponse): Promise<components['schemas']['Receipt']> {
  if (cold === undefined) throw new FbpdError('CONFLICT', `there is nothing to prove: ${NO_DEALS.next?.text}`);
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  res.once('close', onClose);
  try {
    return await cold.receipts.of(pin, gone.signal);
  } finally {
    res.off('close', onClose);
  }
}

async function dealsOf(pin: Pin, cold: ColdSide): Promise<Body> {
  const info = await readColdInfo(cold, [pin.contentKey]);
  if (info === undefined) return NO_DEALS;
  const { replicas, next, soonestEndEpoch } = info.summaryOf(pin.contentKey, pin.status === 'pinned');
  const found: { deal: Deal; piece: Piece }[] = [];
  for (const { value: piece } of await cold.store.piecesOf(pin.contentKey)) {
    for (const { value: deal } of await cold.store.dealsOf(piece.id)) found.push({ deal, piece });
  }
  found.sort((a, b) => a.deal.createdMs - b.deal.createdMs);
  return {
    replicas,
    next: { ...next },
    ...(soonestEndEpoch === undefined ? {} : { soonestEndEpoch, ...optional('soonestEnd', info.time(soonestEndEpoch)) }),
    deals: found.map(({ deal, piece }) => renderPinDeal(deal, piece, info.time)),
  };
}
