import { CID } from 'multiformats/cid';

import { addressBytes, addressText } from '../address.ts';
import { encodeCbor } from '../cids.ts';
import type { Signature } from '../keys.ts';
import { bigBytes, type Proposal, proposalFields, signatureBytes } from '../market-cbor.ts';
import { type Cbor, CborError, readItem } from './cbor.ts';

export const PROTOCOL = {
  deal: '/fil/storage/mk/1.2.1',
  dealBefore: '/fil/storage/mk/1.2.0',
  status: '/fil/storage/status/1.2.0',
  ask: '/fil/storage/ask/1.1.0',
  transports: '/fil/retrieval/transports/1.0.0',
} as const;

export interface Transfer {
  type: string;
  /** JSON, for `http`: URL and headers. */
  params: string;
  sizeBytes: number;
}

/** A proposal as a client sends it, of 1.2.1 or (without its last two fields) 1.2.0. */
export interface DealParams {
  uuid: string;
  isOffline: boolean;
  proposal: Proposal;
  signature: Signature;
  root: string;
  transfer: Transfer;
  removeUnsealedCopy: boolean;
  skipIpniAnnounce: boolean;
}

export interface DealReply {
  accepted: boolean;
  message: string;
}

export interface StatusReply {
  uuid: string;
  error: string;
  isOffline: boolean;
  transferSizeBytes: number;
  receivedBytes: number;
  status?: {
    error: string;
    status: string;
    sealingStatus: string;
    proposal: Proposal;
    signedProposalCid: string;
    publishCid?: string;
    /** 0 where there is none. */
    chainDealId: number;
  };
}

export interface Ask {
  price: bigint;
  verifiedPrice: bigint;
  minPieceSizeBytes: number;
  maxPieceSizeBytes: number;
  miner: string;
  timestamp: number;
  expiry: number;
  seqNo: number;
}

type Fields = ReadonlyMap<string, Cbor>;

/** @throws CborError */
export function readDealParams(bytes: Uint8Array): DealParams {
  const fields = readMap(bytes);
  const [proposal, signature] = arrayOf(fields, 'ClientDealProposal', 2);
  const transfer = mapOf(fields, 'Transfer');
  return {
    uuid: uuidText(bytesOf(fields, 'DealUUID', 16)),
    isOffline: flagOf(fields, 'IsOffline'),
    proposal: readProposal(proposal),
    signature: readSignature(signature),
    root: linkText(fields.get('DealDataRoot')),
    transfer: {
      type: textOf(transfer, 'Type'),
      params: new TextDecoder().decode(bytesOf(transfer, 'Params')),
      sizeBytes: numberOf(transfer, 'Size'),
    },
    removeUnsealedCopy: flagOf(fields, 'RemoveUnsealedCopy', false),
    skipIpniAnnounce: flagOf(fields, 'SkipIPNIAnnounce', false),
  };
}

/** @throws CborError */
export function readStatusRequest(bytes: Uint8Array): { uuid: string; signature: Signature } {
  const fields = readMap(bytes);
  return { uuid: uuidText(bytesOf(fields, 'DealUUID', 16)), signature: readSignature(fields.get('Signature')) };
}

/** @throws CborError */
export function readAskRequest(bytes: Uint8Array): { miner: string } {
  return { miner: addressOf(bytesOf(readMap(bytes), 'Miner')) };
}

export function writeDealReply({ accepted, message }: DealReply): Uint8Array {
  return encodeCbor({ Accepted: accepted, Message: message });
}

export function writeStatusReply(reply: StatusReply): Uint8Array {
  const { status } = reply;
  return encodeCbor({
    DealUUID: uuidBytes(reply.uuid),
    Error: reply.error,
    IsOffline: reply.isOffline,
    TransferSize: reply.transferSizeBytes,
    NBytesReceived: reply.receivedBytes,
    DealStatus:
      status === undefined
        ? null
        : {
            Error: status.error,
            Status: status.status,
            SealingStatus: status.sealingStatus,
            Proposal: proposalFields(status.proposal),
            SignedProposalCid: CID.parse(status.signedProposalCid),
            PublishCid: status.publishCid === undefined ? null : CID.parse(status.publishCid),
            ChainDealID: status.chainDealId,
          },
  });
}

/** What the provider's worker signs. */
export function askBytes(ask: Ask): Uint8Array {
  return encodeCbor(askFields(ask));
}

export function writeAskReply(ask: Ask, signature: Signature): Uint8Array {
  return encodeCbor({ Ask: { Ask: askFields(ask), Signature: signatureBytes(signature) } });
}

