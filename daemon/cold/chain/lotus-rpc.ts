import { LotusRPC } from '@filecoin-shipyard/lotus-client-rpc';
import { type MethodSchema, mainnet } from '@filecoin-shipyard/lotus-client-schema';

import { ColdError } from '../../domain/cold-ports.ts';
import { createLotusHttp, type LotusHttpOptions } from './lotus-http.ts';

/** Methods that Lotus got after v1.15, of which the schema is. */
const LATER_METHODS: Readonly<Record<string, MethodSchema>> = { ChainGetFinalizedTipSet: {} };
const SCHEMA = { methods: { ...mainnet.fullNode.methods, ...LATER_METHODS } };

export interface CallOptions {
  signal: AbortSignal;
  /** For the whole call, the reply included. Default: that of the client. */
  deadlineMs?: number;
}

/**
 * Lotus's JSON-RPC. All rejections are ColdErrors: a {@link LotusRefusal} when Lotus said no, `unreachable` whenever it
 * cannot be known what became of the request.
 */
export interface LotusRpc {
  /** `method` without its namespace, as `ChainHead`. Integers beyond 2^53 come and go as bigint. Undefined for void methods. */
  call(method: string, params: readonly unknown[], options: CallOptions): Promise<unknown>;
  /** What our token is good for: of `read`, `write`, `sign` and `admin`; none without a token. */
  permissions(signal: AbortSignal): Promise<readonly string[]>;
}

export function createLotusRpc(options: LotusHttpOptions): LotusRpc {
  const http = createLotusHttp(options);

  async function call(method: string, params: readonly unknown[], { signal, deadlineMs }: CallOptions): Promise<unknown> {
    if (!Object.hasOwn(SCHEMA.methods, method)) throw new TypeError(`no Lotus method ${method} in the schema`);
    // One LotusRPC a call: its methods take no signal, so the provider that it wraps carries this call's.
    const lotus: unknown = new LotusRPC(http.provider(signal, deadlineMs), { schema: SCHEMA });
    return await (lotus as Record<string, (...params: readonly unknown[]) => Promise<unknown>>)[method]?.(...params);
  }

  return {
    call,
    async permissions(signal) {
      const token = await http.token();
      if (token === undefined) return [];
      const permissions = await call('AuthVerify', [token], { signal });
      if (Array.isArray(permissions)) return permissions.filter((one) => typeof one === 'string');
      throw new ColdError('unreachable', 'Lotus answered AuthVerify with something that is no list of permissions');
    },
  };
}
