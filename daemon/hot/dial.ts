import { parsePeerAddress } from '../domain/peer-address.ts';
import { type Resolver, reachableAddresses } from '../domain/resolve-address.ts';
import type { Log } from '../log.ts';
import type { KuboRpc } from './kubo-rpc.ts';

export interface DialOptions {
  rpc: KuboRpc;
  resolver: Resolver;
  allowPrivate: boolean;
  /** One address, its look-ups included. */
  timeoutMs: number;
  log: Log;
}

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
    const allowed = await raced(reachableAddresses(parsePeerAddress(text), options), deadline);
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
