import { lookup, resolveTxt } from 'node:dns/promises';

import { DNS_PROTOCOLS, ipReach, originAddressAllowed, type PeerAddress, parsePeerAddress } from '../domain/peer-address.ts';
import type { Log } from '../log.ts';
import type { KuboRpc } from './kubo-rpc.ts';

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

export interface DialOptions {
  rpc: KuboRpc;
  resolver: Resolver;
  allowPrivate: boolean;
  /** One address, its look-ups included. */
  timeoutMs: number;
  log: Log;
}

/** A name may lead to others, each to more of them: so many are looked up for one origin, however they branch. */
const LOOKUPS_MAX = 16;
const ADDRESSES_MAX = 16;

/**
 * Dials peers, all at once, and resolves when each has been reached or given up. Names are looked up here and only
 * the addresses found are handed to kubo, after the same check as literal ones: a name that a client sent may lead to
 * 127.0.0.1.
 */
export async function dialPeers(addresses: readonly string[], signal: AbortSignal, options: DialOptions): Promise<void> {
  await Promise.all(addresses.map((address) => dialPeer(address, signal, options)));
}

async function dialPeer(text: string, signal: AbortSignal, options: DialOptions): Promise<void> {
  const { rpc, log, timeoutMs } = options;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const address = parsePeerAddress(text);
    const literals = originAddressAllowed(address, options) ? await raced(resolveAddress(address, options), deadline) : [];
    const allowed = literals.filter((one) => originAddressAllowed(one, options));
    if (allowed.length === 0) return log.debug({ origin: text }, 'an origin leads to no address that may be dialled');
    await Promise.any(allowed.map((one) => rpc.call('swarm/connect', { arg: one.text }, { signal: deadline, deadlineMs: timeoutMs })));
  } catch (error) {
    log.debug({ origin: text, err: error }, 'an origin was not reached');
  }
}

/** DNS look-ups take no signal. */
function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}

/** Every literal address that this one stands for: itself, when it has no name in it. Exported for its tests. */
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
