import type { Accounts } from './accounts.ts';
import type { Chain } from './chain.ts';
import { isPieceCid } from './cids.ts';
import type { ProviderFaults } from './faults.ts';
import type { Signature } from './keys.ts';
import { clientCommitment, type MarketActor } from './market-actor.ts';
import { isProposalSignedBy, type Proposal } from './market-cbor.ts';
import type { ProviderInfo } from './provider.ts';

const GIB = 2n ** 30n;

export interface CheckContext {
  chain: Chain;
  accounts: Accounts;
  market: MarketActor;
  collateralMin: bigint;
  minDurationEpochs: number;
  maxDurationEpochs: number;
  /** A start sooner than this leaves no time to seal. */
  sealLeadEpochs: number;
}

/** The provider with the ask that it has now. */
export function asking(info: ProviderInfo, { askAtto, askSizes }: ProviderFaults): ProviderInfo {
  const sizes = askSizes === undefined ? {} : { minPieceSizeBytes: askSizes.min, maxPieceSizeBytes: askSizes.max };
  const prices = askAtto === undefined ? {} : { price: BigInt(askAtto), verifiedPrice: BigInt(askAtto) };
  return { ...info, ask: { ...info.ask, ...prices, ...sizes } };
}

/** Whether it deals with that client, by any of its addresses. */
export function isAllowed({ allow }: ProviderInfo, accounts: Accounts, client: string): boolean {
  if (allow === undefined) return true;
  return [client, accounts.find(client), accounts.keyAddress(client)].some((one) => one !== undefined && allow.includes(one));
}

export function minPrice(info: ProviderInfo, { verified, pieceSizeBytes }: Pick<Proposal, 'verified' | 'pieceSizeBytes'>): bigint {
  return ((verified ? info.ask.verifiedPrice : info.ask.price) * BigInt(pieceSizeBytes)) / GIB;
}

/**
 * Why a provider refuses a proposal, in the words of go-fil-markets 1.28.3, which the client sees behind "deal rejected: ";
 * undefined when it takes it. In its order: whoever asks for several wrong things hears of the first.
 */
export function refusal(info: ProviderInfo, proposal: Proposal, signature: Signature, context: CheckContext): string | undefined {
  return refusedForm(info, proposal, signature, context) ?? refusedTerms(info, proposal, context) ?? refusedFunds(info, proposal, context);
}

function refusedForm(info: ProviderInfo, proposal: Proposal, signature: Signature, context: CheckContext): string | undefined {
  if (!isProposalSignedBy(context.accounts.keyAddress(proposal.client), proposal, signature)) {
    return 'verifying StorageDealProposal: could not verify signature';
  }
  if (proposal.provider !== info.id) return 'incorrect provider for deal';
  if (proposal.label.length > 256) return `deal label can be at most 256 bytes, is ${proposal.label.length}`;
  if (!isPieceCid(proposal.pieceCid)) return 'proposal PieceCID had wrong prefix';
  const isPower = Number.isInteger(Math.log2(proposal.pieceSizeBytes)) && proposal.pieceSizeBytes >= 128;
  return isPower ? undefined : 'proposal piece size is invalid: padded piece size must be a power of 2';
}

function refusedTerms(info: ProviderInfo, proposal: Proposal, context: CheckContext): string | undefined {
  const { startEpoch, endEpoch } = proposal;
  const { epoch } = context.chain;
  const { minDurationEpochs: least, maxDurationEpochs: most } = context;
  const duration = endEpoch - startEpoch;
  if (duration <= 0) return 'proposal end before proposal start';
  if (epoch > startEpoch) return 'deal start epoch has already elapsed';
  if (duration < least || duration > most) return `deal duration out of bounds (min, max, provided): ${least}, ${most}, ${duration}`;
  if (endEpoch > epoch + most) return `invalid deal end epoch ${endEpoch}: cannot be more than ${most} past current epoch ${epoch}`;
  const collateral = BigInt(proposal.providerCollateral);
  const min = context.collateralMin;
  if (collateral < min) return `proposed provider collateral below minimum: ${collateral} < ${min}`;
  if (collateral > 2n * min) return `proposed provider collateral above maximum: ${collateral} > ${2n * min}`;
  const price = BigInt(proposal.pricePerEpoch);
  const asked = minPrice(info, proposal);
  if (price < asked) return `storage price per epoch less than asking price: ${price} < ${asked}`;
  const { minPieceSizeBytes, maxPieceSizeBytes } = info.ask;
  const size = proposal.pieceSizeBytes;
  if (size < minPieceSizeBytes) return `piece size less than minimum required size: ${size} < ${minPieceSizeBytes}`;
  if (size > maxPieceSizeBytes) return `piece size more than maximum allowed size: ${size} > ${maxPieceSizeBytes}`;
  return undefined;
}

function refusedFunds(info: ProviderInfo, proposal: Proposal, context: CheckContext): string | undefined {
  const { accounts, market, chain } = context;
  const client = accounts.find(proposal.client) ?? proposal.client;
  const free = market.escrow(client) - market.locked(client);
  const needed = clientCommitment(proposal);
  if (free < needed) return `clientMarketBalance.Available too small: ${free} < ${needed}`;
  const datacap = market.datacap(client) ?? 0n;
  if (proposal.verified && datacap < BigInt(proposal.pieceSizeBytes)) {
    return `verified deal DataCap ${datacap} too small for proposed piece size ${proposal.pieceSizeBytes}`;
  }
  if (!isAllowed(info, accounts, client))
    return `Client address ${accounts.keyAddress(client)} is not allowed to make deals with this storage provider`;
  return proposal.startEpoch < chain.epoch + context.sealLeadEpochs ? `cannot seal a sector before ${proposal.startEpoch}` : undefined;
}

/** What a provider says that was told to refuse. */
export function toldRefusal(faults: ProviderFaults, info: ProviderInfo, proposal: Proposal): string | undefined {
  switch (faults.refuse) {
    case undefined:
      return undefined;
    case 'price': {
      const price = BigInt(proposal.pricePerEpoch);
      return `storage price per epoch less than asking price: ${price} < ${price + 1n}`;
    }
    case 'size':
      return `piece size more than maximum allowed size: ${proposal.pieceSizeBytes} > ${proposal.pieceSizeBytes / 2}`;
    case 'not-allowed':
      return `Client address ${proposal.client} is not allowed to make deals with this storage provider`;
    case 'busy':
      return `miner ${info.id} is overloaded: too many deals in progress, try again later`;
    default:
      return faults.refuse;
  }
}
