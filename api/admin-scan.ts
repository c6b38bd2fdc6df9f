import type Router from '@koa/router';

import type { Found, ScanFilter, ScanReport, ScanTally } from '../daemon/domain/scan.ts';
import type { Log } from '../daemon/log.ts';
import type { components } from '../spec/fbpd.ts';
import type { AdminValidators } from './admin-validate.ts';
import { readJson } from './body.ts';
import { renderAsk } from './cold-render.ts';
import { type ColdSide, noCold, optional } from './cold-side.ts';
import { tellInLines } from './told-in-lines.ts';

type Schemas = components['schemas'];

export interface AdminScanOptions {
  /** Absent when no deals are made. */
  cold?: ColdSide;
  log: Log;
  validators: AdminValidators;
  bodyBytes: number;
}

/** `/admin/providers/scan`. */
export function addScanRoutes(router: Router, { cold, log, validators, bodyBytes }: AdminScanOptions): void {
  router.post('/admin/providers/scan', async (ctx) => {
    const filter = filterOf(validators.body('NewScan', await readJson(ctx.req, bodyBytes)));
    const scans = cold?.scans;
    if (scans === undefined) throw noCold();
    await tellInLines<Schemas['Scan']>(ctx, {
      what: 'a scan of the providers',
      log,
      async run(say: (line: Schemas['ScanLine']) => void, gone) {
        const tell = (tally: ScanTally, found: Found | undefined): void =>
          say({ done: false, tally, ...optional('found', found && renderFound(found)) });
        return renderReport(await scans.run(filter, tell, gone));
      },
    });
  });
}

function filterOf({ country, maxPrice, pieceBytes, limit }: Schemas['NewScan']): ScanFilter {
  return {
    ...optional('country', country),
    ...optional('maxPriceAtto', maxPrice === undefined ? undefined : BigInt(maxPrice)),
    ...optional('pieceBytes', pieceBytes),
    ...optional('limit', limit),
  };
}

function renderReport({ tally, complete, found, error }: ScanReport): Schemas['Scan'] {
  return { tally, complete, found: found.map(renderFound), ...optional('error', error) };
}

function renderFound({
  id,
  chain,
  ask,
  country,
  countryFrom,
  countryUnknown,
  readEpoch,
  over,
  tookMs,
  trusted,
}: Found): Schemas['ScanFound'] {
  return {
    id,
    owner: chain.owner,
    ...optional('country', country),
    ...optional('countryFrom', countryFrom),
    ...optional('countryUnknown', countryUnknown),
    sectorBytes: chain.sectorSizeBytes,
    ask: renderAsk(ask),
    over,
    tookMs,
    readEpoch,
    trusted,
  };
}
