import { hash } from 'node:crypto';

import {
  ColdError,
  type DealMaker,
  type DealOrder,
  type DealReport,
  type PreparedDeal,
  type SendReply,
} from '../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import type { Proposal } from './chain.ts';
import type { Reached, SimMarket } from './market.ts';
import type { SimDisk } from './works.ts';

export const WALLET = 't1simwallet';

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

export interface SimMakerOptions {
  market: SimMarket;
  disk: SimDisk;
  faults: NodeFaults;
  /** Does something so many epochs later. */
  later: (epochs: number, run: () => void) => void;
}

const LATE_EPOCHS = 2;

type Request = Omit<Proposal, 'pricePerEpochAtto' | 'clientCollateralAtto' | 'providerCollateralAtto' | 'cid'> & {
  dealId: string;
  pieceId: string;
  pricePerEpochAtto: string;
};

/** A maker with the manners of Lotus's Client API: predicted CIDs, `already tracking`, advisory states. */
export function createSimMaker({ market, disk, faults, later }: SimMakerOptions): DealMaker {
  const reach = (): void => {
    if (faults.isDown) throw new ColdError('unreachable', 'the node does not answer');
    if (faults.isUnauthorized) throw new ColdError('unauthorized', 'missing permission');
  };
  return {
    name: 'sim',
    async wallet() {
      return faults.wallet ?? WALLET;
    },
    async problem() {
      if (faults.isDown) return { code: 'lotus_unreachable', text: 'the node does not answer' };
      return faults.isUnauthorized ? { code: 'lotus_unauthorized', text: 'the token is too weak' } : undefined;
    },
    async ask(providerId) {
      await faults.stuck.get(providerId);
      reach();
      const { conduct, ask } = market.provider(providerId);
      if (conduct === 'down' || conduct === 'silent') throw new ColdError('unreachable', `${providerId} does not answer`);
      return ask;
    },
    async prepare(order) {
      reach();
      return prepare(order);
    },
    async stage(piece) {
      reach();
      const bytes = disk.staged.get(piece.id);
      if (bytes === undefined) throw new ColdError('refused', `there is no file of ${piece.id}`);
      market.imports.set(piece.pieceCid, bytes);
    },
    async unstage(piece) {
      reach();
      market.imports.delete(piece.pieceCid);
    },
    async send(prepared) {
      await faults.stuck.get((prepared.request as unknown as Request).provider);
      reach();
      return send(prepared, market, faults, later);
    },
    async report({ proposalCid, request }) {
      await faults.stuck.get((request as unknown as Request).provider);
      reach();
      return reportOf(market.reached.get(proposalCid), market);
    },
    async *retrieve(deal, piece) {
      await faults.stuck.get(deal.provider);
      reach();
      yield* bytesOf(deal, piece.pieceCid, market);
    },
    async retrievalPrice(deal) {
      reach();
      return market.provider(deal.provider).retrieval === 'fails' ? undefined : 0n;
    },
  };
}

/** Deterministic, as a signature over the same bytes is; the end is rounded up, as proving deadlines do. */
function prepare(order: DealOrder): PreparedDeal {
  const { dealId, piece, provider, startEpoch, pricePerEpochAtto, verified } = order;
  const minEndEpoch = startEpoch + order.durationEpochs;
  const endEpoch = minEndEpoch + (Number.parseInt(hash('sha256', provider).slice(0, 6), 16) % 60);
  const request: Request = {
    dealId,
    pieceId: piece.id,
    pieceCid: piece.pieceCid,
    pieceSizeBytes: piece.pieceSizeBytes,
    provider,
    label: piece.rootCid,
    verified,
    startEpoch,
    endEpoch,
    pricePerEpochAtto: `${pricePerEpochAtto}`,
  };
  const proposal = proposalOf(request);
  return {
    terms: { startEpoch, endEpoch, pricePerEpochAtto, clientCollateralAtto: 0n, providerCollateralAtto: 0n, verified },
    wallet: WALLET,
    proposalCid: proposal.cid,
    request: { ...request },
  };
}

/** The proposal itself knows nothing of our deal ids: the same offer for the same piece is the same proposal. */
function proposalOf({ dealId: _d, pieceId: _p, pricePerEpochAtto, ...rest }: Request): Proposal {
  const fixed = { ...rest, pricePerEpochAtto: BigInt(pricePerEpochAtto), clientCollateralAtto: 0n, providerCollateralAtto: 0n };
  const text = JSON.stringify([
    rest.pieceCid,
    rest.pieceSizeBytes,
    rest.provider,
    rest.label,
    rest.startEpoch,
    rest.endEpoch,
    pricePerEpochAtto,
  ]);
  return { ...fixed, cid: `bafy-${hash('sha256', text).slice(0, 24)}` };
}

function send(
  prepared: Pick<Deal, 'request' | 'proposalCid'>,
  market: SimMarket,
  faults: NodeFaults,
  later: SimMakerOptions['later'],
): SendReply {
  const request = prepared.request as unknown as Request;
  const proposal = { ...proposalOf(request), dealId: request.dealId, pieceId: request.pieceId };
  if (proposal.cid !== prepared.proposalCid) throw new Error('the proposal that is sent is not the one that was prepared');
  market.onSend(request.dealId, request.provider);
  const fault = faults.sends.shift();
  if (fault === 'lost_before') throw new ColdError('unreachable', 'connection refused');
  if (fault === 'late') {
    later(LATE_EPOCHS, () => void accept(proposal, market));
    throw new ColdError('unreachable', 'socket hang up');
  }
  const reply = accept(proposal, market);
  if (fault === 'lost_after') throw new ColdError('unreachable', 'connection reset');
  return reply;
}

function accept(proposal: Proposal & { dealId: string; pieceId: string }, market: SimMarket): SendReply {
  if (market.reached.has(proposal.cid)) return { kind: 'sent', said: `already tracking identifier ${proposal.cid}` };
  if (!market.imports.has(proposal.pieceCid)) return { kind: 'refused', why: 'other', said: 'data does not exist in local storage' };
  const { conduct, refusal } = market.provider(proposal.provider);
  if (conduct === 'refuses') return { kind: 'refused', why: refusal, said: 'no, thank you' };
  if (conduct === 'not_allowed') return { kind: 'refused', why: 'not_allowed', said: 'client not allowed' };
  market.take(proposal);
  return { kind: 'sent', said: proposal.cid };
}

function reportOf(deal: Reached | undefined, market: SimMarket): DealReport {
  if (deal === undefined) return { kind: 'absent' };
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
