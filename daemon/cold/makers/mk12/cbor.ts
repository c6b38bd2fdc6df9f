import { decode } from '@ipld/dag-cbor';

import { ColdError } from '../../../domain/cold-ports.ts';

/** Proposals and statuses of real providers have some 40 items, three deep, and a few hundred bytes. */
const ITEMS_MAX = 4_096;
const DEPTH_MAX = 16;
const REPLY_BYTES_MAX = 256 * 1024;

const CID_TAG = 42n;
/** false, true, null; floats and the other simple values have no place in deals. */
const SIMPLE: readonly bigint[] = [20n, 21n, 22n];
const HEAD_BYTES: Readonly<Record<number, number>> = { 24: 2, 25: 3, 26: 5, 27: 9 };

/**
 * Reads one CBOR item that somebody else sends, as it comes. Nothing in it is believed: lengths that are claimed cost nothing
 * before the bytes are there, and what is deeper, longer or of another kind than deals have is refused as soon as it shows.
 */
export class CborReply {
  readonly #bytesMax: number;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #items = 0;
  /** Items that are still to come, by level. */
  readonly #open: bigint[] = [];
  #head: number[] = [];
  #skip = 0;
  #isComplete = false;

  constructor(bytesMax = REPLY_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Takes what came; true once the item is complete, after which nothing more is wanted. `unreachable` when it cannot be a reply. */
  push(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length && !this.#isComplete) at += this.#take(chunk, at);
    this.#bytes += at;
    if (this.#bytes > this.#bytesMax) throw garbled(`it is longer than ${this.#bytesMax} bytes`);
    this.#parts.push(chunk.slice(0, at));
    if (at < chunk.length) throw garbled('something comes after its end');
    return this.#isComplete;
  }

  /** What came. `unreachable` when it was cut short or is no dag-cbor. */
  value(): unknown {
    if (!this.#isComplete) throw garbled(this.#bytes === 0 ? 'it is empty' : 'it was cut short');
    try {
      return decode(Buffer.concat(this.#parts));
    } catch (cause) {
      throw garbled(cause instanceof Error ? cause.message : String(cause));
    }
  }

  #take(chunk: Uint8Array, at: number): number {
    if (this.#skip > 0) {
      const taken = Math.min(this.#skip, chunk.length - at);
      this.#skip -= taken;
      if (this.#skip === 0) this.#ended();
      return taken;
    }
    this.#head.push(chunk[at] ?? 0);
    const first = this.#head[0] ?? 0;
    const info = first & 31;
    if (info > 27) throw garbled('it holds an item of no stated length');
    if (this.#head.length === (HEAD_BYTES[info] ?? 1)) {
      const argument = this.#head.slice(1).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
      this.#head = [];
      this.#begun(first >> 5, info < 24 ? BigInt(info) : argument);
    }
    return 1;
  }

  #begun(major: number, argument: bigint): void {
    if (++this.#items > ITEMS_MAX) throw garbled(`it has more than ${ITEMS_MAX} parts`);
    if (major === 2 || major === 3) {
      if (argument > BigInt(this.#bytesMax)) throw garbled(`it claims a part of ${argument} bytes`);
      this.#skip = Number(argument);
      if (argument === 0n) this.#ended();
      return;
    }
    if (major === 4 || major === 5) {
      this.#descend(major === 4 ? argument : argument * 2n);
      return;
    }
    if (major === 6) {
      if (argument !== CID_TAG) throw garbled(`it holds a part with the tag ${argument}`);
      this.#descend(1n);
      return;
    }
    if (major === 7 && !SIMPLE.includes(argument)) throw garbled('it holds a part of a kind that deals have not');
    this.#ended();
  }

  #descend(items: bigint): void {
    if (items > BigInt(ITEMS_MAX)) throw garbled(`it claims ${items} parts`);
    if (this.#open.length >= DEPTH_MAX) throw garbled(`it is nested more than ${DEPTH_MAX} deep`);
    if (items === 0n) {
      this.#ended();
      return;
    }
    this.#open.push(items);
  }

  #ended(): void {
    for (;;) {
      const left = this.#open.pop();
      if (left === undefined) {
        this.#isComplete = true;
        return;
      }
      if (left > 1n) {
        this.#open.push(left - 1n);
        return;
      }
    }
  }
}

export function garbled(why: string): ColdError {
  return new ColdError('unreachable', `the provider's reply cannot be read: ${why}`);
}
