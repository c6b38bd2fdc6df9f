import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { tierRefused } from './errors.ts';

/** An external kubo gives a request up sooner than we do, and is asked again. */
const ASK_AGAIN_MS = 500;
const SENTENCE_BYTES_MAX = 2048;
/** So long nothing comes before the tier is asked anew: for the first time, and at most. */
export const ANEW_MS = 3_000;
const ANEW_MS_MAX = 60_000;

/** The wait after one of so long that was in vain: what only takes long comes to its end, too. */
export function longerMs(ms: number): number {
  return Math.min(2 * ms, ANEW_MS_MAX);
}

/**
 * A question to the tier that can be asked anew. When a block comes in at the moment at which kubo begins to wait for it, kubo
 * (0.43) now and then misses it, and waits for ever: one in some hundred to a thousand. Asked anew it finds the block.
 */
export class Asking {
  readonly #gone = new AbortController();
  #attempt = new AbortController();

  /** Aborted when nobody waits for an answer any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  end(): void {
    this.#gone.abort();
    this.#attempt.abort();
  }

  /** What is under way is given up, be it a head that is waited for or a body that is read; {@link reply} asks once more. */
  anew(): void {
    if (this.#gone.signal.aborted) return;
    const before = this.#attempt;
    this.#attempt = new AbortController();
    before.abort();
  }

  /** What `ask` resolves with, which is called again each time that it is asked {@link anew}. */
  async reply<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      const attempt = this.#attempt;
      try {
        return await ask(attempt.signal);
      } catch (error) {
        if (attempt === this.#attempt || this.#gone.signal.aborted) throw error;
      }
    }
  }

  /** The head of a reply that can be passed on. Rejects with what the reader is to be told, and with `AbortError`. */
  head(ask: (signal: AbortSignal) => Promise<IncomingMessage>): Promise<IncomingMessage> {
    return this.reply(async (signal) => {
      for (;;) {
        const reply = await ask(signal);
        const status = reply.statusCode ?? 502;
        if (status < 400) return reply;
        const sentence = await sentenceOf(reply);
        if (status !== 504) throw tierRefused(status, sentence, rangeOf(reply));
        await delay(ASK_AGAIN_MS, undefined, { signal });
      }
    });
  }
}

/** Asks anew after a while, and then after a longer one each time. */
export class Insistence {
  readonly #asking: Pick<Asking, 'anew'>;
  #timer: NodeJS.Timeout;

  constructor(asking: Pick<Asking, 'anew'>) {
    this.#asking = asking;
    this.#timer = this.#after(ANEW_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#asking.anew();
      this.#timer = this.#after(longerMs(ms));
    }, ms);
  }
}

/** What the tier says to a refused request, in one line. */
async function sentenceOf(reply: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of reply.setEncoding('utf8')) {
    text += chunk;
    if (text.length > SENTENCE_BYTES_MAX) break;
  }
  return text.slice(0, SENTENCE_BYTES_MAX).trim().replaceAll(/\s+/g, ' ');
}

/** How long the whole is, beside the refusal of a range of it. */
function rangeOf({ headers }: IncomingMessage): Record<string, string> {
  return headers['content-range'] === undefined ? {} : { 'Content-Range': headers['content-range'] };
}
