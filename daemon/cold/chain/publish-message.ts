import { decode, encode } from '@ipld/dag-cbor';
import { CID } from 'multiformats/cid';

import type { PublishedDeal } from '../../domain/cold-ports.ts';
import type { SignedProposal } from '../../domain/receipt-ports.ts';
import { addressText } from './address.ts';
import { readRlePlus } from './rle-plus.ts';

/** The deals that a PublishStorageDeals message made. Throws a TypeError when the bytes are not of such a message. */
export function publishedDealsOf(params: Uint8Array, returned: Uint8Array): PublishedDeal[] {
  return publishedIn(params, returned).map(({ proposal, chainDealId }) => publishedDeal(proposal, chainDealId));
}

/** Whether a message to the market proposes to publish such a deal. Anyone may send one that cannot be read: it publishes nothing. */
export function publishes(params: Uint8Array, { pieceCid, startEpoch }: { pieceCid: string; startEpoch: number }): boolean {
  try {
    const [signed] = tuple(decode(params), 'parameters');
    return tuple(signed, 'proposals').some((one) => {
      const [proposal] = tuple(one, 'a signed proposal');
      const fields = tuple(proposal, 'a proposal');
      return CID.asCID(fields[0])?.toString() === pieceCid && fields[6] === startEpoch;
    });
  } catch {
    return false;
  }
}

/** What {@link publishedDealsOf} gives, each as its client signed it. */
export function publishedProposalsOf(params: Uint8Array, returned: Uint8Array): (SignedProposal & { chainDealId: number })[] {
  return publishedIn(params, returned).map(({ proposal, signature, chainDealId }) => ({
    proposal: encode(proposal),
    signature: bytes(signature),
    chainDealId,
  }));
}

/**
 * From its parameters and what it returned. It publishes the deals of many clients and leaves out those that are not valid: the
 * nth id is of the nth proposal whose bit is set.
 */
function publishedIn(
  params: Uint8Array,
  returned: Uint8Array,
): { proposal: readonly unknown[]; signature: unknown; chainDealId: number }[] {
  const [signed] = tuple(decode(params), 'parameters');
  const [ids, valid] = tuple(decode(returned), 'a return value');
  const proposals = tuple(signed, 'proposals');
  const chainDealIds = tuple(ids, 'ids');
  const indexes = readRlePlus(bytes(valid), proposals.length);
  if (indexes.length !== chainDealIds.length) throw new TypeError('a publish message returned another number of ids than of valid deals');
  return indexes.map((index, rank) => {
    const [proposal, signature] = tuple(proposals[index], 'a signed proposal');
    return { proposal: tuple(proposal, 'a proposal'), signature, chainDealId: integer(chainDealIds[rank]) };
  });
}

/** [PieceCID, PieceSize, VerifiedDeal, Client, Provider, Label, StartEpoch, EndEpoch, …] */
function publishedDeal(proposal: readonly unknown[], chainDealId: number): PublishedDeal {
  const pieceCid = CID.asCID(proposal[0]);
  if (pieceCid === null) throw new TypeError('a proposal without a piece CID');
  return {
    chainDealId,
    pieceCid: pieceCid.toString(),
    client: addressText(bytes(proposal[3])),
    provider: addressText(bytes(proposal[4])),
    startEpoch: integer(proposal[6]),
    endEpoch: integer(proposal[7]),
  };
}

function tuple(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`a publish message without ${what}`);
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError('a publish message with something else where bytes belong');
}

function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError('a publish message with something else where a number belongs');
}
