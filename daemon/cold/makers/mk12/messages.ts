import { code as DAG_CBOR, encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';
import { UnusableAsk } from '../../../domain/cold-ports.ts';
import type { Ask } from '../../../domain/provider.ts';
import { addressBytes, addressText } from '../../chain/address.ts';
import type { Proposal } from '../../chain/proposal.ts';
import type { Signature } from '../../wallet/signer.ts';
import { signatureBytes, signedProposal } from '../proposal.ts';
import { garbled } from './cbor.ts';
import { harmless } from './harmless.ts';

/** The versions of the protocol by which deals are proposed, newest first. The older one has no word about keeping and announcing. */
export const PROPOSE_VERSIONS = ['1.2.1', '1.2.0'] as const;
export type ProposeVersion = (typeof PROPOSE_VERSIONS)[number];

/** How a provider gets the piece's CAR; none for one that is brought to it. */
export interface TransferParams {
  url: string;
  headers: Readonly<Record<string, string>>;
  sizeBytes: number;
}

export interface DealParams {
  /** Of the deal. */
  uuid: string;
  proposal: Proposal;
  signature: Signature;
  rootCid: string;
  transfer: TransferParams;
}

/** Byte for byte as Go's client writes it: keys in the order of dag-cbor. */
export function dealParamsBytes({ uuid, proposal, signature, rootCid, transfer }: DealParams, version: ProposeVersion): Uint8Array {
  const { url, headers, sizeBytes } = transfer;
  return dealEnvelope(
    {
      DealUUID: uuidBytes(uuid),
      IsOffline: false,
      ClientDealProposal: signedProposal(proposal, signature),
      DealDataRoot: CID.parse(rootCid),
      Transfer: { Type: 'http', ClientID: '', Params: Buffer.from(JSON.stringify({ URL: url, Headers: headers })), Size: sizeBytes },
    },
    version,
  );
}

/** Providers keep an unsealed copy and announce what is in it only when they are not told otherwise: so they are not. */
export function dealEnvelope(params: Readonly<Record<string, unknown>>, version: ProposeVersion): Uint8Array {
  return encode(version === '1.2.0' ? params : { ...params, RemoveUnsealedCopy: false, SkipIPNIAnnounce: false });
}

/** Signed by the key of the deal's client: the bytes of the UUID. */
export function statusRequestBytes(uuid: string, signature: Signature): Uint8Array {
  return encode({ DealUUID: uuidBytes(uuid), Signature: signatureBytes(signature) });
}

export function askRequestBytes(provider: string): Uint8Array {
  return encode({ Miner: addressBytes(provider) });
}

export function uuidBytes(uuid: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) throw new TypeError(`${uuid.slice(0, 60)} is no UUID`);
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

// ---------------------------------------------------------------------------------------------------------------
// Replies. What is of another shape is garbled: `unreachable`.

export interface DealResponse {
  accepted: boolean;
  /** Harmless. */
  message: string;
}

export function readDealResponse(value: unknown): DealResponse {
  const { Accepted, Message } = mapOf(value, 'reply to a proposal');
  return { accepted: booleanOf(Accepted, 'Accepted'), message: wordsOf(Message, 'Message') };
}

/** What a provider says of a deal that it has. Texts are harmless. */
export interface DealStatus {
  error: string;
  status: string;
  sealingStatus: string;
  signedProposalCid: string;
  publishCid?: string;
  /** 0 until there is one. */
  chainDealId: number;
}

export interface DealStatusResponse {
  uuid: string;
  /** Empty unless there is no status. */
  error: string;
  deal?: DealStatus;
}

export function readStatusResponse(value: unknown): DealStatusResponse {
  const { DealUUID, Error: error, DealStatus: status } = mapOf(value, 'reply about a deal');
  const uuid = Buffer.from(bytesOf(DealUUID, 'DealUUID')).toString('hex');
  const head = { uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'), error: wordsOf(error, 'Error') };
  if (status === null) return head;
  const deal = mapOf(status, 'DealStatus');
  const publishCid = deal.PublishCid === null ? undefined : messageCidOf(deal.PublishCid, 'PublishCid');
  return {
    ...head,
    deal: {
      error: wordsOf(deal.Error, 'error of a deal'),
      status: wordsOf(deal.Status, 'Status'),
      sealingStatus: wordsOf(deal.SealingStatus, 'SealingStatus'),
      signedProposalCid: cidOf(deal.SignedProposalCid, 'SignedProposalCid'),
      chainDealId: integerOf(deal.ChainDealID, 'ChainDealID'),
      ...(publishCid === undefined ? {} : { publishCid }),
    },
  };
}

/** Undefined: it has none. The signature is of a key that anyone could name, and is not looked at: the ask binds nobody. */
export function readAskResponse(value: unknown, provider: string): Ask | undefined {
  const signed = mapOf(value, 'reply about an ask').Ask;
  if (signed === null) return undefined;
  const ask = mapOf(mapOf(signed, 'signed ask').Ask, 'ask');
  if (readable('Miner', () => addressText(bytesOf(ask.Miner, 'Miner'))) !== provider)
    throw new UnusableAsk(`it is the ask of another provider than ${provider}`);
  return {
    priceAttoPerGibEpoch: attoOf(ask.Price, 'Price'),
    verifiedPriceAttoPerGibEpoch: attoOf(ask.VerifiedPrice, 'VerifiedPrice'),
    minPieceSizeBytes: integerOf(ask.MinPieceSize, 'MinPieceSize'),
    maxPieceSizeBytes: integerOf(ask.MaxPieceSize, 'MaxPieceSize'),
    expiryEpoch: integerOf(ask.Expiry, 'Expiry'),
  };
}

const BLAKE2B_256 = 0xb220;
const TRANSPORTS_MAX = 16;
const ADDRESSES_MAX = 16;

/** Addresses at which a provider gives bytes back, by the name of the way; binary multiaddrs. */
export function readTransports(value: unknown): { name: string; addresses: Uint8Array[] }[] {
  const protocols = listOf(mapOf(value, 'reply about ways of retrieval').Protocols, 'Protocols');
  return protocols.slice(0, TRANSPORTS_MAX).map((one) => {
    const { Name, Addresses } = mapOf(one, 'way of retrieval');
    const addresses = listOf(Addresses, 'Addresses').slice(0, ADDRESSES_MAX);
    return { name: wordsOf(Name, 'Name'), addresses: addresses.map((address) => bytesOf(address, 'address')) };
  });
}

function mapOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
  if (!isMap || CID.asCID(value) !== null) throw garbled(`${what} is no map`);
  return value as Readonly<Record<string, unknown>>;
}

/** Go writes an empty list as null at times. */
function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw garbled(`${what} is no list`);
  return value;
}

