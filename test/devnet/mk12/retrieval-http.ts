import { createReadStream } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';

import { type CarIndex, carOf, readBlock } from '../car-file.ts';
import { DAG_PB } from '../cids.ts';
import type { RangeFaultKind } from '../faults.ts';
import { unpadded } from '../piece-cid.ts';
import type { ProviderDeal, ProviderInfo } from '../provider.ts';
import type { World } from '../world.ts';
import { isCurio } from './checks.ts';
import { drained } from './drained.ts';

const CAR = 'application/vnd.ipld.car;version=1;order=dfs;dups=y';
const RAW = 'application/vnd.ipld.raw';
const FOREVER = 'public, max-age=29030400, immutable';
const IDENTITY = 0x00;
const ZEROS = new Uint8Array(1 << 16);
/** Deals whose bytes are indexed by then. */
const SERVED = new Set(['published', 'sealing', 'active']);

/** A trustless gateway over what the provider stores, and its pieces as they are. */
export async function serveBytes(world: World, info: ProviderInfo, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://provider');
  const [, kind, name = ''] = url.pathname.split('/');
  const faults = world.faults.ofProvider(info.id);
  if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
  else if (kind === 'info') sendText(response, 200, '{"Version":"0.3.0"}\n', 'application/json');
  else if (kind !== 'ipfs' && kind !== 'piece') sendText(response, 404, '404 page not found\n');
  else if (faults.hangRetrieval === true) return;
  else if (faults.refuseRetrieval === true) sendText(response, 451, 'the provider does not give this out\n');
  else if (kind === 'piece' && isRangeTrouble(world, info, request, response)) return;
  else if (kind === 'piece') await servePiece(world, info, name, request, response);
  else if (faults.gateway === 'empty') response.writeHead(200, { 'content-type': CAR }).end();
  else if (faults.gateway === 'denied') sendText(response, 410, 'denied\n');
  else await serveDag(world, info, { name, url }, request, response);
}

function dealsOf(world: World, info: ProviderInfo): ProviderDeal[] {
  if (world.faults.ofProvider(info.id).loseBytes === true) return [];
  return world.providers.deals().filter(({ provider, state, file }) => provider === info.id && file !== undefined && SERVED.has(state));
}

async function servePiece(
  world: World,
  info: ProviderInfo,
  pieceCid: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const deal = dealsOf(world, info).find(({ proposal }) => proposal.pieceCid === pieceCid);
  if (deal?.file === undefined) return sendText(response, 404, `piece ${pieceCid} not found\n`);
  const size = unpadded(deal.proposal.pieceSizeBytes);
  const range = rangeOf(request.headers.range, size);
  const head = { 'accept-ranges': 'bytes', 'cache-control': FOREVER, 'content-type': 'application/piece', etag: `"${pieceCid}"` };
  if (range === undefined) {
    response.writeHead(416, { ...head, 'content-range': `bytes */${size}` }).end();
    return;
  }
  const fault = request.headers.range === undefined ? undefined : world.faults.ofProvider(info.id).ranges;
  const isPart = request.headers.range !== undefined && fault !== 'ignored';
  const { from, to } = isPart ? given(range, fault) : { from: 0, to: size - 1 };
  const part = isPart && fault !== 'unsaid' ? { 'content-range': `bytes ${from}-${to}/${size}` } : {};
  const length = fault === 'padded' ? {} : { 'content-length': to - from + 1 };
  response.writeHead(isPart ? 206 : 200, { ...head, ...part, ...length });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const bytes = spoilt(pieceBytes(deal.file, deal.carSizeBytes ?? 0, from, to), to - from + 1, fault);
  await send(response, world.served.counted({ provider: info.id, path: `/piece/${pieceCid}`, from }, bytes), isCorrupt(world, info));
}

/** Another answer than bytes. */
function isRangeTrouble(world: World, info: ProviderInfo, request: IncomingMessage, response: ServerResponse): boolean {
  const fault = request.headers.range === undefined ? undefined : world.faults.ofProvider(info.id).ranges;
  if (fault === 'refused') response.writeHead(416).end();
  else if (fault === 'busy' && world.served.nextIsOdd()) response.writeHead(429, { 'retry-after': '0.05' }).end('Too Many Requests\n');
  else if (fault === 'redirected' && request.url?.endsWith('?there') !== true)
    response.writeHead(307, { location: `${request.url}?there` }).end();
  else return false;
  return true;
}

const SHORT_BYTES = { short: 10_000, drips: 10 } as const;

