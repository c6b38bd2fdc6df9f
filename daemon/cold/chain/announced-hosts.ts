import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import ipaddr from 'ipaddr.js';

const ADDRESSES_MAX = 64;
const ADDRESS_BYTES_MAX = 1024;
const NAMES: readonly string[] = ['dns', 'dns4', 'dns6', 'dnsaddr'];
const PORTS: readonly string[] = ['tcp', 'udp'];

/**
 * Hosts among the addresses that a provider announces on the chain, where anyone may write anything: what cannot be read
 * is passed over. With its port where the host is loopback, as any number of providers may run on one machine. A relay is
 * not the provider's own host.
 */
export function announcedHosts(addresses: readonly Uint8Array[]): string[] {
  return [...new Set(addresses.slice(0, ADDRESSES_MAX).flatMap(hostOf))].sort();
}

function hostOf(bytes: Uint8Array): string[] {
  if (bytes.length > ADDRESS_BYTES_MAX) return [];
  const components = componentsOf(bytes);
  if (components.some(({ name }) => name === 'p2p-circuit')) return [];
  const host = components[0];
  if (host?.value === undefined) return [];
  const port = components.find(({ name }) => PORTS.includes(name))?.value;
  const text =
    host.name === 'ip4' || host.name === 'ip6' ? plainIp(host.value) : NAMES.includes(host.name) ? plainName(host.value) : undefined;
  if (text === undefined) return [];
  return [isLoopback(text) && port !== undefined ? `${text}:${port}` : text];
}

function componentsOf(bytes: Uint8Array): ReturnType<Multiaddr['getComponents']> {
  try {
    return multiaddr(bytes).getComponents();
  } catch {
    return [];
  }
}

function plainName(name: string): string | undefined {
  return name.toLowerCase().replace(/\.$/, '') || undefined;
}

/** One spelling for each address, an IPv4 one in IPv6 clothes included. */
function plainIp(text: string): string | undefined {
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback');
}
