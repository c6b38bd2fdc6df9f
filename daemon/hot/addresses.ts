import { type AddressReach, addressReach, type PeerAddress, parsePeerAddress } from '../domain/peer-address.ts';

export interface AddressPolicy {
  /** At most this many are handed out. */
  maxAddresses: number;
  /** Loopback addresses are of use only to clients on this machine. */
  allowLoopback: boolean;
  /** Private addresses are of use only to clients of the same network. */
  allowPrivate: boolean;
}

/**
 * The addresses a client should dial to reach our node, best first, from all that the node says of itself.
 *
 * Public ones come first, then loopback and private ones where they are allowed; loopback keeps one place when it is
 * allowed, because then most clients are on this machine. When nothing of that is there, a private address is better
 * than none, and `/p2p/<peerId>`, which a client can look up in the DHT, is better than an empty list, which breaks
 * clients. Relayed addresses count as the last of their reach.
 */
export function selectAddresses(known: readonly string[], peerId: string, policy: AddressPolicy): string[] {
  const candidates = known.map(tryParse).filter((one) => one !== undefined);
  const of = (...reaches: AddressReach[]) => byTransport(candidates.filter((one) => reaches.includes(addressReach(one))));
  const open = of('public', 'dns');
  const loopback = policy.allowLoopback ? of('loopback') : [];
  const near = policy.allowPrivate ? of('private') : [];
  const openPlaces = Math.max(1, policy.maxAddresses - (loopback.length > 0 ? 1 : 0));
  const chosen = [...open.slice(0, openPlaces), ...loopback, ...near, ...open.slice(openPlaces)];
  const fallback = chosen.length > 0 ? chosen : of('private');
  const texts = fallback.slice(0, policy.maxAddresses).map(({ text }) => text);
  return texts.length > 0 ? texts : [`/p2p/${peerId}`];
}

function tryParse(text: string): PeerAddress | undefined {
  try {
    return parsePeerAddress(text, 'addresses');
  } catch {
    return undefined;
  }
}

function byTransport(addresses: readonly PeerAddress[]): PeerAddress[] {
  return addresses.toSorted((a, b) => rank(a) - rank(b));
}

/** Plain TCP works for every client; QUIC for most; the others need a browser's stack or a third node. */
function rank({ components }: PeerAddress): number {
  const names = components.map(({ name }) => name);
  if (names.includes('p2p-circuit')) return 4;
  if (names.includes('webtransport') || names.includes('webrtc-direct') || names.includes('webrtc')) return 3;
  if (names.includes('ws') || names.includes('wss')) return 2;
  if (names.includes('quic-v1')) return 1;
  return names.includes('tcp') ? 0 : 3;
}
