import type Router from '@koa/router';

import { ColdError } from '../daemon/domain/cold-ports.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Provider } from '../daemon/domain/provider.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
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

const NO_REASON = 'no reason was given';

/** `/admin/providers…` and `/admin/freeze`. */
export function addProviderRoutes(router: Router, { cold, log, validators, bodyBytes }: AdminProvidersOptions): void {
  function side(): ColdSide {
    if (cold === undefined) throw noCold();
    return cold;
  }

  router.get('/admin/providers', async (ctx) => {
    const { store, trusted } = side();
    const known = (await store.providers()).map(({ value }) => value);
    const unseen = trusted.filter((id) => !known.some((one) => one.id === id)).map(neverSeen);
    const providers = [...known, ...unseen].sort((a, b) => numberOf(a.id) - numberOf(b.id));
    ctx.body = { providers: await Promise.all(providers.map((provider) => render(side(), provider))) };
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
    trusted: trusted.includes(provider.id),
    score: view.score(provider),
    liveDeals: (await store.liveDealsWith(provider.id)).length,
  };
  return renderProvider(provider, standing, epochTimes(view.lastView()));
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
