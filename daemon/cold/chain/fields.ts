import { CID } from 'multiformats/cid';

import { ColdError } from '../../domain/cold-ports.ts';

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads what Lotus sent, part by part. Anything of another shape than Lotus has is a garbled reply, not an answer:
 * `unreachable`. `what` names the part for the message.
 */
function garbled(what: string): ColdError {
  return new ColdError('unreachable', `Lotus sent no ${what} where there should be one`);
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw garbled(what);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  // Go writes an empty list as null.
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  throw garbled(what);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw garbled(what);
}

export function integerOf(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw garbled(what);
}

/** Ids of Lotus, which are as large as 64 bits let them be. */
export function idOf(value: unknown, what: string): number | bigint {
  return typeof value === 'bigint' ? value : integerOf(value, what);
}

export function booleanOf(value: unknown, what: string): boolean {
  if (typeof value === 'boolean') return value;
  throw garbled(what);
}

/** Money: Lotus writes big integers as decimal text. */
export function attoOf(value: unknown, what: string): bigint {
  if (typeof value === 'string' && /^-?\d{1,78}$/.test(value)) return BigInt(value);
  throw garbled(what);
}

/** `{"/": "bafy…"}`. */
export function cidOf(value: unknown, what: string): string {
  const text = textOf(fieldsOf(value, what)['/'], what);
  try {
    return CID.parse(text).toString();
  } catch {
    throw garbled(what);
  }
}

export function bytesOf(value: unknown, what: string): Uint8Array {
  if (value === null) return new Uint8Array(0);
  return Buffer.from(textOf(value, what), 'base64');
}

export function cidLink(cid: string): { '/': string } {
  return { '/': cid };
}
