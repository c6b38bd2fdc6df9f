import { systemClock } from '../clock.ts';
import { cidLink, cidOf, fieldsOf, listOf } from '../cold/chain/fields.ts';
import { createLotusChain } from '../cold/chain/lotus-chain.ts';
import { LotusRefusal } from '../cold/chain/lotus-error.ts';
import { createLotusRpc, type LotusRpc } from '../cold/chain/lotus-rpc.ts';
import type { Proposal } from '../cold/chain/proposal.ts';
import { createPublishRecords } from '../cold/chain/publish-records.ts';
import type { Chain, ChainView, MarketDeal } from '../domain/cold-ports.ts';
import type { PublishRecords } from '../domain/receipt-ports.ts';
import type { Checked, CheckedDeal, Finding } from './check.ts';

/** Where the node does not say itself what is final. */
const FINALITY_EPOCHS = 900;

interface Node {
  rpc: LotusRpc;
  chain: Chain;
  records: PublishRecords;
  view: ChainView;
  signal: AbortSignal;
}

/** What a Lotus node at that address says to the claims of a receipt; reading takes no token. Rejects with a ColdError. */
export async function checkOnChain({ receipt, deals }: Checked, url: string, signal: AbortSignal): Promise<Finding[]> {
  if (receipt === undefined) return [];
  const rpc = createLotusRpc({ url });
  const chain = createLotusChain({ rpc, finalityEpochs: FINALITY_EPOCHS, clock: systemClock });
  const view = await chain.view(signal);
  if (view.genesisCid !== receipt.claims.genesisCid) {
    const text = `the node is on another chain than the receipt: ${view.network} from ${view.genesisCid}, where the receipt says ${receipt.claims.network} from ${receipt.claims.genesisCid}`;
    return [{ state: 'failed', text }];
  }
  if (view.network !== receipt.claims.network)
    return [{ state: 'failed', text: `the chain that the receipt names is called ${view.network}, not ${receipt.claims.network}` }];
  const node: Node = { rpc, chain, records: createPublishRecords(rpc), view, signal };
  const findings: Finding[] = [{ state: 'proven', text: `the node is on the chain that the receipt names, ${view.network}` }];
  for (const deal of deals) {
    const about = { piece: deal.pieceCid, deal: deal.deal.claims.dealId };
    const found = [await client(deal, node), await market(deal, node), await message(deal, node), await tipSet(deal, node)];
    findings.push(...found.map((one) => ({ ...about, ...one })));
  }
  return findings;
}

async function client({ deal, proposal }: CheckedDeal, { chain, signal }: Node): Promise<Finding> {
  const id = await chain.idAddress(proposal.client, signal);
  const { clientId } = deal.claims;
  return id === clientId
    ? { state: 'proven', text: `${proposal.client} has the ID address ${clientId}` }
    : { state: 'failed', text: `${proposal.client} has ${id === undefined ? 'no ID address' : `the ID address ${id}`}, not ${clientId}` };
}

/** At the final tip set, else at the head: a young network has nothing final. */
async function market({ deal, proposal }: CheckedDeal, { chain, view, signal }: Node): Promise<Finding> {
  const { dealId, clientId, sectorStartEpoch } = deal.claims;
  const final = await chain.marketDeal(dealId, view.finalizedKey, signal);
  const found = final ?? (await chain.marketDeal(dealId, undefined, signal));
  if (found === undefined) return { state: 'failed', text: `the chain has no deal ${dealId}: it has ended, was lost, or never was` };
  const other = difference(proposal, clientId, found);
  if (other !== undefined) return { state: 'failed', text: `the deal ${dealId} on the chain has another ${other} than the proposal` };
  const epoch = final === undefined ? view.headEpoch : view.finalizedEpoch;
  const at = final === undefined ? `the head, epoch ${epoch}, which is not final` : `the final epoch ${epoch}`;
  if (found.sectorStartEpoch < 0) return { state: 'failed', text: `the deal ${dealId} is in no sector at ${at}` };
  if (found.slashEpoch >= 0)
    return { state: 'failed', text: `the sector of the deal ${dealId} was terminated at epoch ${found.slashEpoch}` };
  if (epoch >= found.endEpoch) return { state: 'failed', text: `the deal ${dealId} ended at epoch ${found.endEpoch}` };
  if (found.sectorStartEpoch !== sectorStartEpoch)
    return { state: 'failed', text: `the deal ${dealId} is in a sector since epoch ${found.sectorStartEpoch}, not ${sectorStartEpoch}` };
  return { state: 'proven', text: `the chain has the proposal as deal ${dealId}, active at ${at}` };
}

