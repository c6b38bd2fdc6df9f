import { createGateway, type Gateway, type GatewayOptions } from '../../api/gateway.ts';
import type { LinkSigner } from '../../api/links.ts';
import type { Config } from '../config.ts';
import type { Accounts, Clock, PinStore } from '../domain/ports.ts';
import type { HttpTarget, Meter, Retrieval } from '../domain/retrieval-ports.ts';
import type { Log } from '../log.ts';

export interface GatewayParts {
  pins: PinStore;
  accounts: Accounts;
  target: () => HttpTarget | undefined;
  signer: LinkSigner;
  retrieval: Retrieval;
  meter: Meter;
  belongs: GatewayOptions['belongs'];
  metrics: GatewayOptions['metrics'];
  clock: Clock;
  log: Log;
}

/** The gateway that the config describes, not yet listening. */
export function composeGateway({ gateway, api, limits, hot }: Config, parts: GatewayParts): Gateway {
  return createGateway({
    ...parts,
    absent:
      hot.mode === 'external' && hot.gateway === undefined ? 'nothing can be read here: the operator has not set hot.gateway' : undefined,
    listen: gateway.listen,
    cors: { origins: gateway.public ? ['*'] : api.corsOrigins },
    trustedProxies: api.trustedProxies,
    isPublic: gateway.public,
    fetchAny: gateway.fetchAny,
    firstByteTimeoutMs: gateway.firstByteTimeoutMs,
    stallTimeoutMs: gateway.stallTimeoutMs,
    fetchBytesMax: limits.dagBytes,
    limits,
  });
}
