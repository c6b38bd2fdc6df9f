import { multiaddr } from '@multiformats/multiaddr';

import { ColdError } from '../../../domain/cold-ports.ts';
import type { HttpClient } from './http.ts';

/** One of those that a router says to have a CID. Nothing here is believed or looked up yet. */
export interface RouterRecord {
  id: string;
  /** Multiaddrs, or URLs. */
  addresses: readonly string[];
}

export interface RouterOptions {
  http: HttpClient;
  /** `https://…`. */
  routingUrl: string;
  /** For all of its answer. */
  deadlineMs: number;
}

const REPLY_BYTES_MAX = 1024 * 1024;
const RECORDS_MAX = 256;
const ADDRESSES_MAX = 32;
const ADDRESS_CHARS_MAX = 512;
const REDIRECTS_MAX = 3;
const NDJSON = 'application/x-ndjson';

/** Whom a delegated router knows to have a CID, as far as it says so in time and in shape. Rejects with a ColdError. */
export async function routerRecords(
  { http, routingUrl, deadlineMs }: RouterOptions,
  cid: string,
  signal: AbortSignal,
): Promise<RouterRecord[]> {
  const url = new URL(`${routingUrl.replace(/\/+$/, '')}/routing/v1/providers/${cid}`);
  const headers = { accept: `application/json, ${NDJSON};q=0.5` };
  const until = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
  const late = (error: unknown): never => {
    // Our own deadline is no stop of the caller's.
    const isLate = error instanceof ColdError && error.failure === 'aborted' && !signal.aborted;
    throw isLate ? new ColdError('unreachable', `${url.host} did not answer within ${deadlineMs / 1000} s`) : error;
  };
  const asked = { method: 'GET', headers, deadlineMs, stallMs: deadlineMs, redirectsMax: REDIRECTS_MAX, signal: until } as const;
  const reply = await http.request(url, asked).catch(late);
  try {
    // 404: it knows of nobody.
    if (reply.status === 429 || reply.status >= 500)
      throw new ColdError('unreachable', `${url.host} cannot tell just now (HTTP ${reply.status})`);
    if (reply.status !== 200) return [];
    const isLines = reply.headers['content-type']?.startsWith(NDJSON) === true;
    return recordsOf(isLines ? await readLines(reply.body, signal) : await readJson(reply.body, url).catch(late));
  } finally {
    reply.close();
  }
}

/** Binary multiaddrs of one peer among the records. */
export function multiaddrsOfPeer(records: readonly RouterRecord[], peerId: string): Uint8Array[] {
  return records.filter(({ id }) => id === peerId).flatMap(({ addresses }) => addresses.flatMap((text) => bytesOf(text)));
}

/** What cannot be read is passed over. */
function bytesOf(text: string): Uint8Array[] {
  try {
    return [multiaddr(text).bytes];
  } catch {
    return [];
  }
}

async function readJson(body: AsyncIterable<Uint8Array>, { host }: URL): Promise<readonly unknown[]> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > REPLY_BYTES_MAX) throw new ColdError('unreachable', `${host} sent more than a list of providers has`);
    parts.push(part);
  }
  try {
    const { Providers: records } = (JSON.parse(Buffer.concat(parts).toString('utf8')) ?? {}) as { Providers?: unknown };
    return Array.isArray(records) ? records : [];
  } catch {
    throw new ColdError('unreachable', `${host} sent something that is no list of providers`);
  }
}

/** A record a line, as the router learns of them. It may go on for long: what has come by then is what there is. */
async function readLines(body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<readonly unknown[]> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.length;
      parts.push(part);
      if (bytes > REPLY_BYTES_MAX) break;
    }
  } catch (error) {
    if (!(error instanceof ColdError) || signal.aborted) throw error;
  }
  return Buffer.concat(parts).toString('utf8').split('\n').slice(0, RECORDS_MAX).flatMap(parsed);
}

function parsed(line: string): unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}

/** What is of another shape is passed over. */
function recordsOf(values: readonly unknown[]): RouterRecord[] {
  return values.slice(0, RECORDS_MAX).flatMap((value) => {
    const { ID, Addrs } = (value ?? {}) as { ID?: unknown; Addrs?: unknown };
    if (!Array.isArray(Addrs)) return [];
    const addresses = Addrs.slice(0, ADDRESSES_MAX).filter((one) => typeof one === 'string' && one.length <= ADDRESS_CHARS_MAX);
    return [{ id: typeof ID === 'string' ? ID : '', addresses }];
  });
}
