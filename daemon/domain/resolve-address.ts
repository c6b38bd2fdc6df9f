import { lookup, resolveTxt } from 'node:dns/promises';

import { DNS_PROTOCOLS, ipReach, originAddressAllowed, type PeerAddress, parsePeerAddress, type ReachPolicy } from './peer-address.ts';

/** The part of `node:dns` that dialling needs. */
export interface Resolver {
  /** Addresses of a host, of one family or of both. */
  addresses(host: string, family: 4 | 6 | undefined): Promise<{ address: string; family: number }[]>;
  /** TXT records. */
  texts(host: string): Promise<string[]>;
}

export const systemResolver: Resolver = {
  addresses: (host, family) => lookup(host, { all: true, ...(family === undefined ? {} : { family }) }),
  texts: async (host) => (await resolveTxt(host)).map((parts) => parts.join('')),
};

/** A name may lead to others, each to more of them: so many are looked up for one origin, however they branch. */
const LOOKUPS_MAX = 16;
const ADDRESSES_MAX = 16;

/**
 * The literal addresses behind one that somebody else named, without those that may not be dialled: a name may lead to
 * 127.0.0.1. Rejects when a name cannot be looked up.
 */
export async function reachableAddresses(address: PeerAddress, options: ReachPolicy & { resolver: Resolver }): Promise<PeerAddress[]> {
  if (!originAddressAllowed(address, options)) return [];
  return (await resolveAddress(address, options)).filter((one) => originAddressAllowed(one, options));
}

/** Every literal address that this one stands for: itself, when it has no name in it. */
export async function resolveAddress(
  address: PeerAddress,
  { resolver }: { resolver: Resolver },
  budget = { lookups: LOOKUPS_MAX },
): Promise<PeerAddress[]> {
  const at = address.components.findIndex(({ name }) => DNS_PROTOCOLS.includes(name));
  const component = address.components[at];
  if (component === undefined) return [address];
  const host = component.value ?? '';
  if (budget.lookups === 0) return [];
  budget.lookups -= 1;
  const found = component.name === 'dnsaddr' ? await dnsaddrs(address, host, resolver) : await hosts(address, at, host, resolver);
  const resolved = await Promise.all(found.slice(0, ADDRESSES_MAX).map((one) => resolveAddress(one, { resolver }, budget)));
  return resolved.flat().slice(0, ADDRESSES_MAX);
}

/** `_dnsaddr.<host>` holds `dnsaddr=<multiaddr>` records; those of another peer are not what was asked for. */
async function dnsaddrs(address: PeerAddress, host: string, resolver: Resolver): Promise<PeerAddress[]> {
  const records = await resolver.texts(`_dnsaddr.${host}`);
  return records
    .filter((record) => record.startsWith('dnsaddr='))
    .map((record) => tryParse(record.slice('dnsaddr='.length)))
    .filter((one) => one !== undefined)
    .filter((one) => one.peerId === address.peerId);
}

async function hosts(address: PeerAddress, at: number, host: string, resolver: Resolver): Promise<PeerAddress[]> {
  const name = address.components[at]?.name;
  const found = await resolver.addresses(host, name === 'dns4' ? 4 : name === 'dns6' ? 6 : undefined);
  return found
    .filter((one) => ipReach(one.address) !== 'unusable')
    .map((one) => tryParse(withLiteral(address, at, host, one)))
    .filter((one) => one !== undefined);
}

/** The same multiaddr with the address in place of the name. TLS still has to be told the name: `/tls/sni/<host>`. */
function withLiteral(address: PeerAddress, at: number, host: string, found: { address: string; family: number }): string {
  return address.components
    .map(({ name, value }, index) => {
      if (index === at) return `/${found.family === 6 ? 'ip6' : 'ip4'}/${found.address}`;
      if (name === 'wss') return `/tls/sni/${host}/ws`;
      if (name === 'tls' && address.components[index + 1]?.name !== 'sni') return `/tls/sni/${host}`;
      return value === undefined ? `/${name}` : `/${name}/${value}`;
    })
    .join('');
}

function tryParse(text: string): PeerAddress | undefined {
  try {
    return parsePeerAddress(text);
  } catch {
    return undefined;
  }
}
