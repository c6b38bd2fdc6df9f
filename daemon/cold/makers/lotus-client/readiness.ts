import type { Chain } from '../../../domain/cold-ports.ts';
import type { Reason } from '../../../domain/pin.ts';
import { booleanOf } from '../../chain/fields.ts';
import { LotusRefusal } from '../../chain/lotus-error.ts';
import type { LotusRpc } from '../../chain/lotus-rpc.ts';
import { emptyProblem, nodeProblem } from '../node-problem.ts';

/** ClientStartDeal, ClientImport and ClientRetrieve take no less. */
const NEEDED = 'admin';

/** Why no deal can be made through this node now, in words for people; undefined when one can. Never rejects. */
export async function readinessProblem(
  rpc: LotusRpc,
  chain: Chain,
  wallet: (signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  try {
    const problem = await tokenProblem(rpc, signal);
    if (problem !== undefined) return problem;
    // Any method of the Client API shows whether there is one.
    await rpc.call('ClientListImports', [], { signal });
    return await walletProblem(rpc, chain, wallet, signal);
  } catch (error) {
    return reasonOf(error);
  }
}

async function tokenProblem(rpc: LotusRpc, signal: AbortSignal): Promise<Reason | undefined> {
  const permissions = await rpc.permissions(signal);
  if (permissions.includes(NEEDED)) return undefined;
  const has = permissions.length === 0 ? 'no token' : `a token for ${permissions.join(', ')}`;
  return { code: 'lotus_token', text: `making deals through Lotus needs a token with the permission admin; there is ${has}` };
}

async function walletProblem(
  rpc: LotusRpc,
  chain: Chain,
  wallet: (signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  const address = await wallet(signal);
  if (!booleanOf(await rpc.call('WalletHas', [address], { signal }), 'answer about the wallet'))
    return { code: 'wallet_missing', text: `the Lotus node does not have the key of wallet ${address}` };
  return await emptyProblem(chain, address, signal);
}

function reasonOf(error: unknown): Reason {
  if (error instanceof LotusRefusal && error.noSuchMethod)
    return { code: 'lotus_version', text: 'this Lotus node has no Client API: it went with v1.27.1, and another maker is needed' };
  return nodeProblem(error);
}