/** What of it is another; the market actor has the ID address in place of the client's key. */
function difference(proposal: Proposal, clientId: string, found: MarketDeal): string | undefined {
  const pairs: [string, unknown, unknown][] = [
    ['piece', proposal.pieceCid, found.pieceCid],
    ['piece size', proposal.pieceSizeBytes, found.pieceSizeBytes],
    ['client', clientId, found.client],
    ['provider', proposal.provider, found.provider],
    // One of bytes that are no text is not shown by Lotus.
    ['label', found.label === '' ? '' : proposal.label, found.label],
    ['start', proposal.startEpoch, found.startEpoch],
    ['end', proposal.endEpoch, found.endEpoch],
    ['price', proposal.pricePerEpochAtto, found.pricePerEpochAtto],
    ['collateral of the provider', proposal.providerCollateralAtto, found.providerCollateralAtto],
    ['collateral of the client', proposal.clientCollateralAtto, found.clientCollateralAtto],
    ['kind, verified or not,', proposal.verified, found.verified],
  ];
  return pairs.find(([, ours, theirs]) => ours !== theirs)?.[0];
}

async function message({ deal, proposalBytes, signature }: CheckedDeal, { records, signal }: Node): Promise<Finding> {
  const { publishCid, dealId } = deal.claims;
  if (publishCid === undefined) return { state: 'unknown', text: 'the receipt does not say which message published it' };
  const published = await records.read(publishCid, signal);
  // A gateway looks back some epochs only, and a node keeps what it was told to keep.
  if (published === undefined)
    return { state: 'unknown', text: `the node does not have the message ${publishCid}: ask one that keeps more` };
  const one = published.find(({ chainDealId }) => chainDealId === dealId);
  const isSame = one !== undefined && equal(one.proposal, proposalBytes) && equal(one.signature, signature);
  return isSame
    ? { state: 'proven', text: `the message ${publishCid} is on the chain and published this signed proposal as deal ${dealId}` }
    : { state: 'failed', text: `the message ${publishCid} did not publish this signed proposal as deal ${dealId}` };
}

async function tipSet({ deal }: CheckedDeal, { rpc, view, signal }: Node): Promise<Finding> {
  const { epoch, tipSet: key } = deal.claims.lastVerified;
  if (epoch > view.headEpoch) return { state: 'failed', text: `the chain has not come to epoch ${epoch} of its last verification yet` };
  if (key.length === 0) return { state: 'unknown', text: 'the receipt does not say at which tip set it was last verified' };
  try {
    const params = [epoch, view.finalizedKey.length > 0 && epoch <= view.finalizedEpoch ? view.finalizedKey.map(cidLink) : []];
    const there = fieldsOf(await rpc.call('ChainGetTipSetByHeight', params, { signal }), 'tip set');
    const isSame =
      listOf(there.Cids, 'tip set key')
        .map((cid) => cidOf(cid, 'block CID'))
        .join() === key.join();
    return isSame
      ? { state: 'proven', text: `the tip set of its last verification is that of epoch ${epoch}` }
      : { state: 'failed', text: `the tip set of its last verification is not that of epoch ${epoch}` };
  } catch (error) {
    if (!(error instanceof LotusRefusal)) throw error;
    return { state: 'unknown', text: `the node does not look back to epoch ${epoch}: ${error.said}` };
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}
