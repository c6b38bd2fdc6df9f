import type Router from '@koa/router';

import { ColdError } from '../daemon/domain/cold-ports.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import { needsIntroduction } from '../daemon/domain/introduction.ts';
import type { Candidate, Provider } from '../daemon/domain/provider.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
import { renderWallet } from './admin-cold.ts';
import type { AdminValidators } from './admin-validate.ts';
import { readJson } from './body.ts';
import { renderBreaker, renderProvider } from './cold-render.ts';
import { type ColdSide, epochTimes, noCold } from './cold-side.ts';
import { badField } from './validate.ts';

export interface AdminProvidersOptions {
  /** Absent when no deals are made. */
  cold?: ColdSide;
  log: Log;
  validators: AdminValidators;
  bodyBytes: number;
}

/** A provider that never answers must not hang the command that asks. */
const ASK_TIMEOUT_MS = 60_000;

const LINES_SHOWN = 10;
const NO_REASON = 'no reason was given';

/** `/admin/providers…`, `/admin/wallet` and `/admin/freeze`. */
export function addProviderRoutes(router: Router, { cold, log, validators, bodyBytes }: AdminProvidersOptions): void {
  function side(): ColdSide {
    if (cold === undefined) throw noCold();
    return cold;
  }

  router.get('/admin/providers', async (ctx) => {
    const { store, trusted } = side();
    const { all = false } = validators.query('listProviders', ctx.querystring);
    const known = (await store.providers()).map(({ value }) => value);
    const unseen = trusted.filter((id) => !known.some((one) => one.id === id)).map(neverSeen);
    const ids = new Set([...known, ...unseen].map(({ id }) => id));
    const found = all ? (await store.candidates()).filter(({ value }) => !ids.has(value.id)).map(({ value }) => ofCandidate(value)) : [];
    const providers = [...known, ...unseen, ...found].sort((a, b) => numberOf(a.id) - numberOf(b.id));
    ctx.body = { providers: await Promise.all(providers.map((provider) => render(side(), provider))) };
  });

  router.post('/admin/providers/:provider/trust', async (ctx) => {
    const id = providerId(ctx.params.provider);
    const provider = await side().view.trust(id);
    log.info({ audit: true, provider: id }, 'provider trusted');
    ctx.body = await render(side(), provider);
  });

  router.post('/admin/providers/:provider/untrust', async (ctx) => {
    const id = providerId(ctx.params.provider);
    const provider = await side().view.untrust(id);
    log.info({ audit: true, provider: id }, 'provider no longer trusted');
    ctx.body = await render(side(), provider);
  });

  router.post('/admin/providers/:provider/ask', async (ctx) => {
    const id = providerId(ctx.params.provider);
    const provider = await side()
      .view.refresh(id, AbortSignal.timeout(ASK_TIMEOUT_MS))
      .catch((error: unknown) => {
        throw error instanceof ColdError ? new FbpdError('BAD_ENVIRONMENT', `${id}: ${error.message}`, { cause: error }) : error;
      });
    ctx.body = await render(side(), provider);
  });

  router.post('/admin/providers/:provider/suspend', async (ctx) => {
    const id = providerId(ctx.params.provider);
    const { text = '' } = validators.body('NewNote', await readJson(ctx.req, bodyBytes));
    const provider = await side().view.suspend(id, text);
    log.info({ audit: true, provider: id, text }, 'provider suspended');
    ctx.body = await render(side(), provider);
  });

  router.post('/admin/providers/:provider/unsuspend', async (ctx) => {
    const id = providerId(ctx.params.provider);
    const provider = await side().view.unsuspend(id);
    log.info({ audit: true, provider: id }, 'provider no longer suspended');
    ctx.body = await render(side(), provider);
  });

  router.get('/admin/wallet', async (ctx) => {
    const { lines = LINES_SHOWN } = validators.query('getWallet', ctx.querystring);
    ctx.body = await renderWallet(side(), lines);
  });

  router.put('/admin/freeze', async (ctx) => {
    const { text = '' } = validators.body('NewNote', await readJson(ctx.req, bodyBytes));
    const breaker = await side().view.freeze(text === '' ? NO_REASON : text);
    log.info({ audit: true, text }, 'spending frozen');
    ctx.body = renderBreaker(breaker);
  });

  router.delete('/admin/freeze', async (ctx) => {
    const breaker = side().store.breaker()?.value;
    if (breaker === undefined) throw new FbpdError('NOT_FOUND', 'nothing is frozen', { subject: 'freeze' });
    await side().view.unfreeze();
    log.info({ audit: true, code: breaker.code }, 'spending no longer frozen');
    ctx.body = renderBreaker(breaker);
  });
}

async function render({ store, view, trusted }: ColdSide, provider: Provider): Promise<components['schemas']['Provider']> {
  const standing = {
    trusted: trusted.includes(provider.id) || provider.trusted !== undefined,
    score: view.score(provider),
    liveDeals: (await store.liveDealsWith(provider.id)).length,
    ...(needsIntroduction(provider) ? { introduce: view.funds()?.address ?? 'the wallet that pays' } : {}),
  };
  return renderProvider(provider, standing, epochTimes(view.lastView()));
}

/** Found by a scan, and not dealt with. */
function ofCandidate({ readEpoch, over: _, tookMs: __, ...candidate }: Candidate): Provider {
  return { ...neverSeen(candidate.id), ...candidate, refreshedEpoch: readEpoch };
}

/** Named in the config, and not asked yet. */
function neverSeen(id: string): Provider {
  return { id, notBeforeEpoch: 0, failuresInRow: 0, events: [] };
}

function providerId(given: string | undefined): string {
  if (given === undefined || !/^f0\d{1,18}$/.test(given)) throw badField('provider', 'must be an id such as f01234');
  return given;
}

function numberOf(id: string): number {
  return Number(id.slice(2));
}
