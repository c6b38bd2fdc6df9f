import type { Proposal } from '../cold/chain/proposal.ts';
import { type Chain, ColdError, type DealMaker } from '../domain/cold-ports.ts';
import type { ColdStore } from '../domain/cold-store-port.ts';
import type { Deal } from '../domain/deal.ts';
import { isFbpdError } from '../domain/errors.ts';
import type { Versioned } from '../domain/ports.ts';
import type { ReceiptDeal } from '../domain/receipt.ts';
import type { PublishedProposal, PublishRecords, SignedProposal } from '../domain/receipt-ports.ts';
import type { Log } from '../log.ts';
import { proposalCids, readProposal } from './proposal.ts';

export interface SignedDeal {
  proposal: Proposal;
  shown: ReceiptDeal;
}

export interface SignedDealsOptions {
  store: ColdStore;
  maker: DealMaker;
  chain: Chain;
  records: PublishRecords;
  log: Log;
}

/** For all that the node is asked about one deal. */
const ASK_NODE_MS = 20_000;

/**
 * An active deal with its signed proposal, which its maker has kept or the chain has; undefined when neither gives it now. Which
 * message published it is looked for once, and kept with the deal.
 */
export function createSignedDeals({ store, maker, chain, records, log }: SignedDealsOptions) {
  async function published(deal: Versioned<Deal>, signal: AbortSignal): Promise<PublishedProposal | undefined> {
    const { activeEvidence, publishCid, history } = deal.value;
    if (activeEvidence === undefined) return undefined;
    const { chainDealId } = activeEvidence;
    if (publishCid !== undefined) return (await records.read(publishCid, signal))?.find((one) => one.chainDealId === chainDealId);
    // That it is published may be read off a newer head than the look began with; that it is active never is.
    const to = history.find(({ state }) => state === 'active')?.epoch ?? activeEvidence.seenEpoch;
    return await records.find(chainDealId, { from: history[0]?.epoch ?? 0, to }, signal);
  }

  /** Nothing hangs on it: another change of the deal goes first, and the next receipt tries again. */
  async function keepMessage(deal: Versioned<Deal>, publishCid: string): Promise<void> {
    try {
      await store.write({ deals: [{ before: deal, after: { ...deal.value, publishCid } }] });
    } catch (error) {
      if (!isFbpdError(error, 'CONFLICT')) log.warn({ err: error, deal: deal.value.id }, 'which message published a deal was not kept');
    }
  }

  return async (deal: Versioned<Deal>, parent: AbortSignal): Promise<SignedDeal | undefined> => {
    const { activeEvidence: evidence, retrievalEvidence, publishCid } = deal.value;
    if (evidence === undefined) return undefined;
    const signal = AbortSignal.any([parent, AbortSignal.timeout(ASK_NODE_MS)]);
    const kept = deal.value.maker === maker.name ? maker.signedProposal?.(deal.value) : undefined;
    const found = kept !== undefined && publishCid !== undefined ? undefined : await answerOf(published(deal, signal));
    if (found !== undefined && publishCid === undefined) await keepMessage(deal, found.publishCid);
    const signed: SignedProposal | undefined = kept ?? found;
    if (signed === undefined) return undefined;
    const proposal = readProposal(signed.proposal);
    const clientId = evidence.clientId ?? (await answerOf(chain.idAddress(proposal.client, signal)));
    if (clientId === undefined) return undefined;
    const message = publishCid ?? found?.publishCid;
    return {
      proposal,
      shown: {
        proposal: base64(signed.proposal),
        signature: base64(signed.signature),
        proposalCids: proposalCids(signed.proposal, signed.signature, clientId),
        claims: {
          clientId,
          dealId: evidence.chainDealId,
          sectorStartEpoch: evidence.sectorStartEpoch,
          ...(message === undefined ? {} : { publishCid: message }),
          lastVerified: { epoch: evidence.seenEpoch, at: new Date(evidence.atMs).toISOString(), tipSet: [...(evidence.tipSet ?? [])] },
          ...(retrievalEvidence === undefined ? {} : { lastRetrieved: new Date(retrievalEvidence.atMs).toISOString() }),
        },
      },
    };
  };
}

/** What a node does not answer now it may answer later. */
async function answerOf<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ColdError) return undefined;
    throw error;
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
