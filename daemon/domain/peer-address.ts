import { type Component, type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import ipaddr from 'ipaddr.js';
import { base58btc } from 'multiformats/bases/base58';
import { CID } from 'multiformats/cid';
import { decode as decodeDigest } from 'multiformats/hashes/digest';

import { FbpdError } from './errors.ts';

/** The longest multiaddr text accepted: a WebTransport address with two certificate hashes is about 300 characters. */
const MAX_ADDRESS_LENGTH_CHARS = 1024;

/** Where a packet to an address would end up. `dns` needs a look-up first; `none` names a peer without saying where it is. */
export type AddressReach = 'public' | 'private' | 'loopback' | 'linklocal' | 'unusable' | 'dns' | 'none';

/** The components that carry an IP address or a name to look up. */
const IP_PROTOCOLS = ['ip4', 'ip6'];
export const DNS_PROTOCOLS = ['dns', 'dns4', 'dns6', 'dnsaddr'];

/** A multiaddr that ends in `/p2p/<peerId>`, as `origins` and `delegates` must. */
export interface PeerAddress {
  /** In the normal form of its parser; `/ipfs/` has become `/p2p/`. */
  text: string;
  peerId: string;
  components: readonly Component[];
}

/**
 * Parses a peer multiaddr.
 *
 * @throws FbpdError `BAD_REQUEST` with `subject` when it is no multiaddr, does not end in `/p2p/<peer id>`, or is not
 * an address of the internet (`/unix/…`, `/memory/…`).
 */
export function parsePeerAddress(text: string, subject = 'origins'): PeerAddress {
  const refuse = (why: string, cause?: unknown) =>
    new FbpdError('BAD_REQUEST', `${subject}: ${JSON.stringify(text.slice(0, 120))} ${why}`, { subject, cause });
  if (text.length > MAX_ADDRESS_LENGTH_CHARS) throw refuse(`is longer than ${MAX_ADDRESS_LENGTH_CHARS} characters`);
  let parsed: Multiaddr;
  let components: Component[];
  try {
    parsed = multiaddr(text);
    components = parsed.getComponents();
  } catch (cause) {
    throw refuse('is not a multiaddr', cause);
  }
  const last = components.at(-1);
  if (last?.name !== 'p2p' || !isPeerId(last.value)) throw refuse('does not end in /p2p/ and a peer id');
  if (components.some((one) => one.name === 'p2p' && !isPeerId(one.value))) throw refuse('names a relay that is not a peer id');
  const foreign = components.find((one) => one.name === 'unix' || one.name === 'memory' || one.name === 'ip6zone');
  if (foreign !== undefined) throw refuse(`has a /${foreign.name} component, which means nothing on another machine`);
  return { text: parsed.toString(), peerId: last.value, components };
}

/** A multihash in bare base58 (`Qm…`, `12D3Koo…`) or a CID with the libp2p-key codec. */
export function isPeerId(text: string | undefined): text is string {
  if (text === undefined || text.length > MAX_PEER_ID_LENGTH_CHARS) return false;
  try {
    if (!text.startsWith('Qm') && !text.startsWith('1')) return CID.parse(text).code === LIBP2P_KEY;
    const digest = decodeDigest(base58btc.baseDecode(text));
    return digest.code === IDENTITY || (digest.code === SHA2_256 && digest.size === 32);
  } catch {
    return false;
  }
}

const MAX_PEER_ID_LENGTH_CHARS = 128;
const LIBP2P_KEY = 0x72;
const IDENTITY = 0x00;
const SHA2_256 = 0x12;

const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/** The reach of an IP address in text form. Anything that is not plainly unicast and public counts against it. */
export function ipReach(ip: string): AddressReach {
  if (!ipaddr.isValid(ip)) return 'unusable';
  // ::ffff:10.0.0.1 is 10.0.0.1 to the kernel.
  const address = ipaddr.process(ip);
  const range = address.range();
  // Of IPv6 only 2000::/3 is given out; ::7f00:1, the old way to write 127.0.0.1, is among the rest.
  if (range === 'unicast') return address.kind() === 'ipv6' && !address.match(GLOBAL_UNICAST) ? 'unusable' : 'public';
  if (range === 'loopback') return 'loopback';
  if (range === 'linkLocal') return 'linklocal';
  if (range === 'private' || range === 'uniqueLocal' || range === 'carrierGradeNat') return 'private';
  return 'unusable';
}

/**
 * The reach of a whole multiaddr: the least public of its parts, since a relay on loopback is as dangerous to dial as
 * a peer there. Order of severity: unusable, loopback, linklocal, private, dns, public, none.
 */
export function addressReach(address: PeerAddress): AddressReach {
  const reaches = address.components.map(componentReach).filter((reach) => reach !== undefined);
  return SEVERITY.find((reach) => reaches.includes(reach)) ?? 'none';
}

const SEVERITY: readonly AddressReach[] = ['unusable', 'loopback', 'linklocal', 'private', 'dns', 'public'];

function componentReach(component: Component): AddressReach | undefined {
  if (IP_PROTOCOLS.includes(component.name)) return ipReach(component.value ?? '');
  if (DNS_PROTOCOLS.includes(component.name)) return nameReach(component.value ?? '');
  return undefined;
}

function nameReach(name: string): AddressReach {
  return isLocalName(name) ? 'loopback' : 'dns';
}

/** The reach of a host as URLs have it: an IP address, an IPv6 one in brackets, or a name. */
export function hostReach(host: string): AddressReach {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? ipReach(bare) : nameReach(bare);
}

/** Names that resolve inside this machine or its network whatever the resolver says. */
function isLocalName(name: string): boolean {
  const host = name.toLowerCase().replace(/\.$/, '');
  return host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.local') || host.endsWith('.internal');
}

export interface ReachPolicy {
  /** Private, CGNAT, ULA and link-local addresses, and loopback: `limits.private_origins`. */
  allowPrivate: boolean;
}

/**
 * True when a client's origin may be dialled as far as its text tells. A name (`dns`) passes: who dials it resolves
 * it first and asks again for each address found.
 */
export function originAddressAllowed(address: PeerAddress, policy: ReachPolicy): boolean {
  return reachAllowed(addressReach(address), policy);
}

/** The same of a reach. */
export function reachAllowed(reach: AddressReach, policy: ReachPolicy): boolean {
  if (reach === 'unusable') return false;
  if (reach === 'public' || reach === 'dns' || reach === 'none') return true;
  return policy.allowPrivate;
}
