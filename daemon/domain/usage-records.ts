import { FbpdError } from './errors.ts';
import { type DayRange, NOTHING_SERVED, type ServedSums, type UtcDay } from './usage.ts';

/**
 * Where what was served lies in the store. It is written by the room `accounts`; the room `store` verifies it.
 *
 * | key | value | what |
 * |---|---|---|
 * | `g/<account>/<day>/<content>` | {@link ServedSums} | what was read of one content on one day |
 * | `g/<account>/<day>/~` | {@link ServedSums} | what was read of contents beyond the number that is told apart |
 * | `ga/<account>/<day>` | {@link DayRecord} | the sums of the day; in every commit that changes any `g/` of it |
 *
 * Days are written as `2026-01-31`, which sorts. `public` is an account like any other here.
 */
export const usageKeys = {
  content: (accountId: string, day: UtcDay, contentKey: string) => `g/${accountId}/${day}/${contentKey}`,
  day: (accountId: string, day: UtcDay) => `ga/${accountId}/${day}`,
};

/** The `g/` records of an account from one day to another, or of all days. `0` is the character after `/`. */
export function contentsBetween(accountId: string, days?: DayRange): { gte: string; lt: string } {
  if (days === undefined) return { gte: `g/${accountId}/`, lt: `g/${accountId}0` };
  return { gte: `g/${accountId}/${days.from}/`, lt: `g/${accountId}/${days.to}0` };
}

/** In the place of a content's key. */
export const OTHER_CONTENTS = '~';

/** `ga/…`: what was served on the day, whatever has become of its `g/` records. */
export interface DayRecord extends ServedSums {
  /** How many `g/` records the day has. */
  contents: number;
  /** What the `g/` records said that are kept no more. */
  dropped?: ServedSums;
}

export const NEW_DAY: DayRecord = { ...NOTHING_SERVED, contents: 0 };

/** What a key of either kind is about. */
export function parseUsageKey(key: string): { accountId: string; day: UtcDay; contentKey: string } {
  const [, accountId = '', day = '', contentKey = ''] = key.split('/');
  return { accountId, day, contentKey };
}

/** @throws FbpdError `STORE_DAMAGED` when it is no such record */
export function readServed(key: string, value: object): ServedSums {
  const { hotBytes, networkBytes, coldBytes, responses } = value as Record<string, unknown>;
  return {
    hotBytes: amount(key, hotBytes),
    networkBytes: amount(key, networkBytes),
    coldBytes: amount(key, coldBytes),
    responses: amount(key, responses),
  };
}

/** @throws FbpdError `STORE_DAMAGED` when it is no such record */
export function readDay(key: string, value: object): DayRecord {
  const { contents, dropped } = value as Record<string, unknown>;
  return {
    ...readServed(key, value),
    contents: amount(key, contents),
    ...(typeof dropped === 'object' && dropped !== null ? { dropped: readServed(key, dropped) } : {}),
  };
}

function amount(key: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FbpdError('STORE_DAMAGED', `store: the record ${JSON.stringify(key)} does not say what was served`, { subject: key });
}
