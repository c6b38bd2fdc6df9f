import type { IncomingMessage } from 'node:http';

import ipaddr from 'ipaddr.js';

import { FbpdError } from '../daemon/domain/errors.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** Who a request comes from, seen through the proxies that are trusted. */
export interface Clients {
  /** An IP address; IPv6 ones stand for their /64, which is the least that one customer gets. */
  keyOf(req: IncomingMessage): string;
  /**
   * True when the request was made on this machine. A forwarded request that came over a proxy nobody told us to trust is
   * not: whoever asked may be anywhere.
   */
  isLocal(req: IncomingMessage): boolean;
}

/**
 * @param trustedProxies Addresses and CIDR networks whose `X-Forwarded-For` is believed.
 * @throws FbpdError `BAD_CONFIG` for one that is neither.
 */
export function createClients(trustedProxies: readonly string[]): Clients {
  const networks = trustedProxies.map(parseNetwork);
  const isTrusted = (address: Address) =>
    networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));

  function clientOf(req: IncomingMessage): Address | undefined {
    let address = parseAddress(req.socket.remoteAddress);
    if (networks.length === 0) return address;
    const hops = String(req.headers['x-forwarded-for'] ?? '').split(',');
    // From the nearest hop outwards: the first one we have no reason to trust is who we talk to.
    while (address !== undefined && isTrusted(address)) {
      const hop = parseAddress(hops.pop()?.trim());
      if (hop === undefined) break;
      address = hop;
    }
    return address;
  }

  return {
    keyOf: (req) => keyOf(clientOf(req)),
    isLocal(req) {
      const peer = parseAddress(req.socket.remoteAddress);
      const forwarded = req.headers['x-forwarded-for'] !== undefined || req.headers.forwarded !== undefined;
      if (forwarded && (peer === undefined || !isTrusted(peer))) return false;
      return clientOf(req)?.range() === 'loopback';
    },
  };
}

function parseNetwork(text: string): Network {
  try {
    if (text.includes('/')) return ipaddr.parseCIDR(text);
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch (cause) {
    const subject = 'api.trusted_proxies';
    throw new FbpdError('BAD_CONFIG', `${subject}: ${JSON.stringify(text)} is neither an IP address nor a network such as 10.0.0.0/8`, {
      subject,
      cause,
    });
  }
}

function parseAddress(text: string | undefined): Address | undefined {
  return text !== undefined && ipaddr.isValid(text) ? ipaddr.process(text) : undefined;
}

const PREFIX_PARTS = 4;

function keyOf(address: Address | undefined): string {
  if (address === undefined) return 'unknown';
  if (address instanceof ipaddr.IPv6) return address.parts.slice(0, PREFIX_PARTS).join(':');
  return address.toString();
}
