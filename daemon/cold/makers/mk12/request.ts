import type { SignedProposal } from '../../../domain/receipt-ports.ts';
import { attoOf, booleanOf, bytesOf, type Fields, fieldsOf, integerOf, textOf } from '../../chain/fields.ts';
import type { Proposal } from '../../chain/proposal.ts';
import type { Signature } from '../../wallet/signer.ts';
import { proposalBytes, signatureBytes } from '../proposal.ts';
import type { DealNames } from './answers.ts';
import type { DealParams, TransferParams } from './messages.ts';

/** All that is ever said about one deal, fixed before the first word of it. Kept in the deal as JSON. */
export interface Request extends DealParams {
  /** By the key that pays, over the bytes of the UUID: lets us ask what became of it, with no wallet at hand. */
  statusSignature: Signature;
  /** CIDs of the proposal, as chain and providers may call it. */
  cids: {
    unsigned: string;
    signed: string;
    /** Unsigned, with ID addresses, by which the market keys it; absent while the chain has never seen the wallet. */
    normalized?: string;
  };
}

/** Plain JSON. */
export function requestFields({ uuid, proposal, signature, rootCid, transfer, statusSignature, cids }: Request): Fields {
  return {
    uuid,
    proposal: {
      ...proposal,
      pricePerEpochAtto: proposal.pricePerEpochAtto.toString(),
      providerCollateralAtto: proposal.providerCollateralAtto.toString(),
      clientCollateralAtto: proposal.clientCollateralAtto.toString(),
    },
    signature: signatureFields(signature),
    rootCid,
    transfer: { url: transfer.url, headers: { ...transfer.headers }, sizeBytes: transfer.sizeBytes },
    statusSignature: signatureFields(statusSignature),
    cids: { ...cids },
  };
}

/** The other way round. Rejects with a ColdError where it was not written by {@link requestFields}. */
export function readRequest(fields: Fields): Request {
  const cids = fieldsOf(fields.cids, 'CIDs');
  return {
    uuid: textOf(fields.uuid, 'UUID'),
    proposal: readProposal(fieldsOf(fields.proposal, 'proposal')),
    signature: readSignature(fields.signature),
    rootCid: textOf(fields.rootCid, 'root'),
    transfer: readTransfer(fieldsOf(fields.transfer, 'transfer')),
    statusSignature: readSignature(fields.statusSignature),
    cids: {
      unsigned: textOf(cids.unsigned, 'CID'),
      signed: textOf(cids.signed, 'CID'),
      ...(cids.normalized === undefined ? {} : { normalized: textOf(cids.normalized, 'CID') }),
    },
  };
}

export function namesOf({ uuid, cids }: Request): DealNames {
  return { uuid, unsignedCid: cids.unsigned, signedCid: cids.signed };
}

/** What its client signed about it, byte for byte as it was sent. */
export function signedIn({ proposal, signature }: Pick<Request, 'proposal' | 'signature'>): SignedProposal {
  return { proposal: proposalBytes(proposal), signature: signatureBytes(signature) };
}

/** A reply as it was decoded, without what only the provider may know: a reason that it gives may quote what we sent it. */
export function discreet({ transfer: { headers } }: Request, reply: unknown): unknown {
  const secrets = Object.values(headers).map((value) => value.slice(value.lastIndexOf(' ') + 1));
  return withoutSecrets(reply, secrets.filter(Boolean));
}

function withoutSecrets(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, '…'), value);
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, secrets));
  // Bytes and CIDs are no texts.
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutSecrets(one, secrets)]));
}

function signatureFields({ type, data }: Signature): Fields {
  return { type, data: Buffer.from(data).toString('base64') };
}

function readSignature(value: unknown): Signature {
  const { type, data } = fieldsOf(value, 'signature');
  return { type: integerOf(type, 'kind of a signature'), data: bytesOf(data, 'signature') };
}

function readTransfer({ url, headers, sizeBytes }: Fields): TransferParams {
  const pairs = Object.entries(fieldsOf(headers, 'headers')).map(([name, value]) => [name, textOf(value, 'header')] as const);
  return { url: textOf(url, 'URL'), headers: Object.fromEntries(pairs), sizeBytes: integerOf(sizeBytes, 'size') };
}

function readProposal(fields: Fields): Proposal {
  return {
    pieceCid: textOf(fields.pieceCid, 'piece CID'),
    pieceSizeBytes: integerOf(fields.pieceSizeBytes, 'piece size'),
    verified: booleanOf(fields.verified, 'mark of a verified deal'),
    client: textOf(fields.client, 'client'),
    provider: textOf(fields.provider, 'provider'),
    label: textOf(fields.label, 'label'),
    startEpoch: integerOf(fields.startEpoch, 'start epoch'),
    endEpoch: integerOf(fields.endEpoch, 'end epoch'),
    pricePerEpochAtto: attoOf(fields.pricePerEpochAtto, 'price'),
    providerCollateralAtto: attoOf(fields.providerCollateralAtto, 'collateral'),
    clientCollateralAtto: attoOf(fields.clientCollateralAtto, 'collateral'),
  };
}
