import type { IncomingMessage, ServerResponse } from 'node:http';

import { Patience } from './gateway-patience.ts';
import type { Upstream } from './gateway-upstream.ts';

export interface PumpOptions {
  /** The reader may take nothing for this long. */
  readerMs: number;
  /** The tier may send nothing for this long, as things are now. */
  tierMs: () => number;
  /** Called when the tier has sent nothing for `graceMs`. */
  onQuiet: () => void;
  graceMs: number;
  /** More than this is not passed on. */
  maxBytes: number;
  /** Where the reply comes from. */
  tier: Pick<Upstream, 'owned' | 'divert'>;
  /** So many bytes more are out of our hands. */
  onWritten: (bytes: number) => void;
  /** The reader is gone. */
  signal: AbortSignal;
}

/**
 * `done`: all of it was written. `left`: the reader was first to go. `silent`: the tier said nothing more, after so many
 * bytes, which are with the reader or on their way. Anything else is why it
 * broke off.
 */
export type PumpEnd = { end: 'done' } | { end: 'left' } | { end: 'silent'; receivedBytes: number } | { end: 'broken'; why: string };

/** A reader who takes nothing is cut off after so many turns, and one more that the socket may take to notice. */
const READER_TURNS = 12;
const NOT_TAKEN = 'the reader took nothing any more';
/** From this length on a reply is worth the connection that it costs to pass it on by the straight way. */
const STRAIGHT_BYTES_MIN = 256 * 1024;

/**
 * Writes the tier's reply to the reader as fast as both are able to, and never more than the reader's buffer ahead. Ends the
 * response only when the reply was whole; who calls sees to it that one which broke off looks like that.
 */
export function pump(reply: IncomingMessage, res: ServerResponse, options: PumpOptions): Promise<PumpEnd> {
  const { promise, resolve } = Promise.withResolvers<PumpEnd>();
  let isReadersTurn = false;
  let isWhole = false;
  let isSettled = false;
  let receivedBytes = 0;

  const patience = new Patience({
    graceMs: options.graceMs,
    // Of a reader the socket knows more: it sees a part of a write being taken.
    limitMs: () => (isReadersTurn ? (res.socket === null ? options.readerMs : Number.POSITIVE_INFINITY) : options.tierMs()),
    onGrace: () => {
      if (!isReadersTurn) options.onQuiet();
    },
    onOver: () => settle(isReadersTurn ? { end: 'broken', why: NOT_TAKEN } : { end: 'silent', receivedBytes }),
  });

  // In short turns, as the socket's timer begins anew without a word when it finds that a part of a write was taken. Never in one, as
  // after a moment in which this process did nothing all timers are over before any socket is looked at.
  const turnMs = options.readerMs / READER_TURNS;
  let silences = 0;
  let taken: NodeJS.Timeout | undefined;
  const onSilence = (): void => {
    silences = isReadersTurn ? silences + 1 : 0;
    if (silences === READER_TURNS) {
      settle({ end: 'broken', why: NOT_TAKEN });
      return;
    }
    res.socket?.setTimeout(turnMs);
    clearTimeout(taken);
    taken = setTimeout(() => {
      silences = 0;
    }, turnMs * 1.5);
  };
  res.setTimeout(turnMs, onSilence);

  let onSettled = (): void => undefined;
  function settle(end: PumpEnd): void {
    isSettled = true;
    patience.end();
    clearTimeout(taken);
    onSettled();
    // The rest may come by another reply.
    res.off('timeout', onSilence).off('drain', onDrain).off('finish', onFinish);
    resolve(end);
  }

  function written(bytes: number): void {
    silences = 0;
    patience.moved();
    options.onWritten(bytes);
  }

  function onDrain(): void {
    if (isWhole) return;
    isReadersTurn = false;
    patience.moved();
    reply.resume();
  }

  const onFinish = (): void => settle({ end: 'done' });

  /** By Node's streams, whatever the reply looks like. */
  function stream(): void {
    reply.on('data', (chunk: Uint8Array) => {
      if (isSettled) return;
      patience.moved();
      receivedBytes += chunk.length;
      if (receivedBytes > options.maxBytes) {
        settle({ end: 'broken', why: `more than ${options.maxBytes} bytes of what is not pinned here` });
        reply.destroy();
        return;
      }
      const hasRoom = res.write(options.tier.owned(chunk), (error) => {
        if (!error) written(chunk.length);
      });
      if (hasRoom) return;
      isReadersTurn = true;
      reply.pause();
    });
    res.on('drain', onDrain);
    reply.on('end', () => {
      // A stream that is destroyed in its last chunk ends all the same.
      if (isSettled) return;
      // A CAR that could not be finished ends as if it were whole, but for this.
      const flaw = reply.trailers['x-stream-error'];
      if (flaw !== undefined || !reply.complete) return settle({ end: 'broken', why: flaw ?? 'the reply ended too soon' });
      isWhole = true;
      isReadersTurn = true;
      res.end();
    });
  }

  /**
   * From the tier's connection to the reader's: a piece is given to the kernel out of the buffer that it was read into, and only
   * then is the next one read. False where that cannot be done.
   */
  function straight(): boolean {
    const { socket } = res;
    const lengthBytes = lengthOf(reply);
    if (socket === null || lengthBytes < STRAIGHT_BYTES_MIN || lengthBytes > options.maxBytes) return false;
    let writes = 0;
    const take = (bytes: Uint8Array): boolean => {
      if (isSettled || isWhole) return false;
      patience.moved();
      receivedBytes += bytes.length;
      if (receivedBytes > lengthBytes) {
        settle({ end: 'broken', why: 'the reply is longer than it says' });
        return false;
      }
      writes += 1;
      socket.write(bytes, (error) => {
        writes -= 1;
        if (!error) written(bytes.length);
        if (error || isSettled || writes > 0) return;
        if (isWhole) {
          // No sooner, as the response knows nothing of these writes.
          res.end();
          diverted?.release();
        } else if (isReadersTurn) {
          isReadersTurn = false;
          diverted?.next();
        }
      });
      if (receivedBytes === lengthBytes) {
        isWhole = true;
        isReadersTurn = true;
        diverted?.close();
        return false;
      }
      isReadersTurn = socket.writableLength > 0;
      return !isReadersTurn;
    };
    const diverted = options.tier.divert(reply, take);
    if (diverted === undefined) return false;
    onSettled = diverted.close;
    socket.cork();
    res.flushHeaders();
    // What the parser has given out before, and keeps no longer than this.
    for (let early = reply.read(); early !== null && !isWhole; early = reply.read()) take(options.tier.owned(early));
    socket.uncork();
    if (!isReadersTurn) diverted.next();
    return true;
  }

  if (!straight()) stream();
  reply.on('error', (error) => {
    if (!isWhole) settle({ end: 'broken', why: error.message });
  });
  res.on('finish', onFinish);
  options.signal.addEventListener('abort', () => settle({ end: 'left' }), { once: true });
  if (options.signal.aborted || res.destroyed) settle({ end: 'left' });
  // The head goes out with the first bytes, or alone when these take longer.
  setImmediate(() => {
    if (!res.headersSent && !res.destroyed) res.flushHeaders();
  });
  return promise;
}

/** Bytes of a body that says so; 0 of any other. */
function lengthOf({ headers }: IncomingMessage): number {
  return headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : 0;
}
