import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { RpcFault } from './faults.ts';
import { stringifyJson } from './rpc-json.ts';

/** An answer, ready to be spoilt. */
export interface Prepared {
  status: number;
  text: string;
  withOtherId: string;
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };
const HUGE_BYTES = 1 << 30;
const CHUNK_BYTES = 1 << 20;

/** Answers as the fault says; `run` carries the request out. See {@link RPC_FAULTS} for what is done and what is not. */
export async function misbehave(fault: RpcFault, response: ServerResponse, run: () => Promise<Prepared>, id: unknown): Promise<void> {
  switch (fault.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'http-500':
      response.writeHead(500, TEXT).end('Internal Server Error\n');
      return;
    case 'http-401':
      response.writeHead(401).end();
      return;
    case 'no-such-method':
      response.writeHead(500, TEXT);
      response.end(stringifyJson({ jsonrpc: '2.0', id, error: { code: -32_601, message: `method 'Filecoin.${fault.method}' not found` } }));
      return;
    case 'error':
      response.writeHead(200, TEXT);
      response.end(stringifyJson({ jsonrpc: '2.0', id, error: { code: 1, message: fault.message ?? 'it went wrong' } }));
      return;
    case 'huge-body':
      return streamHuge(response, fault.bodyBytes ?? HUGE_BYTES);
    case 'drop-then-do':
      response.socket?.destroy();
      await sleep(fault.delayMs ?? 0);
      await run();
      return;
    case 'drop-reply':
      await run();
      response.socket?.destroy();
      return;
    case 'delay':
      await sleep(fault.delayMs ?? 0);
      return spoil(fault, response, await run());
    default:
      return spoil(fault, response, await run());
  }
}

function spoil(fault: RpcFault, response: ServerResponse, { status, text, withOtherId }: Prepared): void {
  const half = text.slice(0, Math.ceil(text.length / 2));
  const length = { ...TEXT, 'content-length': Buffer.byteLength(text) };
  switch (fault.kind) {
    case 'half-open':
      response.writeHead(status, length).write(half);
      return;
    case 'cut-json':
      response.writeHead(status, TEXT).write(half, () => response.end());
      return;
    case 'garbage':
      response.writeHead(200, TEXT).end('<html><body>Welcome to nginx!</body></html>');
      return;
    case 'wrong-id':
      response.writeHead(status, TEXT).end(withOtherId);
      return;
    default:
      response.writeHead(status, TEXT).end(text);
  }
}

async function streamHuge(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, TEXT);
  const chunk = 'x'.repeat(CHUNK_BYTES);
  const body = function* () {
    yield '{"jsonrpc":"2.0","result":"';
    for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) yield chunk;
    yield '","id":1}\n';
  };
  // The client hangs up in the middle, if it is any good.
  await pipeline(Readable.from(body()), response).catch(() => undefined);
}
