import { createHash } from 'node:crypto';

import { code as DAG_CBOR, encode } from '@ipld/dag-cbor';
import { base64 } from 'multiformats/bases/base64';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { addressBytes } from '../../chain/address.ts';

/** A market deal as it is proposed and signed. Addresses as text, sizes padded, money attoFIL. */
export interface Proposal {
  pieceCid: string;
  pieceSizeBytes: number;
  verified: boolean;
  client: string;
  provider: string;
  label: string;
  startEpoch: number;
  endEpoch: number;
  pricePerEpochAtto: bigint;
  providerCollateralAtto: bigint;
  clientCollateralAtto: bigint;
}

/** What Lotus's WalletSign gives: 1 is secp256k1, 2 BLS. */
export interface Signature {
  type: number;
  data: Uint8Array;
}

const SHA2_256 = 0x12;

/** The CBOR that is signed. */
export function proposalBytes(proposal: Proposal): Uint8Array {
  return encode(proposalTuple(proposal));
}

/** CID of a proposal with its signature, by which Lotus's client tracks the deal: dag-cbor, sha2-256. */
export function signedProposalCid(proposal: Proposal, { type, data }: Signature): string {
  const bytes = encode([proposalTuple(proposal), Uint8Array.of(type, ...data)]);
  return CID.createV1(DAG_CBOR, createDigest(SHA2_256, createHash('sha256').update(bytes).digest())).toString();
}

/** The label that Lotus's client writes: the root as multibase base64, or as base58 where it is a CIDv0. */
export function labelOf(rootCid: string): string {
  const cid = CID.parse(rootCid);
  return cid.version === 0 ? cid.toString() : cid.toString(base64);
}

function proposalTuple(proposal: Proposal): unknown[] {
  return [
    CID.parse(proposal.pieceCid),
    proposal.pieceSizeBytes,
    proposal.verified,
    addressBytes(proposal.client),
    addressBytes(proposal.provider),
    proposal.label,
    proposal.startEpoch,
    proposal.endEpoch,
    bigIntBytes(proposal.pricePerEpochAtto),
    bigIntBytes(proposal.providerCollateralAtto),
    bigIntBytes(proposal.clientCollateralAtto),
  ];
}

/** Zero is nothing; else a byte for the sign, which is never negative here, and the magnitude from its highest byte. */
function bigIntBytes(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  if (value < 0n) throw new RangeError('a proposal promises no negative amount');
  const hex = value.toString(16);
  return Buffer.from(`00${hex.length % 2 === 0 ? '' : '0'}${hex}`, 'hex');
}
