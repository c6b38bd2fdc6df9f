import { CID } from 'multiformats/cid';

import { addressBytes } from '../address.ts';

/** A parameter of the wrong form: HTTP 500 and -32700, as go-jsonrpc says it. */
export class ParamError extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.name = 'ParamError';
    this.type = type;
  }
}

export function asCid(value: unknown, type = '*cid.Cid'): string {
  const text = isRecord(value) ? value['/'] : undefined;
  if (typeof text !== 'string') {
    const got = typeof value === 'string' ? 'string' : value === null ? 'null' : typeof value;
    const target = 'Go value of type struct { CidTarget string "json:\\"/\\"" }';
    throw new ParamError(type, `invalid cid: json: cannot unmarshal ${got} into ${target}`);
  }
  try {
    CID.parse(text);
    return text;
  } catch (error) {
    throw new ParamError(type, `invalid cid: ${error instanceof Error ? error.message : error}`);
  }
}

export function asOptionalCid(value: unknown): string | undefined {
  return value === null || value === undefined ? undefined : asCid(value);
}

/** A tip set key: null and `[]` are the head. */
export function asKey(value: unknown): readonly string[] {
  if (value === null) return [];
  if (!Array.isArray(value))
    throw new ParamError('types.TipSetKey', `json: cannot unmarshal ${typeof value} into Go value of type []cid.Cid`);
  return value.map((one) => asCid(one));
}

export function asAddress(value: unknown): string {
  if (typeof value !== 'string')
    throw new ParamError('address.Address', `json: cannot unmarshal ${typeof value} into Go value of type string`);
  try {
    addressBytes(value);
  } catch {
    throw new ParamError('address.Address', value === '' ? 'invalid address length' : 'invalid address payload');
  }
  return value.replace(/^t/, 'f');
}

export function asText(value: unknown): string {
  if (typeof value !== 'string') throw new ParamError('string', `json: cannot unmarshal ${typeof value} into Go value of type string`);
  return value;
}

export function asInteger(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new ParamError('int64', `json: cannot unmarshal ${typeof value} into Go value of type int64`);
  }
  return value;
}

/** Of any size, as text. */
export function asBigId(value: unknown): string {
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))) return value.toString();
  throw new ParamError('uint64', `json: cannot unmarshal ${typeof value} into Go value of type uint64`);
}

/** attoFIL as text, as Lotus has it in both directions. */
export function asAtto(value: unknown): bigint {
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value);
  throw new ParamError('big.Int', `json: cannot unmarshal ${typeof value} into Go value of type string`);
}

export function asRecord(value: unknown, type: string): Record<string, unknown> {
  if (!isRecord(value)) throw new ParamError(type, `json: cannot unmarshal ${typeof value} into Go value of type ${type}`);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
