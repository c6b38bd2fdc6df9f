import type Router from '@koa/router';

import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import { type DrilledCopy, type DrillReport, drillByProvider } from '../daemon/domain/drill.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
import type { AdminValidators } from './admin-validate.ts';
import { readJson } from './body.ts';
import { type ColdSide, noCold, optional } from './cold-side.ts';
import { formatTimestamp } from './timestamps.ts';
import { tellInLines } from './told-in-lines.ts';

type Schemas = components['schemas'];

export interface AdminDrillOptions {
  /** Absent when no deals are made. */
  cold?: ColdSide;
  log: Log;
  validators: AdminValidators;
  bodyBytes: number;
}

/** `/admin/drill`. */
export function addDrillRoutes(router: Router, { cold, log, validators, bodyBytes }: AdminDrillOptions): void {
  router.get('/admin/drill', async (ctx) => {
    if (cold === undefined) throw noCold();
    const last = await cold.drills.last();
    ctx.body = optional('last', last && renderDrill(last));
  });

  router.post('/admin/drill', async (ctx) => {
    const { cids, count } = validators.body('NewDrill', await readJson(ctx.req, bodyBytes));
    if (cold === undefined) throw noCold();
    const { drills } = cold;
    const ask = {
      ...optional(
        'contentKeys',
        cids?.map((cid) => contentKeyOf(parseCid(cid, 'cids'))),
      ),
      ...optional('count', count),
    };
    await tellInLines<Schemas['Drill']>(ctx, {
      what: 'a restore drill',
      log,
      async run(say: (line: Schemas['DrillLine']) => void, gone) {
        const hear = {
          onPlanned: (copies: number) => say({ done: false, planned: copies }),
          onCopy: (copy: DrilledCopy) => say({ done: false, copy: renderCopy(copy) }),
        };
        return renderDrill(await drills.run(ask, hear, gone));
      },
    });
  });
}

function renderDrill({ startedMs, endedMs, planned, copies, without }: DrillReport): Schemas['Drill'] {
  return {
    started: formatTimestamp(startedMs),
    ended: formatTimestamp(endedMs),
    planned,
    providers: drillByProvider(copies).map((row) => ({ ...row, why: [...row.why] })),
    copies: copies.map(renderCopy),
    without: [...without],
  };
}

function renderCopy({ contentKey, dealId, ...copy }: DrilledCopy): Schemas['DrillCopy'] {
  return { cid: contentKey, deal: dealId, ...copy };
}
