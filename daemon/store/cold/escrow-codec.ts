import type { EscrowBook, EscrowLine, EscrowSums, FundingMessage, FundingPurpose, Gas, SignedMessage } from '../../domain/escrow.ts';
import { ESCROW_LINE_KINDS } from '../../domain/escrow.ts';
import { decodeAtto, encodeAtto, type StoredAtto } from './codecs.ts';

type Stored<T> = T extends bigint ? StoredAtto : T extends object ? { [Field in keyof T]: Stored<T[Field]> } : T;
type StoredMessage = Omit<Stored<FundingMessage>, 'versions'> & {
  versions: readonly (Omit<SignedMessage, 'gas'> & { gas: Stored<Gas> })[];
};

/** `me/…`. */
export type StoredEscrowLine = Stored<EscrowLine>;
/** `v/escrow`. */
export type StoredEscrowBook = Omit<Stored<EscrowBook>, 'message'> & { message?: StoredMessage };

export function encodeEscrowLine(line: EscrowLine): StoredEscrowLine {
  return { ...line, atto: encodeAtto(line.atto) };
}

export function decodeEscrowLine(line: StoredEscrowLine): EscrowLine {
  return { ...line, atto: decodeAtto(line.atto) };
}

export function encodeEscrowBook({ message, sums, ...book }: EscrowBook): StoredEscrowBook {
  return {
    ...book,
    ...mapped(AMOUNTS, (key) => encodeAtto(book[key])),
    sums: mapped(ESCROW_LINE_KINDS, (kind) => encodeAtto(sums[kind])),
    ...(message === undefined ? {} : { message: encodeMessage(message) }),
  };
}

export function decodeEscrowBook({ message, sums, ...book }: StoredEscrowBook): EscrowBook {
  return {
    ...book,
    ...mapped(AMOUNTS, (key) => decodeAtto(book[key])),
    sums: mapped(ESCROW_LINE_KINDS, (kind) => decodeAtto(sums[kind])) satisfies EscrowSums,
    ...(message === undefined ? {} : { message: decodeMessage(message) }),
  };
}

const AMOUNTS = ['escrowAtto', 'lockedAtto', 'walletAtto', 'promisedAtto'] as const;

function mapped<Key extends string, Value>(keys: readonly Key[], value: (key: Key) => Value): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<Key, Value>;
}

function encodeMessage({ purpose, versions, ...message }: FundingMessage): StoredMessage {
  return { ...message, purpose: encodePurpose(purpose), versions: versions.map((one) => ({ ...one, gas: encodeGas(one.gas) })) };
}

function decodeMessage({ purpose, versions, ...message }: StoredMessage): FundingMessage {
  return { ...message, purpose: decodePurpose(purpose), versions: versions.map((one) => ({ ...one, gas: decodeGas(one.gas) })) };
}

function encodePurpose(purpose: FundingPurpose): Stored<FundingPurpose> {
  if (purpose.kind === 'top_up') return { ...purpose, amountAtto: encodeAtto(purpose.amountAtto) };
  return { ...purpose, freesAtto: encodeAtto(purpose.freesAtto) };
}

function decodePurpose(purpose: Stored<FundingPurpose>): FundingPurpose {
  if (purpose.kind === 'top_up') return { ...purpose, amountAtto: decodeAtto(purpose.amountAtto) };
  return { ...purpose, freesAtto: decodeAtto(purpose.freesAtto) };
}

function encodeGas({ feeCapAtto, premiumAtto, limit }: Gas): Stored<Gas> {
  return { limit, feeCapAtto: encodeAtto(feeCapAtto), premiumAtto: encodeAtto(premiumAtto) };
}

function decodeGas({ feeCapAtto, premiumAtto, limit }: Stored<Gas>): Gas {
  return { limit, feeCapAtto: decodeAtto(feeCapAtto), premiumAtto: decodeAtto(premiumAtto) };
}
