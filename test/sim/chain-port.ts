import { type Chain, type ChainView, ColdError } from '../../daemon/domain/cold-ports.ts';
import type { Clock } from '../../daemon/domain/ports.ts';
import { balanceOf, CLIENT_ID, type SimChain } from './chain.ts';
import type { SimMarket } from './market.ts';
import type { NodeFaults } from './node.ts';
import { WALLET } from './proposing.ts';

/** Of the other wallet. */
const OTHER_ID = 'f0777';
/** What an epoch lasts. */
export const EPOCH_MS = 30_000;
/** When epoch 0 was. */
export const GENESIS_MS = 1_600_000_000_000;

export interface SimChainPortOptions {
  chain: SimChain;
  market: SimMarket;
  faults: NodeFaults & { otherNetwork: boolean };
  /** The daemon's clock, which may be wrong; undefined where the network's time is not the wall's. */
  clock: Clock | undefined;
}

/** The chain as one reads it through a node. */
export function createSimChainPort({ chain, market, faults, clock }: SimChainPortOptions): Chain {
  const reach = (): void => {
    if (faults.isDown) throw new ColdError('unreachable', 'the node does not answer');
  };
  const epochAt = (at: readonly string[] | undefined): number => {
    reach();
    const epoch = at === undefined ? chain.tipEpoch(chain.headEpoch) : chain.epochOfKey(at);
    if (epoch === undefined) throw new ColdError('refused', 'block not found');
    return epoch;
  };
  return {
    async view() {
      reach();
      return viewOf(chain, faults.otherNetwork, clock);
    },
    async marketDeal(chainDealId, at) {
      return chain.deals.get(chainDealId)?.at(epochAt(at));
    },
    async marketBalance(address, at) {
      if (address === faults.wallet) return { escrowAtto: 0n, lockedAtto: 0n };
      return balanceOf(chain.money.at(epochAt(at)));
    },
    async walletBalance() {
      reach();
      return market.walletAtto;
    },
    async idAddress(address) {
      reach();
      if (address === faults.wallet) return OTHER_ID;
      return address === WALLET ? CLIENT_ID : address.startsWith('f0') ? address : undefined;
    },
    async provider(id) {
      reach();
      return market.provider(id).onChain;
    },
    async publishedDeals(publishCid) {
      reach();
      const deals = chain.messages.get(publishCid)?.deals;
      return deals && [...deals];
    },
  };
}

function viewOf(chain: SimChain, otherNetwork: boolean, clock: Clock | undefined): ChainView {
  const headEpoch = chain.tipEpoch(chain.headEpoch);
  const finalizedEpoch = chain.finalizedEpoch;
  return {
    network: otherNetwork ? 'othernet' : 'simnet',
    genesisCid: otherNetwork ? 'bafy-other-genesis' : 'bafy-genesis',
    headEpoch,
    finalizedEpoch,
    finalizedKey: chain.keyAt(finalizedEpoch),
    ...(clock && { behindSeconds: Math.max(0, Math.floor((clock.nowMs() - GENESIS_MS - headEpoch * EPOCH_MS) / 1_000)) }),
  };
}
