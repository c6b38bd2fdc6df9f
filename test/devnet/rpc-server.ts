import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { answerControl, type ControlTarget } from './control.ts';
import { dispatch, failure, parseRequest, type Reply, type Request } from './dispatch.ts';
import { METHODS } from './methods/index.ts';
import { misbehave, type Prepared } from './misbehave.ts';
import { parseJson, stringifyJson } from './rpc-json.ts';
import { ANONYMOUS, type Permission } from './tokens.ts';
import type { World } from './world.ts';

const BODY_BYTES_MAX = 16 << 20;
const TEXT = 'text/plain; charset=utf-8';

export interface RpcServer {
  url: string;
  close(): Promise<void>;
}

/** Listens for JSON-RPC at `/rpc/v0` and `/rpc/v1`, and for orders to the network itself at `/devnet/…`. */
export async function startRpcServer(world: World, control: ControlTarget, listen: { host: string; port: number }): Promise<RpcServer> {
  const server = createServer((request, response) => {
    answer(world, control, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${listen.host}:${port}`, close: () => closeServer(server) };
}

async function answer(world: World, control: ControlTarget, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://devnet').pathname;
  if (path.startsWith('/devnet/')) return answerControl(control, path, await readBody(request), response);
  if (path !== '/rpc/v0' && path !== '/rpc/v1') return send(response, 404, '404 page not found\n');
  const allowed = permissionsOf(world, request);
  if (allowed === undefined) {
    response.writeHead(401).end();
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const caller = { allowed, signal: gone.signal };
  const run = (one: Request) => dispatch(world, METHODS[path], one, caller);
  const body = parsed(await readBody(request));
  if (Array.isArray(body)) return send(response, 200, await batch(body, run));
  const single = parseRequest(body);
  if (single === undefined) return sendReply(response, failure(500, null, -32_700, 'Parse error'));
  const fault = world.faults.take(single.method.replace('Filecoin.', ''), JSON.stringify(single.params, bigintAsText));
  if (fault === undefined) return sendReply(response, await run(single));
  await misbehave(fault, response, async () => prepare(await run(single)), single.id);
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/** Each reply on a line of its own, as recorded. */
async function batch(requests: readonly unknown[], run: (request: Request) => Promise<Reply>): Promise<string> {
  const lines: string[] = [];
  for (const one of requests) {
    const request = parseRequest(one);
    const { body } = request === undefined ? failure(500, null, -32_700, 'Parse error') : await run(request);
    lines.push(`${stringifyJson(body)}\n`);
  }
  return `[${lines.join(',')}]`;
}

function permissionsOf({ tokens }: World, request: IncomingMessage): readonly Permission[] | undefined {
  const { authorization } = request.headers;
  return authorization === undefined ? ANONYMOUS : tokens.verify(authorization.replace(/^Bearer\s+/i, '').trim());
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function prepare({ status, body }: Reply): Prepared {
  return { status, text: `${stringifyJson(body)}\n`, withOtherId: `${stringifyJson({ ...body, id: 987_654_321 })}\n` };
}

function sendReply(response: ServerResponse, reply: Reply): void {
  const { status, text } = prepare(reply);
  send(response, status, text);
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': TEXT }).end(text);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new Error('request is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
