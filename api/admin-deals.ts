import type Router from '@koa/router';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import type { ColdStore, ColdView } from '../daemon/domain/cold-store-port.ts';
import type { Deal } from '../daemon/domain/deal.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Pin } from '../daemon/domain/pin.ts';
import type { ColdPolicy } from '../daemon/domain/policy.ts';
import type { Clock, FetchView, PinStore, Versioned } from '../daemon/domain/ports.ts';
import type { TierView } from '../daemon/domain/readership-port.ts';
import type { components, operations } from '../spec/fbpd.ts';
import { type FindPin, renderContent, renderPin } from './admin-render.ts';
import type { AdminValidators } from './admin-validate.ts';
import { renderDeal, renderPiece, renderStep } from './cold-render.ts';
import { type ColdSide, epochTimes, noCold, optional } from './cold-side.ts';
import { receiptOf } from './deals.ts';
import { formatTimestamp } from './timestamps.ts';

type Schemas = components['schemas'];
type DealsQuery = NonNullable<operations['listDeals']['parameters']['query']>;

export interface AdminDealsOptions {
  /** Absent when no deals are made. */
  cold?: ColdSide;
  pins: PinStore;
  /** Absent when hot copies are never let go. */
  tier?: TierView;
  fetches: FetchView;
  clock: Clock;
  validators: AdminValidators;
  findPin: FindPin;
}

/** Deals that one page looks at, at most: a filter that fits few of a million must not hold the daemon up. */
const LOOKED_AT_MAX = 20_000;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `/admin/deals…`, `/admin/plan`, `/admin/pins/…/explain` and `/admin/pins/…/receipt`. */
export function addDealRoutes(router: Router, options: AdminDealsOptions): void {
  const { cold, validators } = options;

  router.get('/admin/deals', async (ctx) => {
    const query = validators.query('listDeals', ctx.querystring);
    if (cold === undefined) throw noCold();
    const { deals, next } = await listDeals(cold.store, query);
    const pieceCids = await pieceCidsOf(cold.store, deals);
    const time = epochTimes(cold.view.lastView());
    ctx.body = { deals: deals.map((deal) => renderDeal(deal, pieceCids.get(deal.pieceId), time)), ...optional('next', next) };
  });

  router.get('/admin/deals/:deal', async (ctx) => {
    if (cold === undefined) throw noCold();
    const id = ctx.params.deal ?? '';
    const deal = UUID.test(id) ? (await cold.store.deal(id))?.value : undefined;
    if (deal === undefined) throw new FbpdError('NOT_FOUND', `there is no deal ${JSON.stringify(id.slice(0, 80))}`, { subject: 'deal' });
    const pieceCids = await pieceCidsOf(cold.store, [deal]);
    ctx.body = renderDeal(deal, pieceCids.get(deal.pieceId), epochTimes(cold.view.lastView()));
  });

  router.get('/admin/plan', async (ctx) => {
    const { limit = 20 } = validators.query('getPlan', ctx.querystring);
    if (cold === undefined) throw noCold();
    ctx.body = await plan(cold, limit);
  });

  router.get('/admin/pins/:requestId/explain', async (ctx) => {
    const { pin, account } = await options.findPin(ctx.params.requestId);
    ctx.body = await explain(pin, account, options);
  });

  router.get('/admin/pins/:requestId/receipt', async (ctx) => {
    const { pin } = await options.findPin(ctx.params.requestId);
    ctx.body = await receiptOf(pin, cold, ctx.res);
  });
}

async function plan({ store, view }: ColdSide, limit: number): Promise<Schemas['Plan']> {
  const held = view.held();
  const time = epochTimes(view.lastView());
  const { steps, costAtto, more } = await view.preview(limit);
  return {
    ...optional('held', held && { ...held }),
    budget: await renderBudget(view),
    cost: String(costAtto),
    more,
    waiting: (await Promise.all(view.policies().map((policy) => waitingFor(policy, store)))).filter(
      ({ contents, unfit }) => contents + unfit > 0,
    ),
    steps: steps.map((step) => renderStep(step, time)),
  };
}

async function waitingFor(policy: ColdPolicy, store: ColdStore): Promise<Schemas['Plan']['waiting'][number]> {
  const all = await store.waiting(policy.name);
  const joining = all.filter(({ reason }) => reason === undefined);
  const [oldest] = joining;
  return {
    policy: policy.name,
    contents: joining.length,
    bytes: joining.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ...(oldest === undefined ? {} : { closed: formatTimestamp(oldest.sinceMs + policy.maxWaitMs), enoughBytes: policy.minFillBytes }),
    unfit: all.length - joining.length,
  };
}

