import type { World } from './world.ts';

/** What really is, at the head: nothing a fault says changes it. Money is attoFIL as text. */
export interface Truth {
  epoch: number;
  wallet: string;
  balance: string;
  escrow: string;
  locked: string;
  /** Paid by the wallet so far, by provider. */
  paid: Readonly<Record<string, string>>;
  deals: readonly {
    proposalCid: string;
    provider: string;
    /** Of mk12; null of the Client API. */
    uuid: string | null;
    pieceCid: string;
    /** The provider's view. */
    state: string;
    publishCid: string | null;
    /** On the chain now; null when it is not. */
    dealId: number | null;
    sectorStartEpoch: number;
    startEpoch: number;
    endEpoch: number;
    pricePerEpoch: string;
  }[];
}

/** Money is that of one wallet. */
export function truthOf(world: World, wallet: string): Truth {
  const { chain, accounts, market, providers } = world;
  const client = accounts.find(wallet) ?? '';
  const paidKey = `paid:${client}:`;
  return {
    epoch: chain.epoch,
    wallet,
    balance: accounts.balance(wallet).toString(),
    escrow: market.escrow(client).toString(),
    locked: market.locked(client).toString(),
    paid: Object.fromEntries(chain.state.keys(paidKey).map((key) => [key.slice(paidKey.length), chain.state.get<string>(key) ?? '0'])),
    deals: providers.deals().map(({ proposalCid, provider, proposal, state, publishCid, mk12 }) => {
      const dealId = market.find(proposal);
      return {
        proposalCid,
        provider,
        uuid: mk12?.uuid ?? null,
        pieceCid: proposal.pieceCid,
        state,
        publishCid: publishCid ?? null,
        dealId: dealId ?? null,
        sectorStartEpoch: dealId === undefined ? -1 : (market.deal(dealId)?.sectorStartEpoch ?? -1),
        startEpoch: proposal.startEpoch,
        endEpoch: proposal.endEpoch,
        pricePerEpoch: proposal.pricePerEpoch,
      };
    }),
  };
}
