import type { Config } from '../config.ts';
import type { Finding } from '../domain/finding.ts';
import { hostReach } from '../domain/peer-address.ts';

/** Providers that fetch the data refuse addresses that only our own network reaches, and often only after they took the deal. */
export function examinePublicUrl({ cold, api, providers }: Config): Finding[] {
  if (cold.maker !== 'mk12' || api.publicUrl === undefined || providers.privateAddresses) return [];
  const about = 'api.public_url';
  const { hostname, protocol } = new URL(api.publicUrl);
  const reach = hostReach(hostname);
  if (reach !== 'public' && reach !== 'dns') {
    const text = `${hostname} is no address that storage providers can reach, and they refuse to fetch data from it: name a public one, or on a private network set providers.private_addresses`;
    return [{ about, state: 'fail', text }];
  }
  const clear = 'storage providers fetch the data over plain HTTP, so everyone on the way can read it; put TLS before it';
  return protocol === 'https:' ? [] : [{ about, state: 'warn', text: clear }];
}
