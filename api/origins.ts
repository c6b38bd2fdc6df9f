import { isFbpdError } from '../daemon/domain/errors.ts';
import { originAddressAllowed, parsePeerAddress } from '../daemon/domain/peer-address.ts';
import { badField } from './validate.ts';

/** What is kept, and the most the specification lets a client send. */
export const MAX_ORIGINS = 20;
/** kubo sends every address it listens on: four per interface, more than {@link MAX_ORIGINS} on a host with containers. */
const MAX_SENT = 128;

/**
 * The origins worth keeping: those that may be dialled, at most {@link MAX_ORIGINS}, without repeats.
 *
 * A client's hints never fail its pin, as long as they are peer multiaddrs. `ipfs pin remote add` sends all addresses of its
 * node, loopback and private ones among them, without counting: what may not be dialled from here, needs a transport
 * that nobody here knows, or comes after the twentieth, is left out in silence. What is no multiaddr ending in
 * `/p2p/<peer id>` at all is a `BAD_REQUEST`.
 */
export function usableOrigins(origins: readonly string[], allowPrivate: boolean): string[] {
  if (origins.length > MAX_SENT) throw badField('origins', `may have at most ${MAX_ORIGINS} items`);
  const usable = new Set<string>();
  for (const origin of origins) {
    const text = usableOrigin(origin, allowPrivate);
    if (text !== undefined) usable.add(text);
  }
  return [...usable].slice(0, MAX_ORIGINS);
}

function usableOrigin(origin: string, allowPrivate: boolean): string | undefined {
  try {
    const address = parsePeerAddress(origin, 'origins');
    return originAddressAllowed(address, { allowPrivate }) ? address.text : undefined;
  } catch (error) {
    if (isFbpdError(error, 'BAD_REQUEST') && namesAPeer(origin) && isForeign(error.cause, origin)) return undefined;
    throw error;
  }
}

/** Components that are right in themselves but lead nowhere from another machine. */
const ELSEWHERE = /^\/(?:ip6zone|unix|memory)\//;

function isForeign(cause: unknown, origin: string): boolean {
  return ELSEWHERE.test(origin) || (cause instanceof Error && cause.name === 'UnknownProtocolError');
}

function namesAPeer(origin: string): boolean {
  const end = origin.lastIndexOf('/p2p/');
  if (end < 0) return false;
  try {
    parsePeerAddress(origin.slice(end));
    return true;
  } catch {
    return false;
  }
}
