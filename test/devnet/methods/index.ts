import { CHAIN_METHODS, CHAIN_METHODS_V0 } from './chain.ts';
import { CLIENT_METHODS } from './client.ts';
import type { MethodTable } from './method.ts';
import { MPOOL_METHODS } from './mpool.ts';
import { NET_METHODS } from './net.ts';
import { RETRIEVAL_METHODS, RETRIEVAL_METHODS_V0 } from './retrieval.ts';
import { STATE_METHODS } from './state.ts';
import { WALLET_METHODS } from './wallet.ts';

const V1: MethodTable = {
  ...CHAIN_METHODS,
  ...STATE_METHODS,
  ...WALLET_METHODS,
  ...MPOOL_METHODS,
  ...NET_METHODS,
  ...CLIENT_METHODS,
  ...RETRIEVAL_METHODS,
};

/** Everything that the node answers, by the path under which it is asked. */
export const METHODS: Readonly<Record<'/rpc/v0' | '/rpc/v1', MethodTable>> = {
  '/rpc/v0': { ...V1, ...CHAIN_METHODS_V0, ...RETRIEVAL_METHODS_V0 },
  '/rpc/v1': V1,
};
