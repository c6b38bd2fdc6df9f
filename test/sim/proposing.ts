import { hash } from 'node:crypto';

import { ColdError, type DealOrder, type PreparedDeal, type SendReply } from '../../daemon/domain/cold-ports.ts';
import type { Deal } from '../../daemon/domain/deal.ts';
import type { Proposal } from './chain.ts';
import type { SimMarket } from './market.ts';
import type { NodeFaults } from './node.ts';

export const WALLET = 't1simwallet';

const LATE_EPOCHS = 2;

/** What is kept of a deal to be sent. */
export type Request = Omit<Proposal, 'pricePerEpochAtto' | 'clientCollateralAtto' | 'providerCollateralAtto' | 'cid'> & {
  dealId: string;
  pieceId: string;
  pricePerEpochAtto: string;
};

/** As it arrives at the other side. */
export type Sent = Proposal & { dealId: string; pieceId: string };

/** Deterministic, as a signature over the same bytes is. */
export function prepareDeal(order: DealOrder, endEpoch: number): PreparedDeal {
  const { dealId, piece, provider, startEpoch, pricePerEpochAtto, verified } = order;
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

export interface SendingOptions {
  market: SimMarket;
  faults: NodeFaults;
  /** Does something so many epochs later. */
  later: (epochs: number, run: () => void) => void;
}

/** Sends what was prepared, with what goes wrong on the way; `arrive` is what the other side does and says. */
export function sendDeal(
  prepared: Pick<Deal, 'request' | 'proposalCid'>,
  { market, faults, later }: SendingOptions,
  arrive: (sent: Sent) => SendReply,
): SendReply {
  const request = prepared.request as unknown as Request;
  const sent = { ...proposalOf(request), dealId: request.dealId, pieceId: request.pieceId };
  if (sent.cid !== prepared.proposalCid) throw new Error('the proposal that is sent is not the one that was prepared');
  market.onSend(request.dealId, request.provider);
  const fault = faults.sends.shift();
  if (fault === 'lost_before') throw new ColdError('unreachable', 'connection refused');
  if (fault === 'late') {
    later(LATE_EPOCHS, () => void arrive(sent));
    throw new ColdError('unreachable', 'socket hang up');
  }
  const reply = arrive(sent);
  if (fault === 'lost_after') throw new ColdError('unreachable', 'connection reset');
  return reply;
}