export function writeTransports(protocols: readonly { name: string; addresses: readonly Uint8Array[] }[]): Uint8Array {
  return encodeCbor({ Protocols: protocols.map(({ name, addresses }) => ({ Name: name, Addresses: [...addresses] })) });
}

/** The 16 bytes of a UUID: what a status request signs. */
export function uuidBytes(uuid: string): Uint8Array {
  return Uint8Array.from(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

function askFields(ask: Ask): Record<string, unknown> {
  return {
    Price: bigBytes(ask.price),
    VerifiedPrice: bigBytes(ask.verifiedPrice),
    MinPieceSize: ask.minPieceSizeBytes,
    MaxPieceSize: ask.maxPieceSizeBytes,
    Miner: addressBytes(ask.miner),
    Timestamp: ask.timestamp,
    Expiry: ask.expiry,
    SeqNo: ask.seqNo,
  };
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function readProposal(value: Cbor | undefined): Proposal {
  if (!Array.isArray(value) || value.length !== 11) throw new CborError('a proposal has 11 fields');
  const [pieceCid, pieceSize, verified, client, provider, label, start, end, price, providerCollateral, clientCollateral] = value as Cbor[];
  return {
    pieceCid: linkText(pieceCid),
    pieceSizeBytes: asNumber(pieceSize),
    verified: verified === true,
    client: addressOf(asBytes(client)),
    provider: addressOf(asBytes(provider)),
    ...(label instanceof Uint8Array
      ? { label: Buffer.from(label).toString('base64'), labelIsBytes: true as const }
      : { label: asText(label) }),
    startEpoch: asNumber(start),
    endEpoch: asNumber(end),
    pricePerEpoch: bigText(price),
    providerCollateral: bigText(providerCollateral),
    clientCollateral: bigText(clientCollateral),
  };
}

function readSignature(value: Cbor | undefined): Signature {
  const bytes = asBytes(value);
  if (bytes.length < 1) throw new CborError('a signature of no bytes');
  return { type: bytes[0] ?? 0, data: bytes.subarray(1) };
}

function bigText(value: Cbor | undefined): string {
  const bytes = asBytes(value);
  if (bytes.length === 0) return '0';
  if (bytes.length === 1 || (bytes[0] ?? 2) > 1) throw new CborError('a big integer without a sign');
  const magnitude = BigInt(`0x${Buffer.from(bytes.subarray(1)).toString('hex')}`);
  return (bytes[0] === 1 ? -magnitude : magnitude).toString();
}

function readMap(bytes: Uint8Array): Fields {
  const item = readItem(bytes);
  if (item === undefined) throw new CborError('unexpected EOF');
  return asMap(item.value);
}

function asMap(value: Cbor | undefined): Fields {
  if (!(value instanceof Map)) throw new CborError('expected a map');
  return value;
}

function mapOf(fields: Fields, key: string): Fields {
  return asMap(fields.get(key));
}

function arrayOf(fields: Fields, key: string, length: number): readonly Cbor[] {
  const value = fields.get(key);
  if (!Array.isArray(value) || value.length !== length) throw new CborError(`expected ${length} items in ${key}`);
  return value;
}

function bytesOf(fields: Fields, key: string, length?: number): Uint8Array {
  const bytes = asBytes(fields.get(key));
  if (length !== undefined && bytes.length !== length) throw new CborError(`expected ${length} bytes in ${key}`);
  return bytes;
}

function textOf(fields: Fields, key: string): string {
  return asText(fields.get(key));
}

function numberOf(fields: Fields, key: string): number {
  return asNumber(fields.get(key));
}

/** With a default: of a key that older versions do not have. */
function flagOf(fields: Fields, key: string, absent?: boolean): boolean {
  const value = fields.get(key) ?? absent;
  if (typeof value !== 'boolean') throw new CborError(`expected a boolean in ${key}`);
  return value;
}

function asBytes(value: Cbor | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new CborError('expected bytes');
  return value;
}

function asText(value: Cbor | undefined): string {
  if (typeof value !== 'string') throw new CborError('expected text');
  return value;
}

function asNumber(value: Cbor | undefined): number {
  if (typeof value !== 'number') throw new CborError('expected an integer');
  return value;
}

function linkText(value: Cbor | undefined): string {
  const cid = value === undefined ? null : CID.asCID(value);
  if (cid === null) throw new CborError('expected a link');
  return cid.toString();
}

function addressOf(bytes: Uint8Array): string {
  try {
    const text = addressText(bytes);
    // Written again it must be the same: that is what shows wrong lengths.
    if (Buffer.compare(addressBytes(text), bytes) === 0) return text;
  } catch {
    // Said below.
  }
  throw new CborError('expected an address');
}
