import { multiaddr } from '@multiformats/multiaddr';

import { isPeerId } from '../../../domain/peer-address.ts';
import type { Elsewhere, ThirdParty } from '../../../domain/retrieval-ports.ts';
import { type Announced, originsOf } from './announced.ts';
import type { Retrieval } from './retrieval.ts';
import { type RouterOptions, type RouterRecord, routerRecords } from './routing.ts';

export interface ElsewhereOptions extends RouterOptions {
  retrieval: Pick<Retrieval, 'openElsewhere'>;
  announced(provider: string, signal: AbortSignal): Promise<Announced>;
}

/** Anybody may say to a router that it has anything: so many are tried, at so many addresses each. */
const PARTIES_MAX = 6;
const ORIGINS_MAX = 2;

/** Trustless gateways of others, as a delegated router (IPNI) knows them. */
export function createElsewhere({ retrieval, announced, ...router }: ElsewhereOptions): Elsewhere {
  /** Of a provider that cannot be told just now nothing is left out: it is asked once more then, and no harm done. */
  async function known(providers: readonly string[], signal: AbortSignal): Promise<Announced[]> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(router.deadlineMs)]);
    const all = await Promise.allSettled(providers.map((provider) => announced(provider, until)));
    return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  return {
    router: new URL(router.routingUrl).host,
    async find(rootCid, except, signal) {
      const [records, providers] = await Promise.all([routerRecords(router, rootCid, signal), known(except, signal)]);
      return partiesOf(records, providers).map(
        ({ name, origins }): ThirdParty => ({
          name,
          open: (until) => retrieval.openElsewhere(() => asGateways(origins), rootCid, until),
        }),
      );
    },
  };
}

async function* asGateways(origins: readonly string[]): AsyncGenerator<string, void, undefined> {
  yield* origins;
}

/** Those who are not asked as providers of deals anyway, each address once. */
export function partiesOf(records: readonly RouterRecord[], providers: readonly Announced[]): { name: string; origins: string[] }[] {
  const seen = new Set(providers.flatMap(({ origins }) => origins));
  const peers = new Set(providers.flatMap(({ peerId }) => peerId ?? []));
  const parties: { name: string; origins: string[] }[] = [];
  for (const { id, addresses } of records) {
    if (parties.length >= PARTIES_MAX) break;
    if (peers.has(id)) continue;
    const origins = httpOriginsOf(addresses)
      .filter((origin) => !seen.has(origin))
      .slice(0, ORIGINS_MAX);
    const [first] = origins;
    if (first === undefined) continue;
    for (const origin of origins) seen.add(origin);
    parties.push({ name: isPeerId(id) ? id : new URL(first).host, origins });
  }
  return parties;
}

/** Only what says to be HTTP: a websocket of a stranger is no gateway. */
function httpOriginsOf(addresses: readonly string[]): string[] {
  const found = addresses.flatMap((text) => (/^https?:\/\//.test(text) ? originOfUrl(text) : originOfMultiaddr(text)));
  return [...new Set(found)].sort((a, b) => Number(b.startsWith('https:')) - Number(a.startsWith('https:')));
}

/** A gateway below a path is none that we could ask. */
function originOfUrl(text: string): string[] {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && url.pathname === '/' && url.username === '' && url.password === '' ? [url.origin] : [];
}

function originOfMultiaddr(text: string): string[] {
  try {
    const address = multiaddr(text);
    return address.getComponents().some(({ name }) => name === 'http' || name === 'https') ? originsOf([address.bytes]) : [];
  } catch {
    return [];
  }
}
