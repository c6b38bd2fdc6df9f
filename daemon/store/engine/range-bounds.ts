import type { Range } from '../../domain/ports.ts';
import { OWN_PREFIX } from './journal-ring.ts';

/**
 * The range with at most one bound an end: LevelDB looks at only one of `lt` and `lte`. The engine's own keys, which
 * sort after all others, are left out.
 */
export function effectiveRange({ gt, gte, lt, lte, ...rest }: Range): Range {
  return { ...rest, ...lowerBound(gt, gte), ...upperBound(lt, lte) };
}

function lowerBound(gt: string | undefined, gte: string | undefined): Range {
  if (gte !== undefined && (gt === undefined || compareKeys(gte, gt) > 0)) return { gte };
  return gt === undefined ? {} : { gt };
}

function upperBound(lt: string | undefined, lte: string | undefined): Range {
  const below = lt === undefined || compareKeys(lt, OWN_PREFIX) > 0 ? OWN_PREFIX : lt;
  return lte !== undefined && compareKeys(lte, below) < 0 ? { lte } : { lt: below };
}

/** As LevelDB orders keys: by their bytes, which for characters beyond U+FFFF is not how JavaScript orders strings. */
function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
