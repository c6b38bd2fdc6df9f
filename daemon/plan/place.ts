import type { Place } from '../domain/places-port.ts';
import type { Provider } from '../domain/provider.ts';

type Placed = Pick<Provider, 'country' | 'countryFrom' | 'countryUnknown'>;

/** What the config says counts; without a word of it what the addresses said last. */
export function withPlace<T extends Placed>(
  { country, countryFrom, countryUnknown, ...provider }: T,
  configured: string | undefined,
  found?: Place,
): Omit<T, keyof Placed> & Placed {
  if (configured !== undefined) return { ...provider, country: configured, countryFrom: 'config' };
  if (found !== undefined)
    return {
      ...provider,
      ...('country' in found ? { country: found.country, countryFrom: 'address' } : { countryUnknown: found.unknown }),
    };
  return {
    ...provider,
    ...(country !== undefined && countryFrom === 'address' ? { country, countryFrom } : {}),
    ...(countryUnknown === undefined ? {} : { countryUnknown }),
  };
}
