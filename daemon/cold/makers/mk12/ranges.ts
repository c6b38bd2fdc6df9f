import { setTimeout as sleep } from 'node:timers/promises';

import { ColdError } from '../../../domain/cold-ports.ts';
import { assertGiven } from './answered.ts';
import type { HttpReply } from './http.ts';

/** Bytes of something that a server has. `to` is not included. */
export interface Span {
  from: number;
  to: number;
}

/** The server does not give ranges, or gives others than it was asked for: what it has can only be read as a whole. */
export class RangeFault extends ColdError {
  constructor(host: string, what: string) {
    super('unreachable', `${host} ${what} when it is asked for a range of bytes`);
  }
}

/** Reads spans of one thing. Each is read to its end, and no further, or rejects with a ColdError. */
export type ReadSpan = (span: Span, signal: AbortSignal) => AsyncGenerator<Uint8Array, void, undefined>;

export interface RangesOptions {
  url: URL;
  /** Resolves with the head of the reply, of any status. */
  ask(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpReply>;
  /** Default {@link AT_ONCE}. */
  atOnce?: number;
}

/** Curio refuses from 256 of all its clients on. */
const AT_ONCE = 4;
/** A server that gives less than it was asked for, or breaks off, is asked for the rest; when it gives this little, so often only. */
const LITTLE_BYTES = 4 * 1024;
const LITTLES_MAX = 8;
const BUSY_TRIES = 5;
const BUSY_WAIT_MS = 250;
const BUSY_WAIT_MAX_MS = 5_000;

/** Several spans may be read at once, and wait for each other where they are many; one after another once the server said that it is too much. */
export function createRanges({ url, ask, atOnce = AT_ONCE }: RangesOptions): ReadSpan {
  const turns = createTurns(atOnce);

  /** 429 and 503 pass. */
  async function askPatiently(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<HttpReply> {
    for (let tries = 1; ; tries++) {
      const reply = await ask(headers, signal);
      if ((reply.status !== 429 && reply.status !== 503) || tries >= BUSY_TRIES) return reply;
      reply.close();
      turns.narrow();
      await sleep(busyMs(reply, tries), undefined, { signal }).catch(throwAborted);
    }
  }

  /** From `from` on, as much as the server gives at once. */
  async function* some({ from, to }: Span, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const reply = await askPatiently({ range: `bytes=${from}-${to - 1}` }, signal);
    try {
      let left = givenTo(reply, { from, to }, url) - from;
      for await (const part of reply.body) {
        yield part.subarray(0, left);
        left -= part.length;
        if (left <= 0) return;
      }
    } finally {
      reply.close();
    }
  }

  return async function* read({ from, to }, signal) {
    const leave = await turns.take(signal);
    try {
      let littles = 0;
      for (let at = from; at < to; ) {
        const before = at;
        try {
          for await (const part of some({ from: at, to }, signal)) {
            at += part.length;
            yield part;
          }
        } catch (error) {
          const isCut = error instanceof ColdError && error.failure === 'unreachable' && !(error instanceof RangeFault);
          if (!isCut || at === before) throw error;
        }
        if (at === before) throw new RangeFault(url.host, 'gives nothing');
        if (at < to && at - before < LITTLE_BYTES) littles += 1;
        if (littles > LITTLES_MAX) throw new RangeFault(url.host, 'gives next to nothing');
      }
    } finally {
      leave();
    }
  };
}

/** Up to where the reply goes. A server may give less than it was asked for, and nothing else than that. */
function givenTo(reply: HttpReply, { from, to }: Span, url: URL): number {
  if (reply.status === 200) throw new RangeFault(url.host, 'sends all of it');
  if (reply.status === 416) throw new RangeFault(url.host, 'says that there is none such (HTTP 416)');
  assertGiven(reply, url);
  const [, first, last] = /^bytes (\d{1,15})-(\d{1,15})\/(?:\d+|\*)$/.exec(reply.headers['content-range'] ?? '') ?? [];
  if (Number(first) !== from || Number(last) < from) throw new RangeFault(url.host, 'sends another one');
  return Math.min(Number(last) + 1, to);
}

function busyMs({ headers }: HttpReply, tries: number): number {
  const said = Number(headers['retry-after']) * 1_000;
  return Math.min(Number.isFinite(said) && said > 0 ? said : BUSY_WAIT_MS * 2 ** tries, BUSY_WAIT_MAX_MS);
}

function throwAborted(): never {
  throw new ColdError('aborted', 'it was stopped');
}

interface Turns {
  /** Resolves with what gives the place back. Rejects with a ColdError when it is not wanted any more. */
  take(signal: AbortSignal): Promise<() => void>;
  /** One at a time from now on. */
  narrow(): void;
}

function createTurns(atOnce: number): Turns {
  let max = atOnce;
  let running = 0;
  const line = new Set<() => void>();

  function next(): void {
    for (const begin of line) {
      if (running >= max) return;
      line.delete(begin);
      begin();
    }
  }

  return {
    take(signal) {
      const { promise, resolve, reject } = Promise.withResolvers<() => void>();
      const begin = (): void => {
        signal.removeEventListener('abort', onAbort);
        running += 1;
        resolve(() => {
          running -= 1;
          next();
        });
      };
      const onAbort = (): void => {
        line.delete(begin);
        reject(new ColdError('aborted', 'it was stopped'));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else line.add(begin);
      next();
      return promise;
    },
    narrow() {
      max = 1;
    },
  };
}
