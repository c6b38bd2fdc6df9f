import type { Config } from '../config.ts';
import type { Finding } from '../domain/finding.ts';

const ABOUT = 'gateway';

/** What the config says of who can read what, and over which way. */
export function examineGateway(config: Config): Finding[] {
  const warnings = [sharedOrigin(config), openToAll(config), inTheClear(config), withoutTier(config)].flatMap((text) => text ?? []);
  if (warnings.length > 0) return warnings.map((text) => ({ about: ABOUT, state: 'warn', text }));
  return [{ about: ABOUT, state: 'ok', text: 'contents are read with a token or a link' }];
}

export function isLocal(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function sharedOrigin({ api, gateway }: Config): string | undefined {
  if (api.publicUrl === undefined || gateway.publicUrl === undefined) return undefined;
  const { origin } = new URL(gateway.publicUrl);
  if (new URL(api.publicUrl).origin !== origin) return undefined;
  return `api.public_url and gateway.public_url are both on ${origin}: a page that somebody stored would be of the API's own origin; give the gateway a host of its own`;
}

function openToAll({ gateway }: Config): string | undefined {
  return gateway.public
    ? 'gateway.public: everybody who reaches it can read all that is pinned here, by all accounts, and every read costs traffic'
    : undefined;
}

function inTheClear({ gateway }: Config): string | undefined {
  const { host } = gateway.listen;
  if (isLocal(host) || (gateway.publicUrl?.startsWith('https:') ?? false)) return undefined;
  return `listens on ${host} in plain HTTP, so tokens and links can be read on the way; put a proxy with TLS before it and name it in gateway.public_url`;
}

function withoutTier({ hot }: Config): string | undefined {
  return hot.mode === 'external' && hot.gateway === undefined
    ? 'hot.gateway is not set, so nothing can be read here: name the HTTP gateway of that kubo'
    : undefined;
}
