import { CID } from 'multiformats/cid';

import { ColdError, type DealMaker, type DealReport } from '../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import { carOf } from '../fixtures/create-car.ts';
import { createContentKey } from '../fixtures/create-pins.ts';
import { KNOWN_CONTENTS } from './contents.ts';
import type { Reached, SimMarket } from './market.ts';
import { type Request, WALLET } from './proposing.ts';

/**
 * What becomes of one send:
 * - `lost_before`: it never left · `lost_after`: done, and the reply was lost · `late`: the reply was lost, and it is done a while later
 */
export type SendFault = 'lost_before' | 'lost_after' | 'late';

/** What goes wrong between the daemon and the node, until it is put right. */
export interface NodeFaults {
  /** Nothing answers. */
  isDown: boolean;
  isUnauthorized: boolean;
  /** Another wallet is the node's default than the one that made the deals. */
  wallet?: string;
  /** For the next sends, in turn. */
  sends: SendFault[];
  /** Providers that let everybody wait, until that promise is over. */
  stuck: ReadonlyMap<string, Promise<void>>;
}

export interface SimNodeOptions {
  market: SimMarket;
  faults: NodeFaults;
}

/** What every maker has in common: the node, and how providers tell their asks and give bytes back. */
export interface SimNode {
  /** Rejects while the node, or that provider, does not let itself be asked. */
  reach(provider?: string): Promise<void>;
  maker: Pick<DealMaker, 'wallet' | 'problem' | 'ask' | 'retrieve' | 'open' | 'retrievalPrice'>;
}

export function createSimNode({ market, faults }: SimNodeOptions): SimNode {
  const reach = async (provider?: string): Promise<void> => {
    if (provider !== undefined) await faults.stuck.get(provider);
    if (faults.isDown) throw new ColdError('unreachable', 'the node does not answer');
    if (faults.isUnauthorized) throw new ColdError('unauthorized', 'missing permission');
  };
  return {
    reach,
    maker: {
      async wallet() {
        return faults.wallet ?? WALLET;
      },
      async problem() {
        if (faults.isDown) return { code: 'lotus_unreachable', text: 'the node does not answer' };
        return faults.isUnauthorized ? { code: 'lotus_unauthorized', text: 'the token is too weak' } : undefined;
      },
      async ask(providerId) {
        await reach(providerId);
        const { conduct, ask } = market.provider(providerId);
        if (conduct === 'down' || conduct === 'silent') throw new ColdError('unreachable', `${providerId} does not answer`);
        return ask;
      },
      async *retrieve(deal, piece) {
        await reach(deal.provider);
        yield* bytesOf(deal, piece.pieceCid, market);
      },
      async open(deal, piece, rootCid) {
        await reach(deal.provider);
        return { car: () => carOfContent(deal, piece.pieceCid, rootCid, market), close: async () => undefined };
      },
      async retrievalPrice(deal) {
        await reach();
        return market.provider(deal.provider).retrieval === 'fails' ? undefined : 0n;
      },
    },
  };
}

/** The provider that a prepared deal is with. */
export function providerOf({ request }: Pick<Deal, 'request'>): string {
  return (request as unknown as Request).provider;
}

/** What is said of a deal that is known of. */
export function reportOf(deal: Reached, market: SimMarket): DealReport {
  if (deal.says?.kind === 'lie') {
    const anotherOne = [...market.chain.deals.keys()].at(0) ?? 1;
    return { kind: 'going', state: 'published', said: 'Proving', publishCid: 'bafy-nothing', chainDealId: anotherOne };
  }
  const found = { ...(deal.publishCid && { publishCid: deal.publishCid }), ...(deal.chainDealId && { chainDealId: deal.chainDealId }) };
  if (deal.says?.kind === 'refused') return deal.says;
  if (deal.says !== undefined) return { ...deal.says, ...found };
  if (deal.state === 'publishing' || deal.state === 'published') return { kind: 'going', state: 'published', said: 'publishing', ...found };
  return { kind: 'going', state: deal.state === 'accepted' ? 'accepted' : 'proposed', said: deal.state };
}

async function* bytesOf(deal: Deal, pieceCid: string, market: SimMarket): AsyncGenerator<Uint8Array> {
  const { conduct, retrieval } = market.provider(deal.provider);
  const bytes = market.kept.get(deal.provider)?.get(pieceCid);
  if (conduct === 'down' || conduct === 'silent') throw new ColdError('unreachable', `${deal.provider} does not answer`);
  if (retrieval === 'fails' || bytes === undefined) throw new ColdError('refused', 'not found');
  yield bytes.subarray(0, 1);
  yield retrieval === 'corrupts' ? new Uint8Array(bytes.length - 1) : bytes.subarray(1);
}

/** A real CAR of the one block that a content is, if the piece that the provider keeps has it. */
async function* carOfContent(deal: Deal, pieceCid: string, contentKey: string, market: SimMarket): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytesOf(deal, pieceCid, market)) chunks.push(chunk);
  const kept = Buffer.concat(chunks).toString();
  const number = Array.from({ length: KNOWN_CONTENTS }, (_, index) => index).find((index) => createContentKey(index) === contentKey);
  if (number === undefined) throw new ColdError('refused', 'not found');
  const block = Buffer.from(`content ${number}`);
  // What a provider has spoilt is other bytes, and its CAR is a CAR of them.
  const cid = CID.parse(contentKey);
  const bytes = kept.includes(contentKey) ? block : Buffer.alloc(block.length);
  yield carOf([cid], [{ cid, bytes }]);
}
