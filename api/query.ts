import { contentKeyOf, parseCid } from '../daemon/domain/cid.ts';
import type { NameMatch, PinQuery, PinStatus } from '../daemon/domain/pin.ts';
import { printable } from './errors.ts';
import { type Instant, parseTimestamp } from './timestamps.ts';
import { badField, type ListParameter, type Validators } from './validate.ts';

/** Given as csv; some generators of clients repeat the name instead, which can only mean the same. */
const LISTS: readonly string[] = ['cid', 'status'];

/**
 * The filters of `GET /pins`, from the raw query string. Parameters that the specification does not know are ignored,
 * as caches and proxies add some; a known one that is malformed, or given twice, is a `BAD_REQUEST` naming it.
 *
 * Without cid, name, meta and status only pinned ones are asked for. With any of the first three and no status, all
 * statuses are: that is what the conformance suite and web3.storage make of the specification, and kubo always sends one.
 */
export function toPinQuery(queryString: string, validators: Validators): PinQuery {
  const given = readQueryString(queryString);
  const read = (name: ListParameter) => validators.parameter(name, single(given, name));
  const cids = read('cid') as readonly string[] | undefined;
  const name = read('name') as string | undefined;
  const statuses = read('status') as readonly PinStatus[] | undefined;
  const before = instant(read('before'));
  const after = instant(read('after'));
  const meta = metaFilter(given, validators);
  const match = read('match') as NameMatch;
  const limit = read('limit') as number;

  const query: PinQuery = { match, limit };
  if (cids !== undefined) query.contentKeys = [...new Set(cids.map((cid) => contentKeyOf(parseCid(cid))))];
  if (name !== undefined) query.name = name;
  if (meta !== undefined) query.meta = meta;
  if (statuses !== undefined) query.statuses = statuses;
  else if (cids === undefined && name === undefined && meta === undefined) query.statuses = ['pinned'];
  // `created` has whole milliseconds: what is strictly before 12.0005 s is what is strictly before 12.001 s, and what
  // is strictly after it is what is strictly after 12.000 s.
  if (before !== undefined) query.beforeMs = before.between ? before.ms + 1 : before.ms;
  if (after !== undefined) query.afterMs = after.ms;
  return query;
}

export type Parameters = Map<string, string[]>;

/** Names and values, decoded, in order. @throws FbpdError `BAD_REQUEST` for what is not percent-encoded UTF-8. */
export function readQueryString(queryString: string): Parameters {
  const given: Parameters = new Map();
  for (const pair of queryString.split('&')) {
    if (pair === '') continue;
    const cut = pair.indexOf('=');
    const name = decode(cut === -1 ? pair : pair.slice(0, cut), 'query');
    const value = cut === -1 ? '' : decode(pair.slice(cut + 1), name);
    const values = given.get(name);
    if (values === undefined) given.set(name, [value]);
    else values.push(value);
  }
  return given;
}

function decode(text: string, field: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw badField(field.slice(0, 80), `is not percent-encoded UTF-8: ${printable(text)}`);
  }
}

function single(given: Parameters, name: string): string | undefined {
  const values = given.get(name);
  if (values === undefined) return undefined;
  if (LISTS.includes(name)) return values.join(',');
  if (values.length > 1) throw badField(name, `is given ${values.length} times; once is right`);
  return values[0];
}

function instant(text: unknown): Instant | undefined {
  return typeof text === 'string' ? parseTimestamp(text) : undefined;
}

const META_HELP = 'must be a JSON object of strings such as {"app_id":"x"}, percent-encoded, or meta[app_id]=x';

/** `meta={"k":"v"}`, or `meta[k]=v` once or more; not both. Go's `map[k:v]` and other spellings are refused. */
function metaFilter(given: Parameters, validators: Validators): Record<string, string> | undefined {
  const brackets = bracketEntries(given);
  const json = single(given, 'meta');
  if (json === undefined) return brackets.length === 0 ? undefined : validators.meta(Object.fromEntries(brackets));
  if (brackets.length > 0) throw badField('meta', 'is given both as JSON and in brackets; one is right');
  return validators.meta(parseMeta(json));
}

function bracketEntries(given: Parameters): [key: string, value: string][] {
  const entries: [string, string][] = [];
  for (const [name, values] of given) {
    // `metadata=1` is somebody else's; `meta.a=1`, `meta[a][b]=1` and `meta[]=1` are attempts at this one.
    if (!/^meta[^A-Za-z0-9_-]/.test(name)) continue;
    const key = /^meta\[([^[\]]+)\]$/.exec(name)?.[1];
    const [value, ...more] = values;
    if (key === undefined || value === undefined) throw badField('meta', `${META_HELP}; got the parameter ${printable(name)}`);
    if (more.length > 0) throw badField('meta', `has ${printable(key)} ${values.length} times`);
    entries.push([key, value]);
  }
  return entries;
}

function parseMeta(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badField('meta', `${META_HELP}; got ${printable(text)}`);
  }
}
