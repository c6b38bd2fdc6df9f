import { isPieceCid } from '../cids.ts';
import type { ProviderFaults } from '../faults.ts';
import { clientCommitment } from '../market-actor.ts';
import { isProposalSignedBy, pendingKey } from '../market-cbor.ts';
import { pieceSizeOf } from '../piece-cid.ts';
import type { Mk12Style, ProviderDeal, ProviderInfo } from '../provider.ts';
import { type CheckContext, isAllowed, minPrice } from '../provider-checks.ts';
import type { DealParams } from './wire.ts';

const LABEL_BYTES_MAX = 256;
/** A provider puts no more of its own at stake than so many times the least. */
const COLLATERAL_TIMES_MAX = 2n;

/** What a provider has to judge a proposal by. */
export interface Judged {
  info: ProviderInfo;
  faults: ProviderFaults;
  params: DealParams;
  context: CheckContext;
  /** Its deals so far. */
  deals: readonly ProviderDeal[];
  /** Of the proposal with its signature. */
  proposalCid: string;
}

/**
 * Why a provider refuses, undefined when it takes the deal: Boost 2.2 and Curio 1.28 in their words and in their order. Both look
 * at price, escrow and start before they look for a duplicate.
 */
export function mk12Refusal(judged: Judged): string | undefined {
  const invalid = refusedForm(judged) ?? refusedTerms(judged);
  if (isCurio(judged.info.mk12)) return curio(judged, invalid ?? refusedFunds(judged));
  return boost(judged, invalid ?? refusedAsk(judged) ?? refusedFunds(judged));
}

export function isCurio(style: Mk12Style): boolean {
  return style !== 'boost';
}

function boost({ info, faults, params, context, deals, proposalCid }: Judged, invalid: string | undefined): string | undefined {
  if (invalid !== undefined) return `failed validation: ${invalid}`;
  if (!params.isOffline && hostOf(params) === undefined) return 'server error: get deal transfer host: parsing url';
  const proposed = ({ mk12 }: ProviderDeal) => `${mk12?.uuid} (proposed at ${goTime(mk12?.proposedAt ?? '')})`;
  const same = deals.find((deal) => deal.proposalCid === proposalCid);
  if (same !== undefined) return `deal proposal is identical to deal ${proposed(same)}`;
  const sameUuid = deals.find(({ mk12 }) => mk12?.uuid === params.uuid);
  if (sameUuid !== undefined) return `deal has the same uuid as deal ${proposed(sameUuid)}`;
  // The words are those of the provider's own filter.
  if (!isAllowed(info, context.accounts, params.proposal.client)) return `client not allowed: ${params.proposal.client}`;
  return told(faults, params, 'server error: provider has no space left for storage deals');
}

function curio(judged: Judged, invalid: string | undefined): string | undefined {
  const { info, faults, params, context, deals } = judged;
  if (invalid !== undefined) return `failed validation: ${invalid}`;
  if (faults.refuse === 'busy') return told(faults, params, 'deal rejected due to backpressure. Please retry in some time.');
  if (!isAllowed(info, context.accounts, params.proposal.client)) return 'client not allowed by provider';
  const filtered = refusedAsk(judged) ?? told(faults, params, '');
  if (filtered !== undefined) return filtered;
  if (params.transfer.type === 'libp2p' || params.transfer.params.includes('libp2p://')) {
    return 'libp2p URLs are not supported by this provider';
  }
  if (!params.isOffline && hostOf(params) === undefined) {
    return `failed to de-serialize transport params bytes '${params.transfer.params}': invalid character looking for beginning of value`;
  }
  const { pieceSizeBytes } = params.proposal;
  const least = pieceSizeOf(params.transfer.sizeBytes);
  if (!params.isOffline && pieceSizeBytes !== least) {
    return `store deal: piece size ${pieceSizeBytes} is not the padded size ${least} of raw size ${params.transfer.sizeBytes}`;
  }
  const unsigned = pendingKey(params.proposal);
  const same = deals.some(({ proposal }) => pendingKey(proposal) === unsigned);
  if (same) return `store deal: market deal with the same proposalCID ${unsigned} already exists: 1`;
  const sameUuid = deals.some(({ mk12 }) => mk12?.uuid === params.uuid);
  return sameUuid ? 'store deal: store deal success: updated 0 rows instead of 1' : undefined;
}

