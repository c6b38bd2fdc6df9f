import { RpcError } from './errors.ts';
import { type MethodTable, VOID } from './methods/method.ts';
import { ParamError } from './methods/params.ts';
import type { Permission } from './tokens.ts';
import type { World } from './world.ts';

const PREFIX = 'Filecoin.';
/** What a public gateway leaves out: all that needs the node's keys, deals or peers. */
const NOT_ON_GATEWAYS = /^(Auth|Wallet(?!Balance)|Client|Market|Net|MpoolPushMessage|StateListM|StateMinerProvingDeadline|SyncState)/;

export interface Reply {
  status: number;
  body: { jsonrpc: '2.0'; result?: unknown; id?: unknown; error?: { code: number; message: string } };
}

export interface Request {
  id: unknown;
  method: string;
  params: readonly unknown[];
}

/** A JSON-RPC request of any form; undefined for what is none. */
export function parseRequest(value: unknown): Request | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, method, params } = value as Record<string, unknown>;
  if (typeof method !== 'string') return undefined;
  return { id, method, params: Array.isArray(params) ? params : [] };
}

/** Runs one request. The order of checks is go-jsonrpc's: method, number of parameters, their form, permission, and then the method. */
export async function dispatch(
  world: World,
  table: MethodTable,
  request: Request,
  caller: { allowed: readonly Permission[]; signal: AbortSignal },
): Promise<Reply> {
  const { id, params } = request;
  const name = request.method.replace(PREFIX, '');
  const isGateway = world.faults.ofNode.gateway === true;
  const isThere = request.method.startsWith(PREFIX) && Object.hasOwn(table, name) && !(isGateway && NOT_ON_GATEWAYS.test(name));
  const method = isThere ? table[name] : undefined;
  if (method === undefined) return failure(500, id, -32_601, `method '${request.method}' not found`);
  if (params.length !== method.arity) {
    return failure(500, id, -32_602, `wrong param count (method '${request.method}'): ${params.length} != ${method.arity}`);
  }
  if (!isGateway && !caller.allowed.includes(method.permission)) {
    return failure(200, id, 1, `missing permission to invoke '${name}' (need '${method.permission}')`);
  }
  try {
    const result = await method.run(world, { params, signal: caller.signal });
    return { status: 200, body: result === VOID ? { jsonrpc: '2.0', id } : { jsonrpc: '2.0', result, id } };
  } catch (error) {
    if (error instanceof ParamError) {
      return failure(500, id, -32_700, `unmarshaling params for '${request.method}' (param: ${error.type}): ${error.message}`);
    }
    if (error instanceof RpcError) return failure(200, id, error.code, error.message);
    return failure(200, id, 1, error instanceof Error ? error.message : String(error));
  }
}

export function failure(status: number, id: unknown, code: number, message: string): Reply {
  return { status, body: { jsonrpc: '2.0', id, error: { code, message } } };
}
