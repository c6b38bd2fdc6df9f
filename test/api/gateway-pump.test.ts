import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, Writable } from 'node:stream';
import { mock } from 'node:test';

import test from 'ava';

import { type PumpEnd, pump } from '../../api/gateway-pump.ts';

const READER_MS = 60_000;

/**
 * A reply to a reader who never takes the whole of a write, on a clock that the test moves. Of a socket's timer it has what matters: it
 * begins anew, without a word, when a part of a write was taken since.
 */
class StuckReply extends Writable {
  readonly socket = this;
  headersSent = true;
  #tookSome = false;
  #ms = 0;
  #timer: NodeJS.Timeout | undefined;

  override _write(): void {}

  takesSome(): void {
    this.#tookSome = true;
  }

  setTimeout(ms: number, onSilence?: () => void): void {
    if (onSilence !== undefined) this.on('timeout', onSilence);
    this.#ms = ms;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const tookSome = this.#tookSome;
      this.#tookSome = false;
      if (tookSome) this.setTimeout(this.#ms);
      else this.emit('timeout');
    }, ms);
  }
}

function begin(): { res: StuckReply; reply: PassThrough; ended: () => PumpEnd | undefined } {
  const res = new StuckReply();
  const reply = Object.assign(new PassThrough(), { headers: {} });
  let end: PumpEnd | undefined;
  const options = {
    readerMs: READER_MS,
    tierMs: () => READER_MS,
    graceMs: READER_MS,
    onQuiet: () => undefined,
    maxBytes: Number.POSITIVE_INFINITY,
    tier: { owned: (bytes: Uint8Array) => bytes, divert: () => undefined },
    onWritten: () => undefined,
    signal: new AbortController().signal,
  };
  void pump(reply as unknown as IncomingMessage, res as unknown as ServerResponse, options).then((one) => {
    end = one;
  });
  reply.write(Buffer.alloc(res.writableHighWaterMark));
  return { res, reply, ended: () => end };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.serial(
  'a reader that takes nothing is cut off after its time, and within a tenth of it; one that takes a little is not',
  async (t) => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    t.teardown(() => mock.timers.reset());
    const stuck = begin();
    const slow = begin();
    await turn();
    // The timer of a socket always takes the write itself for something that moved.
    stuck.res.takesSome();
    for (let seconds = 1; seconds <= 600; seconds++) {
      if (seconds % 20 === 0) slow.res.takesSome();
      mock.timers.tick(1_000);
      await turn();
      if (seconds === 59) t.is(stuck.ended(), undefined);
      if (seconds === 66) t.deepEqual(stuck.ended(), { end: 'broken', why: 'the reader took nothing any more' });
    }
    t.is(slow.ended(), undefined);
  },
);