function booleanOf(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw garbled(`${what} is neither true nor false`);
  return value;
}

function wordsOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw garbled(`${what} is no text`);
  return harmless(value);
}

function bytesOf(value: unknown, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw garbled(`${what} is not made of bytes`);
  return value;
}

function integerOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw garbled(`${what} is no whole number`);
  return value;
}

function cidOf(value: unknown, what: string): string {
  const cid = CID.asCID(value);
  if (cid === null) throw garbled(`${what} is no CID`);
  return cid.toString();
}

/** Of a message on the chain, which has one form: a node that is asked for anything else fails, or searches for long. */
function messageCidOf(value: unknown, what: string): string {
  const cid = CID.asCID(value);
  if (cid?.version !== 1 || cid.code !== DAG_CBOR || cid.multihash.code !== BLAKE2B_256) throw garbled(`${what} is of no message`);
  return cid.toString();
}

/** More attoFIL than there is take 12 bytes. */
const ATTO_BYTES_MAX = 32;

/** A sign, which must be plus, and the magnitude; nothing at all is zero. */
function attoOf(value: unknown, what: string): bigint {
  const bytes = bytesOf(value, what);
  if (bytes.length === 0) return 0n;
  if (bytes[0] !== 0 || bytes.length > ATTO_BYTES_MAX) throw garbled(`${what} is no amount`);
  return BigInt(`0x0${Buffer.from(bytes.subarray(1)).toString('hex')}`);
}

function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw garbled(`${what} cannot be read`);
  }
}
