import { decode, encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { addressBytes, addressText } from '../../devnet/address.ts';
import { bigBytes, type Proposal } from '../../devnet/market-cbor.ts';

/** The provider's side of mk12, as its bytes are on real streams. */

export interface ReceivedDeal {
  uuid: string;
  isOffline: boolean;
  proposal: Proposal;
  /** Type and data. */
  signature: Uint8Array;
  rootCid: string;
  transfer: { type: string; params: string; sizeBytes: number };
}

type Tuple = readonly [CID, number, boolean, Uint8Array, Uint8Array, string, number, number, Uint8Array, Uint8Array, Uint8Array];

export function readDealParams(bytes: Uint8Array): ReceivedDeal {
  const params = decode<{
    DealUUID: Uint8Array;
    IsOffline: boolean;
    ClientDealProposal: [Tuple, Uint8Array];
    DealDataRoot: CID;
    Transfer: { Type: string; Params: Uint8Array; Size: number };
  }>(bytes);
  const [tuple, signature] = params.ClientDealProposal;
  return {
    uuid: uuidOf(params.DealUUID),
    isOffline: params.IsOffline,
    proposal: proposalOf(tuple),
    signature,
    rootCid: params.DealDataRoot.toString(),
    transfer: { type: params.Transfer.Type, params: Buffer.from(params.Transfer.Params).toString(), sizeBytes: params.Transfer.Size },
  };
}

export function readStatusRequest(bytes: Uint8Array): { uuid: string; signature: Uint8Array } {
  const { DealUUID, Signature } = decode<{ DealUUID: Uint8Array; Signature: Uint8Array }>(bytes);
  return { uuid: uuidOf(DealUUID), signature: Signature };
}

export function readAskRequest(bytes: Uint8Array): string {
  return addressText(decode<{ Miner: Uint8Array }>(bytes).Miner);
}

export function responseBytes(accepted: boolean, message: string): Uint8Array {
  return encode({ Accepted: accepted, Message: message });
}

export interface StatusToTell {
  uuid: string;
  error: string;
  isOffline: boolean;
  sizeBytes: number;
  receivedBytes: number;
  deal: null | {
    error: string;
    status: string;
    sealingStatus: string;
    proposal: Proposal;
    signedProposalCid: string;
    publishCid: string | null;
    chainDealId: number;
  };
}

export function statusBytes({ uuid, error, isOffline, sizeBytes, receivedBytes, deal }: StatusToTell): Uint8Array {
  return encode({
    DealUUID: uuidBytes(uuid),
    Error: error,
    DealStatus: deal && {
      Error: deal.error,
      Status: deal.status,
      SealingStatus: deal.sealingStatus,
      Proposal: tupleOf(deal.proposal),
      SignedProposalCid: CID.parse(deal.signedProposalCid),
      PublishCid: deal.publishCid === null ? null : CID.parse(deal.publishCid),
      ChainDealID: deal.chainDealId,
    },
    IsOffline: isOffline,
    TransferSize: sizeBytes,
    NBytesReceived: receivedBytes,
  });
}

export interface AskToTell {
  price: bigint;
  verifiedPrice: bigint;
  minPieceSizeBytes: number;
  maxPieceSizeBytes: number;
}

export function askBytes(miner: string, ask: AskToTell | null): Uint8Array {
  const signed = ask && {
    Ask: {
      Price: bigBytes(ask.price),
      VerifiedPrice: bigBytes(ask.verifiedPrice),
      MinPieceSize: ask.minPieceSizeBytes,
      MaxPieceSize: ask.maxPieceSizeBytes,
      Miner: addressBytes(miner),
      Timestamp: 1,
      Expiry: 1_000_001,
      SeqNo: 0,
    },
    Signature: Uint8Array.of(1, ...new Uint8Array(65)),
  };
  return encode({ Ask: signed });
}

export function transportsBytes(ways: readonly { name: string; addresses: readonly Uint8Array[] }[]): Uint8Array {
  return encode({ Protocols: ways.map(({ name, addresses }) => ({ Name: name, Addresses: [...addresses] })) });
}

export function uuidBytes(uuid: string): Uint8Array {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function proposalOf(tuple: Tuple): Proposal {
  const [piece, size, verified, client, provider, label, start, end, price, providerCollateral, clientCollateral] = tuple;
  return {
    pieceCid: piece.toString(),
    pieceSizeBytes: size,
    verified,
    client: addressText(client),
    provider: addressText(provider),
    label,
    startEpoch: start,
    endEpoch: end,
    pricePerEpoch: amountOf(price),
    providerCollateral: amountOf(providerCollateral),
    clientCollateral: amountOf(clientCollateral),
  };
}

export function tupleOf(proposal: Proposal): unknown[] {
  return [
    CID.parse(proposal.pieceCid),
    proposal.pieceSizeBytes,
    proposal.verified,
    addressBytes(proposal.client),
    addressBytes(proposal.provider),
    proposal.label,
    proposal.startEpoch,
    proposal.endEpoch,
    bigBytes(proposal.pricePerEpoch),
    bigBytes(proposal.providerCollateral),
    bigBytes(proposal.clientCollateral),
  ];
}

function amountOf(bytes: Uint8Array): string {
  return bytes.length === 0 ? '0' : BigInt(`0x${Buffer.from(bytes).toString('hex')}`).toString();
}
