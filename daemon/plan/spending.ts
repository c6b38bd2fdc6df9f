import type { ChainView, ColdFailure } from '../domain/cold-ports.ts';
import type { Breaker } from '../domain/cold-store-port.ts';
import type { Reason } from '../domain/pin.ts';

export interface SpendingInput {
  breaker: Breaker | undefined;
  /** Why the node gave no view of the chain. */
  chainFailure?: ColdFailure;
  view?: ChainView;
  /** The chain is not the one that the store belongs to. */
  otherChain: boolean;
  /** What the maker says about token, wallet and reachability. */
  makerProblem: Reason | undefined;
  /** Free in wallet and escrow together; undefined when it could not be read. */
  freeAtto?: bigint;
  /** The maker said lately that funds were short. */
  fundsRefused: boolean;
  behindMaxSeconds: number;
}

/**
 * Why no deal may be made at present, the breaker first, as a person has to act there; all others heal by themselves
 * when their cause goes. Users read it: it names no path, port or token.
 */
export function planSpending(input: SpendingInput): Reason | undefined {
  const { breaker, view } = input;
  if (breaker !== undefined) return { code: 'frozen', text: `spending is frozen${breaker.text === '' ? '' : `: ${breaker.text}`}` };
  return chainHold(input) ?? (view === undefined ? UNREACHABLE : moneyHold(input));
}

/** Why nothing may be concluded from the chain at present, let alone spent. */
export function chainHold({
  chainFailure,
  view,
  otherChain,
  behindMaxSeconds,
}: Pick<SpendingInput, 'chainFailure' | 'view' | 'otherChain' | 'behindMaxSeconds'>): Reason | undefined {
  if (chainFailure === 'unauthorized') return { code: 'lotus_token', text: 'waiting: the Lotus node refuses the token' };
  if (chainFailure !== undefined) return UNREACHABLE;
  if (otherChain) return { code: 'other_network', text: 'waiting: the Lotus node is on another chain than the deals' };
  const behind = view?.behindSeconds ?? 0;
  if (behind > behindMaxSeconds) return { code: 'lotus_behind', text: 'waiting: the Lotus node is still catching up with the chain' };
  return undefined;
}

const UNREACHABLE: Reason = { code: 'lotus_down', text: 'waiting: the Lotus node does not answer' };

function moneyHold({ makerProblem, freeAtto, fundsRefused }: SpendingInput): Reason | undefined {
  if (makerProblem !== undefined) return makerProblem;
  if (freeAtto !== undefined && freeAtto <= 0n) return { code: 'wallet_empty', text: 'waiting for funds: wallet and escrow are empty' };
  if (fundsRefused) return { code: 'funds_short', text: 'waiting for funds: the last deal was refused for want of them' };
  return undefined;
}
