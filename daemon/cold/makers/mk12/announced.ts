import { type Component, multiaddr } from '@multiformats/multiaddr';

import { isPeerId, type PeerAddress, parsePeerAddress } from '../../../domain/peer-address.ts';
import { bytesOf, fieldsOf, listOf } from '../../chain/fields.ts';
import type { LotusRpc } from '../../chain/lotus-rpc.ts';

/** Where a provider is to be found, by its own word: anyone may announce anything, and nothing here was looked up yet. */
export interface Announced {
  peerId?: string;
  /** For libp2p: each ends in the peer id. */
  peers: readonly PeerAddress[];
  /** For HTTP: `https://host`, `http://host:port`. */
  origins: readonly string[];
}

const ADDRESSES_MAX = 16;
const ADDRESS_BYTES_MAX = 512;
const HOSTS: readonly string[] = ['ip4', 'ip6', 'dns', 'dns4', 'dns6'];

/** What the chain holds of a provider's addresses. Rejects as the chain does: `refused` where there is no such provider. */
export async function announcedBy(rpc: LotusRpc, provider: string, signal: AbortSignal): Promise<Announced> {
  const info = fieldsOf(await rpc.call('StateMinerInfo', [provider, []], { signal }), 'provider');
  const addresses = listOf(info.Multiaddrs ?? null, 'addresses').map((one) => bytesOf(one, 'address'));
  const peerId = typeof info.PeerId === 'string' && isPeerId(info.PeerId) ? info.PeerId : undefined;
  return { ...(peerId === undefined ? {} : { peerId }), peers: peersOf(addresses, peerId), origins: originsOf(addresses) };
}

/** Those that TCP or a websocket reaches directly. What cannot be read is passed over. */
function peersOf(addresses: readonly Uint8Array[], peerId: string | undefined): PeerAddress[] {
  if (peerId === undefined) return [];
  return components(addresses).flatMap((parts) => {
    const own = parts.filter(({ name }) => name !== 'p2p');
    const named = parts.find(({ name }) => name === 'p2p')?.value;
    if (!isDialled(own) || (named !== undefined && named !== peerId)) return [];
    try {
      return [parsePeerAddress(`${textOf(own)}/p2p/${peerId}`)];
    } catch {
      return [];
    }
  });
}

function isDialled(parts: readonly Component[]): boolean {
  const names = parts.map(({ name }) => name);
  const [host = '', ...rest] = names;
  if (host === 'dnsaddr') return rest.length === 0;
  return HOSTS.includes(host) && /^tcp(,(ws|wss|tls,ws|tls,sni,ws))?$/.test(rest.join());
}

/**
 * HTTP servers among them, encrypted ones first: one that takes websockets takes HTTP too, as Curio has it, or else says so
 * when it is asked.
 */
export function originsOf(addresses: readonly Uint8Array[]): string[] {
  const found = components(addresses).flatMap((parts) => originOf(parts) ?? []);
  return [...new Set(found)].sort((a, b) => Number(b.startsWith('https:')) - Number(a.startsWith('https:')));
}

function originOf(parts: readonly Component[]): string | undefined {
  const [host, tcp, ...rest] = parts.filter(({ name }) => name !== 'p2p');
  const value = rest.find(({ name }) => name === 'sni')?.value ?? host?.value;
  if (host === undefined || value === undefined || !HOSTS.includes(host.name) || tcp?.name !== 'tcp') return undefined;
  const kind = rest.map(({ name }) => name).join();
  const scheme = /^(wss|https|tls(,sni)?,(ws|http))$/.test(kind) ? 'https' : /^(ws|http)$/.test(kind) ? 'http' : undefined;
  const url = `${scheme}://${value.includes(':') ? `[${value}]` : value}:${tcp.value}`;
  return scheme !== undefined && URL.canParse(url) ? new URL(url).origin : undefined;
}

function components(addresses: readonly Uint8Array[]): Component[][] {
  return addresses.slice(0, ADDRESSES_MAX).flatMap((bytes) => {
    if (bytes.length > ADDRESS_BYTES_MAX) return [];
    try {
      return [multiaddr(bytes).getComponents()];
    } catch {
      return [];
    }
  });
}

function textOf(parts: readonly Component[]): string {
  return parts.map(({ name, value }) => (value === undefined ? `/${name}` : `/${name}/${value}`)).join('');
}
