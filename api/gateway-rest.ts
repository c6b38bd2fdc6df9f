import type { IncomingMessage } from 'node:http';

import { ANEW_MS, longerMs } from './gateway-asking.ts';

type Reply = Pick<IncomingMessage, 'statusCode' | 'headers'>;

/** What has been passed on of a reply, and how the rest of it is asked for when the tier says nothing more. */
export class Rest {
  readonly #whole: Whole | undefined;
  #passedBytes = 0;
  #quietMs = 0;
  #turnMs = ANEW_MS;

  /** @param first - the reply that is passed on. */
  constructor(first: Reply) {
    this.#whole = wholeOf(first);
  }

  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** How long the tier may be silent now, where it may be for `limitMs` in all. */
  turnMs(limitMs: number): number {
    return this.#whole === undefined ? limitMs : Math.min(this.#turnMs, limitMs);
  }

  /**
   * The tier was silent for a turn, after so many bytes more. The header `Range` to ask for the rest with; undefined when it was
   * silent for long enough, or the rest cannot be had by itself.
   */
  after(receivedBytes: number, limitMs: number): string | undefined {
    if (this.#whole === undefined) return undefined;
    this.#passedBytes += receivedBytes;
    if (receivedBytes > 0) [this.#quietMs, this.#turnMs] = [0, ANEW_MS];
    this.#quietMs += this.#turnMs;
    this.#turnMs = longerMs(this.#turnMs);
    return this.#quietMs < limitMs ? `bytes=${this.#span(this.#whole)}` : undefined;
  }

  /** Whether a reply is that rest, and of the same thing. */
  fits({ statusCode, headers }: Reply): boolean {
    const whole = this.#whole;
    if (whole === undefined || statusCode !== 206 || headers.etag !== whole.etag) return false;
    return headers['content-range'] === `bytes ${this.#span(whole)}/${whole.totalBytes}`;
  }

  #span({ first, last }: Whole): string {
    return `${first + this.#passedBytes}-${last}`;
  }
}

/** Of the thing that a body is of: where the body begins and ends in it, its size, and what it is called. */
interface Whole {
  first: number;
  last: number;
  totalBytes: number;
  etag: string;
}

/** Undefined of what is made as it is sent, of what does not say what it is, and of several ranges in one body. */
function wholeOf({ statusCode, headers }: Reply): Whole | undefined {
  const { etag } = headers;
  const lengthBytes = Number(headers['content-length']);
  if (headers['accept-ranges'] !== 'bytes' || headers['transfer-encoding'] !== undefined || !(lengthBytes > 0)) return undefined;
  if (etag === undefined || etag.startsWith('W/')) return undefined;
  if (statusCode === 200) return { first: 0, last: lengthBytes - 1, totalBytes: lengthBytes, etag };
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  if (statusCode !== 206 || Number(last) - Number(first) + 1 !== lengthBytes) return undefined;
  return { first: Number(first), last: Number(last), totalBytes: Number(total), etag };
}
