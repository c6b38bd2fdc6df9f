import { decode, encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import { addressBytes, addressText } from '../cold/chain/address.ts';
import { cidOfProposal, cidOfSignedProposal, type Proposal } from '../cold/chain/proposal.ts';

const FIELDS = 11;
const CLIENT = 3;
/** A label has 256 bytes at most, addresses have 65. */
const PROPOSAL_BYTES_MAX = 2_048;

/** Reads the CBOR of a proposal. Throws a TypeError when it is none, or written in another way than everybody writes it. */
export function readProposal(bytes: Uint8Array): Proposal {
  const fields = fieldsOf(bytes);
  const [pieceCid, pieceSize, verified, client, provider, label, startEpoch, endEpoch, price, providerCollateral, clientCollateral] =
    fields;
  const piece = CID.asCID(pieceCid);
  if (piece === null || typeof verified !== 'boolean') throw new TypeError('its fields are not those of a deal proposal');
  return {
    pieceCid: piece.toString(),
    pieceSizeBytes: integer(pieceSize),
    verified,
    client: addressText(octets(client)),
    provider: addressText(octets(provider)),
    label: typeof label === 'string' ? label : Buffer.from(octets(label)).toString('hex'),
    startEpoch: integer(startEpoch),
    endEpoch: integer(endEpoch),
    pricePerEpochAtto: amount(price),
    providerCollateralAtto: amount(providerCollateral),
    clientCollateralAtto: amount(clientCollateral),
  };
}

/** The three CIDs by which a proposal is known; `clientId` is the client's ID address. Throws a TypeError. */
export function proposalCids(
  bytes: Uint8Array,
  signature: Uint8Array,
  clientId: string,
): { unsigned: string; normalized: string; signed: string } {
  const fields = fieldsOf(bytes);
  return {
    unsigned: cidOfProposal(encode(fields)),
    normalized: cidOfProposal(encode(fields.with(CLIENT, addressBytes(clientId)))),
    signed: cidOfSignedProposal(encode([fields, signature])),
  };
}

function fieldsOf(bytes: Uint8Array): unknown[] {
  if (bytes.length > PROPOSAL_BYTES_MAX) throw new TypeError(`it has ${bytes.length} bytes, and no proposal is that long`);
  let fields: unknown;
  try {
    fields = decode(bytes);
  } catch (cause) {
    throw new TypeError('it is no CBOR', { cause });
  }
  if (!Array.isArray(fields) || fields.length !== FIELDS) throw new TypeError(`it is no list of ${FIELDS} fields`);
  if (!Buffer.from(encode(fields)).equals(bytes)) throw new TypeError('it is not written as proposals are');
  return fields;
}

function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError('something else stands where a number belongs');
}

function octets(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError('something else stands where bytes belong');
}

/** Nothing is zero; else a byte for the sign, and the magnitude from its highest byte. */
function amount(value: unknown): bigint {
  const bytes = Buffer.from(octets(value));
  if (bytes.length === 0) return 0n;
  if (bytes.length === 1 || bytes.length > 64 || (bytes[0] ?? 2) > 1) throw new TypeError('something else stands where an amount belongs');
  const magnitude = BigInt(`0x${bytes.subarray(1).toString('hex')}`);
  return bytes[0] === 0 ? magnitude : -magnitude;
}
