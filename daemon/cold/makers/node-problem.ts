import { type Chain, ColdError } from '../../domain/cold-ports.ts';
import type { Reason } from '../../domain/pin.ts';
import { LotusRefusal } from '../chain/lotus-error.ts';

/** Why nothing can be paid from a wallet, if it is empty. */
export async function emptyProblem(chain: Chain, address: string, signal: AbortSignal): Promise<Reason | undefined> {
  const [inWallet, { escrowAtto, lockedAtto }] = await Promise.all([
    chain.walletBalance(address, signal),
    chain.marketBalance(address, undefined, signal),
  ]);
  if (inWallet > 0n || escrowAtto > lockedAtto) return undefined;
  return { code: 'wallet_empty', text: `wallet ${address} is empty: deals wait until somebody sends FIL to it` };
}

/** Why deals wait when a call to the Lotus node has failed so. */
export function nodeProblem(error: unknown): Reason {
  if (error instanceof ColdError && error.failure === 'unauthorized')
    return { code: 'lotus_token', text: 'the Lotus node does not take our token, or it may not do what making deals needs' };
  if (error instanceof LotusRefusal) return { code: 'lotus_refused', text: 'the Lotus node answers, but only with an error of its own' };
  return { code: 'lotus_down', text: 'the Lotus node cannot be reached; deals wait until it is back' };
}
