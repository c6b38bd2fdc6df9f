import type { ChainView, MarketBalance } from '../domain/cold-ports.ts';
import type { Breaker, ChainMemory } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import { formatFil } from '../domain/fil.ts';

/** Why spending stops until the operator says go on. */
export type Trip = Pick<Breaker, 'code' | 'text'>;

/** Losses at so many owners are an accident of theirs; at more they may be one of ours, or of the chain's. */
const OWNERS_MAX = 2;

export interface Loss {
  owner: string;
  /** Epoch of the head when it was found out. */
  epoch: number;
}

/**
 * Losses at more than two owners at once stop spending: one provider that dies is repaired without anyone, but when
 * everything seems to be gone it is not bought again unasked. `losses` are those of the last while, new ones included.
 */
export function tripByLosses(losses: readonly Loss[], headEpoch: number, windowEpochs: number): Trip | undefined {
  const owners = new Set(losses.filter(({ epoch }) => headEpoch - epoch <= windowEpochs).map(({ owner }) => owner));
  if (owners.size <= OWNERS_MAX) return undefined;
  return {
    code: 'losses',
    text: `copies with ${owners.size} owners seem to be lost at once; look at the chain, then say fbpd unfreeze to have them made again`,
  };
}

/**
 * Why this is not the chain that the store belongs to, or is a younger one: nothing is concluded from it, and it is a matter
 * of pointing to the right node again, so spending is held for as long as it lasts. Undefined when it is the chain.
 */
export function otherChain(view: ChainView, memory: ChainMemory | undefined, finalityEpochs: number): string | undefined {
  if (memory === undefined) return undefined;
  if (view.network !== memory.network || view.genesisCid !== memory.genesisCid) {
    return `the node is on network ${view.network} with genesis ${view.genesisCid}, but the deals in this store were made on ${memory.network} with genesis ${memory.genesisCid}: point lotus.rpc back, or use another state.dir`;
  }
  if (view.finalizedEpoch < memory.finalizedEpoch - finalityEpochs) {
    return `the chain is younger than this store: it is final up to epoch ${view.finalizedEpoch}, and was up to ${memory.finalizedEpoch} before; wait until the node has caught up, or point lotus.rpc back`;
  }
  return undefined;
}

/** Another wallet than last time: money and deals of the old one are not watched through it. */
export function tripByWallet(wallet: string | undefined, memory: ChainMemory | undefined): Trip | undefined {
  if (wallet === undefined || memory === undefined || wallet === memory.wallet) return undefined;
  return { code: 'ledger', text: `the wallet is ${wallet} now, and was ${memory.wallet}: say fbpd unfreeze if that is meant` };
}

/** A deal that is under way as another proposal than the one on disk: what was signed, and costs, is not known. */
export function tripByOtherProposal({ id, provider, proposalCid }: Pick<Deal, 'id' | 'provider' | 'proposalCid'>, as: string): Trip {
  return {
    code: 'ledger',
    text: `deal ${id} with ${provider} was begun as proposal ${as}, and ${proposalCid} was predicted: look at it on the node, then say fbpd unfreeze`,
  };
}

/** Our balance at a finalized tip set, with what our own record allows for. */
export interface FundsLook extends MarketBalance {
  /** Of `Exposure`, at that moment. */
  lockedAtMostAtto: bigint;
  promisedAtto: bigint;
  /** All that was ever promised to deals since the process began. */
  intendedTotalAtto: bigint;
}

/** More is locked on the chain than all our deals together can explain: deals were made that this store does not know. */
export function unexplainedLocked(look: FundsLook): bigint {
  return look.lockedAtto > look.lockedAtMostAtto ? look.lockedAtto - look.lockedAtMostAtto : 0n;
}

/**
 * What must have been withdrawn between two looks. Payments to providers lower escrow and locked alike; so may locked
 * hide them by what was newly locked meanwhile. What escrow fell by beyond both was taken by somebody.
 */
export function unexplainedWithdrawal(before: FundsLook, now: FundsLook): bigint {
  const fallen = before.escrowAtto - now.escrowAtto;
  const newlyLockedAtMost = before.promisedAtto + now.intendedTotalAtto - before.intendedTotalAtto;
  const paidAtMost = before.lockedAtto - now.lockedAtto + newlyLockedAtMost;
  const taken = fallen - (paidAtMost > 0n ? paidAtMost : 0n);
  return taken > 0n ? taken : 0n;
}

/** Of something seen at two looks in a row; `store_older` when the chain knows of deals that the store does not. */
export function tripByFunds(unexplained: 'locked' | 'withdrawn', atto: bigint): Trip {
  if (unexplained === 'locked') {
    return {
      code: 'store_older',
      text: `${formatFil(atto)} more are locked on the chain than the deals in this store explain: it may be older than the chain, or another program uses the wallet`,
    };
  }
  return {
    code: 'ledger',
    text: `${formatFil(atto)} left the escrow and fbpd did not take them: another program or person uses the wallet`,
  };
}
