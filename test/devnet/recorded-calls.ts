import { readFileSync } from 'node:fs';

import { parseJson } from './rpc-json.ts';

/** A call as Lotus v1.26.3 answered it on a private network. Arrays are cut to three entries, long base64 texts to 44 characters. */
export interface RecordedCall {
  name: string;
  path: '/rpc/v0' | '/rpc/v1';
  /** HTTP. */
  status: number;
  method: string;
  params: readonly unknown[];
  /** Instead of the admin token. */
  token?: 'none' | 'bad';
  /** What of the reply is not `jsonrpc` and `id`; absent where the body was empty. */
  reply?: { result?: unknown; error?: { code: number; message: string } };
}

export const RECORDED_CALLS = readFileSync(new URL('recorded-calls.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => parseJson(line) as RecordedCall);

/** What was called by which name then, and is called by which now. Learned from replies: the same place is the same thing. */
export class Names {
  readonly #now = new Map<unknown, unknown>();

  set(recorded: unknown, now: unknown): void {
    this.#now.set(recorded, now);
  }

  learn(recorded: unknown, now: unknown, key = ''): void {
    if (isName(recorded, key) && typeof now === typeof recorded) {
      if (!this.#now.has(recorded)) this.#now.set(recorded, now);
    } else if (isTree(recorded) && isTree(now)) {
      for (const [name, value] of Object.entries(recorded)) this.learn(value, (now as Record<string, unknown>)[name], name);
    }
  }

  translate(value: unknown): unknown {
    if (this.#now.has(value)) return this.#now.get(value);
    if (Array.isArray(value)) return value.map((one) => this.translate(one));
    if (isTree(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.translate(one)]));
    return value;
  }
}

function isName(value: unknown, key: string): boolean {
  if (typeof value === 'bigint') return true;
  if (typeof value === 'number') return key === 'DealID' && value > 0;
  // A signature, which is passed on as it came.
  if (key === 'Data' && typeof value === 'string') return true;
  return typeof value === 'string' && /^(baf|bag|12D3Koo|[ft][123])[a-zA-Z0-9]+$/.test(value);
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
