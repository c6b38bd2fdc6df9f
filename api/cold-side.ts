import type { ChainView } from '../daemon/domain/cold-ports.ts';
import type { ColdStore, ColdView } from '../daemon/domain/cold-store-port.ts';
import type { Drills } from '../daemon/domain/drill.ts';
import { EPOCH_MS } from '../daemon/domain/epoch.ts';
import { FbpdError } from '../daemon/domain/errors.ts';
import type { Clock } from '../daemon/domain/ports.ts';
import type { Receipts } from '../daemon/domain/receipt-ports.ts';
import type { Scans } from '../daemon/domain/scan.ts';
import { formatTimestamp } from './timestamps.ts';

/** The cold layer as the APIs see it. There is none when `cold.maker` is `none`. */
export interface ColdSide {
  /** Name of the maker. */
  maker: string;
  store: ColdStore;
  view: ColdView;
  drills: Drills;
  /** Absent where the chain cannot be walked. */
  scans?: Scans;
  receipts: Receipts;
  /** Providers that the config names. */
  trusted: readonly string[];
  clock: Clock;
}

/** When an epoch is, as far as that can be said. */
export type EpochTime = (epoch: number) => string | undefined;

const LAST_DATE_MS = 8.64e15;

/**
 * Times of epochs, counted from the last look at the chain. Undefined before the first one, and on networks whose epochs do not
 * go by the wall's clock.
 */
export function epochTimes(last: { view: ChainView; atMs: number } | undefined): EpochTime {
  const behindSeconds = last?.view.behindSeconds;
  if (last === undefined || behindSeconds === undefined) return () => undefined;
  const headMs = last.atMs - behindSeconds * 1_000;
  return (epoch) => {
    const ms = headMs + (epoch - last.view.headEpoch) * EPOCH_MS;
    return Math.abs(ms) <= LAST_DATE_MS ? formatTimestamp(ms) : undefined;
  };
}

/** An optional property: `{}` when there is no value. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

/** 409: asked for deals where none are made. */
export function noCold(): FbpdError {
  return new FbpdError(
    'CONFLICT',
    'this daemon makes no storage deals: cold.maker is "none"; set it to "mk12", or to "lotus-client" on a private network, and restart',
    { subject: 'cold.maker' },
  );
}
