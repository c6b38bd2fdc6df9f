import { createHash } from 'node:crypto';

import { RECEIPT_FORMAT, type Receipt } from '../domain/receipt.ts';

/** Larger than any: a root block of some MiB for each of many pieces. */
export const RECEIPT_BYTES_MAX = 256 * 1024 * 1024;

/** Canonical JSON: no spaces, the keys of each object in the order of their UTF-16 units. Only what JSON can say. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`).join(',')}}`;
}

/** Of all of a receipt but the digest itself. */
export function digestOf(receipt: object): string {
  const { digest: _, ...rest } = receipt as { digest?: unknown };
  return createHash('sha256').update(canonicalJson(rest)).digest('hex');
}

/** The same as bytes that were written in precisely one way. Throws a TypeError. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new TypeError('something is no base64');
  return bytes;
}

type Shape = 'text' | 'number' | 'time' | readonly [Shape] | { readonly [key: string]: Shape };

/** Keys that end in `?` may be absent; others that are not here must be. */
const SHAPE: Shape = {
  format: 'text',
  about: 'text',
  cid: 'text',
  made: 'time',
  claims: { network: 'text', genesisCid: 'text' },
  pieces: [
    {
      pieceCid: 'text',
      pieceSize: 'number',
      section: { offset: 'number', length: 'number' },
      window: 'text',
      proof: ['text'],
      claims: { carRoot: 'text', carSize: 'number', 'part?': { number: 'number', of: 'number' } },
      deals: [
        {
          proposal: 'text',
          signature: 'text',
          proposalCids: { unsigned: 'text', normalized: 'text', signed: 'text' },
          claims: {
            clientId: 'text',
            dealId: 'number',
            sectorStartEpoch: 'number',
            'publishCid?': 'text',
            lastVerified: { epoch: 'number', at: 'time', tipSet: ['text'] },
            'lastRetrieved?': 'time',
          },
        },
      ],
    },
  ],
  digest: 'text',
};

/** Reads a receipt of the shape that it must have, with nothing beside. Throws a TypeError that says where it has not. */
export function readReceipt(text: string): Receipt {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TypeError('it is not JSON, or was cut short', { cause });
  }
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (format !== RECEIPT_FORMAT) throw new TypeError(`its format is ${JSON.stringify(format)?.slice(0, 100)}, not "${RECEIPT_FORMAT}"`);
  mustHave(value, SHAPE, 'receipt');
  return value as Receipt;
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const IS: Readonly<Record<'text' | 'number' | 'time', (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  number: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  time: (value) => typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)),
};

function mustHave(value: unknown, shape: Shape, where: string): void {
  if (shape === 'text' || shape === 'number' || shape === 'time') {
    if (!IS[shape](value)) throw new TypeError(`${where} is no ${shape}`);
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) throw new TypeError(`${where} is no list`);
    for (const [i, part] of value.entries()) mustHave(part, shape[0], `${where}[${i}]`);
  } else {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${where} is no object`);
    mustHaveKeys(value, shape as { readonly [key: string]: Shape }, where);
  }
}

function mustHaveKeys(value: object, shape: { readonly [key: string]: Shape }, where: string): void {
  const known = new Map(Object.entries(shape).map(([key, part]) => [key.replace(/\?$/, ''), { part, optional: key.endsWith('?') }]));
  for (const key of Object.keys(value))
    if (!known.has(key)) throw new TypeError(`${where} has ${JSON.stringify(key.slice(0, 80))}, which no receipt has`);
  for (const [key, { part, optional }] of known) {
    if (Object.hasOwn(value, key)) mustHave((value as Record<string, unknown>)[key], part, `${where}.${key}`);
    else if (!optional) throw new TypeError(`${where} has no ${key}`);
  }
}
