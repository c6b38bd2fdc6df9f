import { CID } from 'multiformats/cid';

import { addressBytes } from './address.ts';
import { blakeCid, encodeCbor, shaCid } from './cids.ts';
import { isSignedBy, type Key, type Signature, sign } from './keys.ts';

/** A deal proposal of the market actor. Money is attoFIL as decimal text, so that a proposal is plain JSON. */
export interface Proposal {
  pieceCid: string;
  /** Padded. */
  pieceSizeBytes: number;
  verified: boolean;
  client: string;
  /** ID address. */
  provider: string;
  /** With `labelIsBytes` the base64 of what is no text. */
  label: string;
  labelIsBytes?: true;
  startEpoch: number;
  endEpoch: number;
  pricePerEpoch: string;
  providerCollateral: string;
  clientCollateral: string;
}

/** Filecoin's big integers: empty for 0, else a sign byte and the big-endian magnitude. */
export function bigBytes(value: bigint | string): Uint8Array {
  const amount = BigInt(value);
  if (amount === 0n) return new Uint8Array();
  const hex = (amount < 0n ? -amount : amount).toString(16);
  return Uint8Array.from([amount < 0n ? 1 : 0, ...Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')]);
}

export function proposalFields(proposal: Proposal): unknown[] {
  return [
    CID.parse(proposal.pieceCid),
    proposal.pieceSizeBytes,
    proposal.verified,
    addressBytes(proposal.client),
    addressBytes(proposal.provider),
    proposal.labelIsBytes === true ? new Uint8Array(Buffer.from(proposal.label, 'base64')) : proposal.label,
    proposal.startEpoch,
    proposal.endEpoch,
    bigBytes(proposal.pricePerEpoch),
    bigBytes(proposal.providerCollateral),
    bigBytes(proposal.clientCollateral),
  ];
}

/** What the client signs. */
export function proposalBytes(proposal: Proposal): Uint8Array {
  return encodeCbor(proposalFields(proposal));
}

/** The CID by which the market actor keys a pending proposal: client and provider must be ID addresses by then. */
export function pendingKey(proposal: Proposal): string {
  return blakeCid(proposalBytes(proposal));
}

export function signatureBytes({ type, data }: Signature): Uint8Array {
  return Uint8Array.from([type, ...data]);
}

function signedFields(proposal: Proposal, signature: Signature): unknown[] {
  return [proposalFields(proposal), signatureBytes(signature)];
}

/** The CID by which client and provider call the deal. */
export function signedProposalCid(proposal: Proposal, signature: Signature): string {
  return shaCid(encodeCbor(signedFields(proposal, signature)));
}

export function signProposal(key: Key, proposal: Proposal): Signature {
  return sign(key, proposalBytes(proposal));
}

/** `keyAddress` is the client's, whatever address form the proposal has. */
export function isProposalSignedBy(keyAddress: string, proposal: Proposal, signature: Signature): boolean {
  return isSignedBy(keyAddress, proposalBytes(proposal), signature);
}

/** Parameters of PublishStorageDeals. */
export function publishParams(deals: readonly { proposal: Proposal; signature: Signature }[]): Uint8Array {
  return encodeCbor([deals.map(({ proposal, signature }) => signedFields(proposal, signature))]);
}

/** What PublishStorageDeals returns: ids of the valid deals only, and which of the deals of the message those were. */
export function publishReturn(ids: readonly number[], valid: readonly boolean[]): Uint8Array {
  return encodeCbor([[...ids], rlePlus(valid)]);
}

/** A bit field as RLE+: two bits of version, the first bit's value, then runs as `1`, `01`+4 bits or `00`+varint; least significant bit first. */
export function rlePlus(bits: readonly boolean[]): Uint8Array {
  const last = bits.lastIndexOf(true);
  if (last < 0) return new Uint8Array();
  const out = [0, 0, bits[0] === true ? 1 : 0];
  for (let at = 0; at <= last; ) {
    let end = at;
    while (end <= last && bits[end] === bits[at]) end += 1;
    out.push(...runBits(end - at));
    at = end;
  }
  const bytes = new Uint8Array(Math.ceil(out.length / 8));
  for (const [index, bit] of out.entries()) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (bit << (index & 7));
  // Go's decoder refuses zero bytes at the end as not minimal.
  return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
}

function runBits(length: number): number[] {
  if (length === 1) return [1];
  if (length < 16) return [0, 1, ...bitsOf(length, 4)];
  const bits = [0, 0];
  let rest = length;
  for (; rest >= 0x80; rest >>= 7) bits.push(...bitsOf((rest & 0x7f) | 0x80, 8));
  return [...bits, ...bitsOf(rest, 8)];
}

function bitsOf(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (value >> index) & 1);
}
