import { setTimeout } from 'node:timers/promises';

import ipaddr from 'ipaddr.js';

import { hostReach, ipReach, type ReachPolicy, reachAllowed } from '../../domain/peer-address.ts';
import type { HostsLook } from '../../domain/places-port.ts';
import type { Resolver } from '../../domain/resolve-address.ts';

/** Anyone may announce any number of names. */
const HOSTS_MAX = 16;
const ADDRESSES_MAX = 64;
const LOOKUP_MS = 10_000;

/** What hosts lead to, without what may not be dialled: a name may lead to 127.0.0.1. */
export async function lookAtHosts(
  hosts: readonly string[],
  { resolver, allowPrivate }: ReachPolicy & { resolver: Resolver },
  signal: AbortSignal,
): Promise<HostsLook> {
  const lost: string[] = [];
  const found = await Promise.all(
    hosts.slice(0, HOSTS_MAX).map(async (host) => {
      const addresses = await addressesOf(host, resolver, signal);
      if (addresses === undefined) lost.push(host);
      return addresses ?? [];
    }),
  );
  signal.throwIfAborted();
  const allowed = found.flat().filter((address) => reachAllowed(ipReach(address), { allowPrivate }));
  return { addresses: [...new Set(allowed)].slice(0, ADDRESSES_MAX), lost };
}

/** Undefined when it cannot be found out now. */
async function addressesOf(host: string, resolver: Resolver, signal: AbortSignal): Promise<string[] | undefined> {
  const literal = [host, host.replace(/:\d+$/, '')].find((text) => ipaddr.isValid(text));
  if (literal !== undefined) return [literal];
  // Names of this machine and its network are whatever the resolver makes of them.
  if (hostReach(host) !== 'dns') return ['127.0.0.1'];
  const over = new AbortController();
  const late = setTimeout(LOOKUP_MS, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined);
  try {
    return await Promise.race([resolver.addresses(host, undefined).then((found) => found.map(({ address }) => address)), late]);
  } catch {
    return undefined;
  } finally {
    over.abort();
  }
}
