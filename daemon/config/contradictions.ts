import { formatDuration, formatSize } from '../domain/units.ts';
import type { Settings } from './keys.ts';

/** Two keys that cannot both be as they are. The sentence begins with the key: "limits.stall_timeout (…) is …: lower it". */
export interface Contradiction {
  key: string;
  problem: string;
}

type Rule = (settings: Settings, isSet: (name: string) => boolean) => Contradiction | undefined;

const MANAGED_ONLY = [
  'hot.binary',
  'hot.swarm_port',
  'hot.swarm_listen',
  'hot.announce',
  'hot.public_network',
  'hot.gc_after',
  'hot.evict_above',
  'hot.evict_down_to',
  'schedule.gc',
] as const;
const EXTERNAL_ONLY = ['hot.rpc', 'hot.rpc_token_file', 'hot.gateway'] as const;

const RULES: readonly Rule[] = [
  ({ hot }) =>
    hot.mode === 'external' && hot.rpc === undefined
      ? { key: 'hot.mode', problem: 'is "external" without hot.rpc: set hot.rpc to the RPC address of that kubo' }
      : undefined,

  ({ hot }, isSet) => {
    const key = hot.mode === 'external' ? MANAGED_ONLY.find(isSet) : undefined;
    return key && { key, problem: 'has no effect on a kubo that is not ours: remove it, or set hot.mode = "managed"' };
  },

  ({ hot }, isSet) => {
    const key = hot.mode === 'managed' ? EXTERNAL_ONLY.find(isSet) : undefined;
    return key && { key, problem: 'has no effect on a managed kubo: remove it, or set hot.mode = "external"' };
  },

  ({ hot }) =>
    hot.evictDownTo >= hot.evictAbove
      ? {
          key: 'hot.evict_down_to',
          problem: `(${hot.evictDownTo}) is not less than hot.evict_above (${hot.evictAbove}), so every pin would let go of others: lower it`,
        }
      : undefined,

  ({ api, gateway }) =>
    api.listen.port !== 0 && api.listen.port === gateway.listen.port && api.listen.host === gateway.listen.host
      ? {
          key: 'gateway.listen',
          problem: 'is the address of the API: what people store must not look as if it came from there; choose another port',
        }
      : undefined,

  ({ hot, limits }) =>
    hot.capacityBytes !== undefined && limits.dagBytes > hot.capacityBytes
      ? {
          key: 'limits.dag_bytes',
          problem: `(${formatSize(limits.dagBytes)}) is more than hot.capacity (${formatSize(hot.capacityBytes)}), so such a pin could never be held: lower limits.dag_bytes or raise hot.capacity`,
        }
      : undefined,

  ({ limits }) =>
    limits.stallTimeoutMs > limits.pinTimeoutMs
      ? {
          key: 'limits.stall_timeout',
          problem: `(${formatDuration(limits.stallTimeoutMs)}) is longer than limits.pin_timeout (${formatDuration(limits.pinTimeoutMs)}): lower it`,
        }
      : undefined,

  ({ limits }) =>
    limits.headersTimeoutMs > limits.requestTimeoutMs
      ? {
          key: 'limits.headers_timeout',
          problem: `(${formatDuration(limits.headersTimeoutMs)}) is longer than limits.request_timeout (${formatDuration(limits.requestTimeoutMs)}): lower it`,
        }
      : undefined,

  ({ api }) =>
    api.corsOrigins.includes('*') && api.corsOrigins.length > 1
      ? { key: 'api.cors_origins', problem: 'has "*" beside others: "*" alone allows every origin; remove it or the others' }
      : undefined,
];

/** The first contradiction among the settings. `isSet` says whether the file names a key, as `section.name`. */
export function contradictionIn(settings: Settings, isSet: (name: string) => boolean): Contradiction | undefined {
  for (const rule of RULES) {
    const found = rule(settings, isSet);
    if (found !== undefined) return found;
  }
  return undefined;
}