function given({ from, to }: { from: number; to: number }, fault: RangeFaultKind | undefined): { from: number; to: number } {
  if (fault === 'shifted') return { from: from + 1, to: Math.max(from + 1, to) };
  return fault === 'short' || fault === 'drips' ? { from, to: Math.min(to, from + SHORT_BYTES[fault] - 1) } : { from, to };
}

async function* spoilt(
  bytes: AsyncIterable<Uint8Array>,
  length: number,
  fault: RangeFaultKind | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = fault === 'cut' && length > CUT_BYTES ? CUT_BYTES : Number.POSITIVE_INFINITY;
  for await (const chunk of bytes) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) throw new Error('it breaks off');
  }
  if (fault === 'padded') yield Buffer.alloc(PADDING_BYTES, 'more');
}

const PADDING_BYTES = 5_000;
const CUT_BYTES = 100_000;

/** What was sent, and zeros as far as the piece goes. */
async function* pieceBytes(file: string, carSizeBytes: number, from: number, to: number): AsyncGenerator<Uint8Array> {
  if (from < carSizeBytes) yield* createReadStream(file, { start: from, end: Math.min(to, carSizeBytes - 1) });
  for (let left = to - Math.max(from, carSizeBytes) + 1; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}

async function serveDag(
  world: World,
  info: ProviderInfo,
  { name, url }: { name: string; url: URL },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const format = url.searchParams.get('format') ?? (request.headers.accept?.includes('ipld.car') === true ? 'car' : 'raw');
  const head = {
    'cache-control': FOREVER,
    'content-type': format === 'car' ? CAR : RAW,
    'x-content-type-options': 'nosniff',
    'x-ipfs-path': `/ipfs/${name}`,
  };
  const source = isCid(name) ? await find(world, info, name) : undefined;
  if (source === undefined) {
    // Seen on a real Boost: 200 and nothing for what it has not indexed.
    if (isCurio(info.mk12)) return sendText(response, 404, `failed to find ${name}\n`);
    response.writeHead(200, head).end();
    return;
  }
  const block = await readBlock(source, name);
  const scope = url.searchParams.get('dag-scope') ?? 'all';
  const isShallow = scope === 'block' || (scope === 'entity' && isDirectory(name, block));
  response.writeHead(200, format === 'car' ? head : { ...head, 'content-length': block?.length ?? 0 });
  if (request.method === 'HEAD') response.end();
  else {
    const bytes = format === 'car' ? carOf(source, name, isShallow) : [block ?? new Uint8Array()];
    await send(response, world.served.counted({ provider: info.id, path: `/ipfs/${name}`, from: 0 }, bytes), isCorrupt(world, info));
  }
}

function isCorrupt({ faults }: World, { id }: ProviderInfo): boolean {
  return faults.ofProvider(id).corruptBytes === true;
}

/** The CAR that has a block; an identity CID is in no index, so only a deal about just that has it. */
async function find(world: World, info: ProviderInfo, cid: string): Promise<CarIndex | undefined> {
  const isIdentity = CID.parse(cid).multihash.code === IDENTITY;
  for (const { file = '', root } of dealsOf(world, info)) {
    const index = await world.imports.index(file).catch(() => undefined);
    if (index?.blocks.has(cid) === true || (isIdentity && index !== undefined && (root === cid || index.root === cid))) return index;
  }
  return undefined;
}

async function send(
  response: ServerResponse,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  isCorrupted: boolean,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (response.destroyed) return;
      if (!response.write(isCorrupted ? corrupt(chunk) : chunk)) await drained(response);
    }
    response.end();
  } catch {
    // The head is sent, so all that shows is that the rest does not come.
    response.destroy();
  }
}

/** Flips the last byte, which of a block lies in its data. */
function corrupt(chunk: Uint8Array): Uint8Array {
  const other = Uint8Array.from(chunk);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 0xff;
  return other;
}

/** Bytes `[from, to]` of a `Range` header, all without one; undefined where there are none such. */
function rangeOf(header: string | undefined, size: number): { from: number; to: number } | undefined {
  if (header === undefined) return { from: 0, to: size - 1 };
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return from <= to ? { from, to } : undefined;
}

function isDirectory(name: string, block: Uint8Array | undefined): boolean {
  if (block === undefined || CID.parse(name).code !== DAG_PB) return false;
  // UnixFS: the first field is the type, and 1 a directory.
  const { Data: data } = dagPb.decode(block);
  return data?.[0] === 0x08 && data[1] === 0x01;
}

function isCid(text: string): boolean {
  try {
    CID.parse(text);
    return true;
  } catch {
    return false;
  }
}

function sendText(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(text);
}
