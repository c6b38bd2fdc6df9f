import type { BudgetDay, ChainMemory } from '../../domain/cold-store-port.ts';
import type { Deal, DealTerms } from '../../domain/deal.ts';
import { FbpdError } from '../../domain/errors.ts';
import type { Piece, PieceMember } from '../../domain/piece.ts';
import type { Ask, Candidate, Provider } from '../../domain/provider.ts';

/** attoFIL as a decimal string: JSON has no integers that large. */
export type StoredAtto = string;

type AttoFields<T> = { [Field in keyof T]: T[Field] extends bigint ? StoredAtto : T[Field] };

/** `d/…`. */
export type StoredDeal = Omit<Deal, 'terms' | 'costAtto'> & { terms: AttoFields<DealTerms>; costAtto: StoredAtto };
/** `j/…`. */
export type StoredPiece = Omit<Piece, 'members'>;
/** `jm/…`. */
export interface MembersRecord {
  members: readonly PieceMember[];
}
/** `s/…`. */
export type StoredProvider = Omit<Provider, 'ask'> & { ask?: AttoFields<Ask> };
/** `sc/…`. */
export type StoredCandidate = Omit<Candidate, 'ask'> & { ask: AttoFields<Ask> };
/** `m/…`. */
export type StoredDay = AttoFields<BudgetDay>;

/** `v/chain`. */
export type StoredChain = Omit<ChainMemory, 'acceptedLockedAtto' | 'sampled'> & {
  acceptedLockedAtto?: StoredAtto;
  sampled?: AttoFields<NonNullable<ChainMemory['sampled']>>;
};

export function encodeDeal(deal: Deal): StoredDeal {
  const { pricePerEpochAtto, clientCollateralAtto, providerCollateralAtto } = deal.terms;
  return {
    ...deal,
    terms: {
      ...deal.terms,
      pricePerEpochAtto: encodeAtto(pricePerEpochAtto),
      clientCollateralAtto: encodeAtto(clientCollateralAtto),
      providerCollateralAtto: encodeAtto(providerCollateralAtto),
    },
    costAtto: encodeAtto(deal.costAtto),
  };
}

export function decodeDeal(stored: StoredDeal): Deal {
  const { pricePerEpochAtto, clientCollateralAtto, providerCollateralAtto } = stored.terms;
  return {
    ...stored,
    terms: {
      ...stored.terms,
      pricePerEpochAtto: decodeAtto(pricePerEpochAtto),
      clientCollateralAtto: decodeAtto(clientCollateralAtto),
      providerCollateralAtto: decodeAtto(providerCollateralAtto),
    },
    costAtto: decodeAtto(stored.costAtto),
  };
}

export function encodePiece({ members: _apart, ...piece }: Piece): StoredPiece {
  return piece;
}

export function encodeProvider({ ask, ...provider }: Provider): StoredProvider {
  return ask === undefined ? provider : { ...provider, ask: encodeAsk(ask) };
}

export function decodeProvider({ ask, ...provider }: StoredProvider): Provider {
  return ask === undefined ? provider : { ...provider, ask: decodeAsk(ask) };
}

export function encodeCandidate({ ask, ...candidate }: Candidate): StoredCandidate {
  return { ...candidate, ask: encodeAsk(ask) };
}

export function decodeCandidate({ ask, ...candidate }: StoredCandidate): Candidate {
  return { ...candidate, ask: decodeAsk(ask) };
}

function encodeAsk(ask: Ask): AttoFields<Ask> {
  const { priceAttoPerGibEpoch, verifiedPriceAttoPerGibEpoch } = ask;
  return {
    ...ask,
    priceAttoPerGibEpoch: encodeAtto(priceAttoPerGibEpoch),
    verifiedPriceAttoPerGibEpoch: encodeAtto(verifiedPriceAttoPerGibEpoch),
  };
}

function decodeAsk(ask: AttoFields<Ask>): Ask {
  const { priceAttoPerGibEpoch, verifiedPriceAttoPerGibEpoch } = ask;
  return {
    ...ask,
    priceAttoPerGibEpoch: decodeAtto(priceAttoPerGibEpoch),
    verifiedPriceAttoPerGibEpoch: decodeAtto(verifiedPriceAttoPerGibEpoch),
  };
}

export function encodeDay({ day, committedAtto }: BudgetDay): StoredDay {
  return { day, committedAtto: encodeAtto(committedAtto) };
}

export function decodeDay({ day, committedAtto }: StoredDay): BudgetDay {
  return { day, committedAtto: decodeAtto(committedAtto) };
}

export function encodeChain({ acceptedLockedAtto, sampled, ...chain }: ChainMemory): StoredChain {
  return {
    ...chain,
    ...(acceptedLockedAtto === undefined ? {} : { acceptedLockedAtto: encodeAtto(acceptedLockedAtto) }),
    ...(sampled === undefined ? {} : { sampled: { ...sampled, atto: encodeAtto(sampled.atto) } }),
  };
}

export function decodeChain({ acceptedLockedAtto, sampled, ...chain }: StoredChain): ChainMemory {
  return {
    ...chain,
    ...(acceptedLockedAtto === undefined ? {} : { acceptedLockedAtto: decodeAtto(acceptedLockedAtto) }),
    ...(sampled === undefined ? {} : { sampled: { ...sampled, atto: decodeAtto(sampled.atto) } }),
  };
}

export function encodeAtto(atto: bigint): StoredAtto {
  return atto.toString();
}

/** @throws FbpdError `STORE_DAMAGED`: money is never guessed at */
export function decodeAtto(stored: StoredAtto): bigint {
  if (typeof stored === 'string' && /^-?\d+$/.test(stored)) return BigInt(stored);
  throw new FbpdError(
    'STORE_DAMAGED',
    `store: ${JSON.stringify(stored)} stands where an amount should be: restore the store from a backup`,
  );
}
