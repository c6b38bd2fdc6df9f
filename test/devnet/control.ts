import type { ServerResponse } from 'node:http';

import type { NodeFaults, ProviderFaults, RpcFault } from './faults.ts';

/** What can be ordered over HTTP, so that a network in another process can be steered as well. */
export interface ControlTarget {
  advance(epochs: number): Promise<number>;
  reorg(depth: number, options: { drop?: boolean }): Promise<number>;
  rpcFault(fault: RpcFault): void;
  providerFaults(provider: string, faults: ProviderFaults): void;
  nodeFaults(faults: NodeFaults): void;
  clearFaults(provider: string | undefined): void;
  giveUp(dealId: number, how: 'terminate' | 'slash'): void;
  settle(dealId: number): void;
  fund(address: string, atto: string): void;
  truth(wallet: string | undefined): unknown;
}

/** POST with a JSON object: `/devnet/advance {epochs}`, `/devnet/faults/rpc {method, kind, …}` and so on; POST `/devnet/truth {wallet}`, or GET it. */
export async function answerControl(target: ControlTarget, path: string, body: string, response: ServerResponse): Promise<void> {
  try {
    const order = (body === '' ? {} : JSON.parse(body)) as Record<string, never>;
    const result = await obey(target, path.replace('/devnet/', ''), order);
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify(result ?? {})}\n`);
  } catch (error) {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
  }
}

async function obey(target: ControlTarget, what: string, order: Record<string, never>): Promise<unknown> {
  switch (what) {
    case 'advance':
      return { epoch: await target.advance(order.epochs ?? 1) };
    case 'reorg':
      return { epoch: await target.reorg(order.depth ?? 1, order) };
    case 'faults/rpc':
      return target.rpcFault(order as unknown as RpcFault);
    case 'faults/provider':
      return target.providerFaults(order.provider ?? '', order.faults ?? {});
    case 'faults/node':
      return target.nodeFaults(order);
    case 'faults/clear':
      return target.clearFaults(order.provider);
    case 'terminate':
    case 'slash':
      return target.giveUp(order.dealId ?? 0, what);
    case 'settle':
      return target.settle(order.dealId ?? 0);
    case 'fund':
      return target.fund(order.address ?? '', order.atto ?? '0');
    case 'truth':
      return target.truth(order.wallet);
    default:
      throw new Error(`the development network knows no order "${what}"`);
  }
}