function refusedForm({ info, params, context }: Judged): string | undefined {
  const { proposal, signature } = params;
  if (!isProposalSignedBy(context.accounts.keyAddress(proposal.client), proposal, signature)) {
    return 'server error: validating signature';
  }
  if (proposal.provider !== info.id) {
    return `incorrect provider for deal; proposal.Provider: ${proposal.provider}; provider.Address: ${info.id}`;
  }
  const labelBytes = Buffer.byteLength(proposal.label, proposal.labelIsBytes === true ? 'base64' : 'utf8');
  if (labelBytes > LABEL_BYTES_MAX) return `deal label can be at most ${LABEL_BYTES_MAX} bytes, is ${labelBytes}`;
  const isPower = Number.isInteger(Math.log2(proposal.pieceSizeBytes)) && proposal.pieceSizeBytes >= 128;
  if (!isPower) return 'proposal piece size is invalid: padded piece size must be a power of 2';
  return isPieceCid(proposal.pieceCid) ? undefined : 'proposal PieceCID had wrong prefix';
}

function refusedTerms({ params: { proposal }, context }: Judged): string | undefined {
  const { startEpoch, endEpoch } = proposal;
  const { epoch } = context.chain;
  const { minDurationEpochs: least, maxDurationEpochs: most, collateralMin: min } = context;
  const duration = endEpoch - startEpoch;
  if (duration <= 0) return `proposal end ${endEpoch} before proposal start ${startEpoch}`;
  if (epoch > startEpoch) return `deal start epoch ${startEpoch} has already elapsed (current epoch: ${epoch})`;
  if (duration < least || duration > most) return `deal duration out of bounds (min, max, provided): ${least}, ${most}, ${duration}`;
  if (endEpoch > epoch + most) return `invalid deal end epoch ${endEpoch}: cannot be more than ${most} past current epoch ${epoch}`;
  const collateral = BigInt(proposal.providerCollateral);
  if (collateral < min) return `proposed provider collateral ${collateral} below minimum ${min}`;
  const max = COLLATERAL_TIMES_MAX * min;
  return collateral > max ? `proposed provider collateral ${collateral} above maximum ${max}` : undefined;
}

function refusedAsk({ info, params: { proposal } }: Judged): string | undefined {
  const price = BigInt(proposal.pricePerEpoch);
  const asked = minPrice(info, proposal);
  if (price < asked) return `storage price per epoch less than asking price: ${price} < ${asked}`;
  const { minPieceSizeBytes, maxPieceSizeBytes } = info.ask;
  const size = proposal.pieceSizeBytes;
  if (size < minPieceSizeBytes) return `piece size less than minimum required size: ${size} < ${minPieceSizeBytes}`;
  const most = Math.min(maxPieceSizeBytes, info.sectorSizeBytes);
  return size > most ? `piece size more than maximum allowed size: ${size} > ${most}` : undefined;
}

/** What is on the chain counts, not what else was promised. */
function refusedFunds({ params: { proposal }, context: { accounts, market } }: Judged): string | undefined {
  const client = accounts.find(proposal.client);
  if (client === undefined) return 'server error: getting market balance';
  const free = market.escrow(client) - market.locked(client);
  const needed = clientCommitment(proposal);
  if (free < needed) return `client available funds in escrow ${free} not enough to meet storage cost for deal ${needed}`;
  if (!proposal.verified) return undefined;
  const datacap = market.datacap(client);
  if (datacap === undefined) return 'client is not a verified client';
  const size = BigInt(proposal.pieceSizeBytes);
  return datacap < size ? `verified deal DataCap ${datacap} too small for proposed piece size ${size}` : undefined;
}

/** What a provider says that was told to refuse. */
function told({ refuse }: ProviderFaults, { proposal }: DealParams, busy: string): string | undefined {
  switch (refuse) {
    case 'price': {
      const price = BigInt(proposal.pricePerEpoch);
      return `failed validation: storage price per epoch less than asking price: ${price} < ${price + 1n}`;
    }
    case 'size': {
      const size = proposal.pieceSizeBytes;
      return `failed validation: piece size more than maximum allowed size: ${size} > ${size / 2}`;
    }
    case 'not-allowed':
      return 'client not allowed by provider';
    case 'busy':
      return busy;
    default:
      return refuse;
  }
}

function hostOf({ transfer }: DealParams): string | undefined {
  try {
    const { URL: url } = JSON.parse(transfer.params) as { URL: string };
    return new URL(url).host;
  } catch {
    return undefined;
  }
}

/** A moment as Go prints it. */
function goTime(rfc3339: string): string {
  return rfc3339.replace('T', ' ').replace('Z', ' +0000 UTC');
}
