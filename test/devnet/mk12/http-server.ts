import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ProviderInfo } from '../provider.ts';
import type { World } from '../world.ts';
import type { Answer } from './answer.ts';
import { CborError } from './cbor.ts';
import { isCurio } from './checks.ts';
import { drained } from './drained.ts';
import { type Exchange, exchange } from './exchanges.ts';
import { RateLimit } from './rate-limit.ts';
import { serveBytes } from './retrieval-http.ts';

const ROUTES: Readonly<Record<string, Exchange>> = {
  'POST /market/mk12/store': 'store',
  'GET /market/mk12/status': 'status',
  'GET /market/mk12/ask': 'ask',
};
const BODY_BYTES_MAX = 4 << 20;
const PER_SECOND_MAX = 50;

/** What a provider answers over HTTP: Curio its market, and everyone the bytes that it stores. */
export class ProviderHttp {
  readonly #world: World;
  readonly #info: ProviderInfo;
  readonly #limit = new RateLimit(PER_SECOND_MAX);

  constructor(world: World, info: ProviderInfo) {
    this.#world = world;
    this.#info = info;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#world.faults.ofProvider(this.#info.id).dead === true) {
      response.socket?.destroy();
      return;
    }
    const { pathname } = new URL(request.url ?? '/', 'http://provider');
    const what = isCurio(this.#info.mk12) ? ROUTES[`${request.method} ${pathname}`] : undefined;
    if (what === undefined) await serveBytes(this.#world, this.#info, request, response);
    else if (!this.#limit.take(performance.now())) response.writeHead(429).end('Too Many Requests\n');
    else await this.#market(what, request, response);
  }

  async #market(what: Exchange, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers['content-type'] !== 'application/cbor') {
      response.writeHead(400).end();
      return;
    }
    try {
      await send(response, await exchange(this.#world, this.#info, what, await readBody(request)));
    } catch (error) {
      if (!response.headersSent) response.writeHead(error instanceof CborError ? 400 : 500).end();
      else response.destroy();
    }
  }
}

/** Curio names its type after the head is written, so what arrives is Go's guess. */
async function send(response: ServerResponse, { chunks, end }: Answer): Promise<void> {
  if (end === 'hang') return;
  if (end === 'reset') {
    response.socket?.destroy();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new CborError('the request is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
