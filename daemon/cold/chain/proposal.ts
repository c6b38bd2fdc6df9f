import { createHash } from 'node:crypto';

import { code as DAG_CBOR } from '@ipld/dag-cbor';
import { blake2b } from '@noble/hashes/blake2.js';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

/** A market deal as it is proposed and signed. Addresses as text, sizes padded, money attoFIL. */
export interface Proposal {
  pieceCid: string;
  pieceSizeBytes: number;
  verified: boolean;
  /** The client as it was written and signed: a key address, `f1…` or `f3…`, or the ID address. */
  client: string;
  provider: string;
  /** Bytes that are no text are shown in hex. */
  label: string;
  startEpoch: number;
  endEpoch: number;
  pricePerEpochAtto: bigint;
  providerCollateralAtto: bigint;
  clientCollateralAtto: bigint;
}

const SHA2_256 = 0x12;
const BLAKE2B_256 = 0xb220;
/** Of blake2b-256. */
const DIGEST_BYTES = 32;

/** CID of a proposal without its signature, from its CBOR: what chain and providers key one by. dag-cbor, blake2b-256. */
export function cidOfProposal(cbor: Uint8Array): string {
  return CID.createV1(DAG_CBOR, createDigest(BLAKE2B_256, blake2b(cbor, { dkLen: DIGEST_BYTES }))).toString();
}

/** CID of `[proposal, signature]`, from its CBOR, by which client and provider call the deal: dag-cbor, sha2-256. */
export function cidOfSignedProposal(cbor: Uint8Array): string {
  return CID.createV1(DAG_CBOR, createDigest(SHA2_256, createHash('sha256').update(cbor).digest())).toString();
}