export async function renderBudget(view: ColdView): Promise<Schemas['Budget']> {
  const { day, perDayAtto, committedAtto } = await view.budget();
  return { day, perDay: String(perDayAtto), committed: String(committedAtto) };
}

async function explain(
  pin: Pin,
  account: string,
  { cold, tier, pins, fetches, clock }: AdminDealsOptions,
): Promise<Schemas['Explanation']> {
  const content = await pins.content(pin.contentKey);
  const rendered = renderPin(pin, account, { content: content && renderContent(content, fetches, clock.nowMs()) });
  const hotHeld = pin.status === 'queued' ? fetches.held() : undefined;
  const hot = { pin: rendered, ...optional('hotHeld', hotHeld && { ...hotHeld }) };
  if (cold === undefined) return { ...hot, maker: 'none', pieces: [] };
  const { store, view, maker } = cold;
  const time = epochTimes(view.lastView());
  const [{ waiting } = {}] = await store.coldOf([pin.contentKey]);
  const pieces = await store.piecesOf(pin.contentKey);
  const policy = view.policies().find(({ name }) => name === waiting?.policy);
  const held = view.held();
  return {
    ...hot,
    ...(tier === undefined ? {} : { tier: await renderTier(tier, pin.contentKey) }),
    maker,
    ...optional('held', held && { ...held }),
    ...optional('headEpoch', view.lastView()?.view.headEpoch),
    ...optional(
      'waiting',
      waiting && {
        policy: waiting.policy,
        since: formatTimestamp(waiting.sinceMs),
        until: formatTimestamp(waiting.sinceMs + (policy?.maxWaitMs ?? 0)),
        ...optional('reason', waiting.reason && { ...waiting.reason }),
      },
    ),
    pieces: await Promise.all(pieces.map(async ({ value: piece }) => renderPiece(piece, await dealsOf(store, piece.id), time))),
  };
}

async function renderTier(tier: TierView, contentKey: string): Promise<NonNullable<Schemas['Explanation']['tier']>> {
  const why = await tier.why(contentKey);
  const read = tier.reads(contentKey);
  return {
    ...optional('why', why && { ...why }),
    ...optional('read', read && { times: read.reads, last: formatTimestamp(read.lastReadMs) }),
    retrievals: (await tier.retrievals(contentKey)).map(({ source, elsewhere, result, text, bytes, tookMs, firstByteMs, atMs }) => ({
      at: formatTimestamp(atMs),
      from: source?.provider ?? elsewhere ?? 'network',
      ...optional('deal', source?.dealId),
      result,
      text,
      bytes,
      tookMs,
      ...optional('firstByteMs', firstByteMs),
    })),
  };
}

/** One page of the deals that fit. With a piece or a content, only their deals are looked at. */
async function listDeals(store: ColdStore, query: DealsQuery): Promise<{ deals: Deal[]; next?: string }> {
  const limit = query.limit ?? 20;
  const deals: Deal[] = [];
  let looked = 0;
  let last: string | undefined;
  for await (const { value: deal } of candidates(store, query)) {
    if (deals.length === limit || looked === LOOKED_AT_MAX) return { deals, ...optional('next', last) };
    looked++;
    last = deal.id;
    if (fits(deal, query)) deals.push(deal);
  }
  return { deals };
}

async function* candidates(store: ColdStore, { piece, cid, after }: DealsQuery): AsyncGenerator<Versioned<Deal>> {
  if (piece === undefined && cid === undefined) {
    yield* store.deals(after === undefined ? {} : { after });
    return;
  }
  const ofContent = cid === undefined ? undefined : (await store.piecesOf(contentKeyOf(parseCid(cid)))).map(({ value }) => value.id);
  const pieceIds = piece === undefined ? (ofContent ?? []) : ofContent === undefined || ofContent.includes(piece) ? [piece] : [];
  const found = (await Promise.all(pieceIds.map((id) => store.dealsOf(id)))).flat();
  found.sort((a, b) => (a.value.id < b.value.id ? -1 : 1));
  yield* found.filter(({ value }) => after === undefined || value.id > after);
}

function fits(deal: Deal, { state, unknown, provider }: DealsQuery): boolean {
  return (
    (state === undefined || state.includes(deal.state)) &&
    (unknown === undefined || deal.outcome === 'unknown') &&
    (provider === undefined || deal.provider === provider)
  );
}

async function pieceCidsOf(store: ColdStore, deals: readonly Deal[]): Promise<Map<string, string | undefined>> {
  const ids = [...new Set(deals.map(({ pieceId }) => pieceId))];
  return new Map(await Promise.all(ids.map(async (id) => [id, (await store.piece(id))?.value.built?.pieceCid] as const)));
}

async function dealsOf(store: ColdStore, pieceId: string): Promise<Deal[]> {
  return (await store.dealsOf(pieceId)).map(({ value }) => value);
}
