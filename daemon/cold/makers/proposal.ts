import { encode } from '@ipld/dag-cbor';
import { base64 } from 'multiformats/bases/base64';
import { CID } from 'multiformats/cid';

import { addressBytes } from '../chain/address.ts';
import { bigIntBytes } from '../chain/big-int.ts';
import { cidOfProposal, cidOfSignedProposal, type Proposal } from '../chain/proposal.ts';
import type { Signature } from '../wallet/signer.ts';

/** The CBOR that is signed. */
export function proposalBytes(proposal: Proposal): Uint8Array {
  return encode(proposalTuple(proposal));
}

/** CID of a proposal without its signature. */
export function unsignedProposalCid(proposal: Proposal): string {
  return cidOfProposal(proposalBytes(proposal));
}

/** CID of a proposal with its signature. */
export function signedProposalCid(proposal: Proposal, signature: Signature): string {
  return cidOfSignedProposal(encode(signedProposal(proposal, signature)));
}

/** `[proposal, signature]`, to be written as CBOR. */
export function signedProposal(proposal: Proposal, signature: Signature): unknown[] {
  return [proposalTuple(proposal), signatureBytes(signature)];
}

/** The kind of a signature, then the signature. */
export function signatureBytes({ type, data }: Signature): Uint8Array {
  return Uint8Array.of(type, ...data);
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
