/**
 * RLE+, in which Filecoin's actors write sets of small numbers: bits from the lowest of the first byte on. After the
 * version (two zero bits) and the value of the first run come the runs, which take turns in value: `1` is a run of one,
 * `01` and four bits a short one, `00` and a varint a long one.
 *
 * Returns the members, rising, all below `limit`. Throws a TypeError for bytes that are none, or a set that goes beyond.
 */
export function readRlePlus(bytes: Uint8Array, limit: number): number[] {
  if (bytes.length === 0) return [];
  const bits = new Bits(bytes);
  if (bits.take(2) !== 0) throw new TypeError('a bit field of an unknown version');
  let isSet = bits.take(1) === 1;
  const members: number[] = [];
  for (let at = 0; bits.hasMore(); isSet = !isSet) {
    const length = runLength(bits);
    // Zeros that fill up the last byte read as a run of none.
    if (length === 0) break;
    if (at + length > limit) throw new TypeError('a bit field beyond what it is of');
    if (isSet) for (let one = at; one < at + length; one++) members.push(one);
    at += length;
  }
  return members;
}

/** The other way round: the members may come in any order. */
export function rlePlusOf(members: readonly number[]): Uint8Array {
  const sorted = [...new Set(members)].sort((a, b) => a - b);
  if (sorted.length === 0) return new Uint8Array(0);
  const bits = new BitsOut();
  bits.put(0, 2);
  bits.put(sorted[0] === 0 ? 1 : 0, 1);
  for (const length of runsOf(sorted)) putRun(bits, length);
  return bits.bytes();
}

/** Lengths that take turns in value; the first is of zeros, unless the first member is 0. */
function runsOf(sorted: readonly number[]): number[] {
  const runs: number[] = [];
  let end = 0;
  for (const [index, member] of sorted.entries()) {
    if (index > 0 && member === end) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    else runs.push(...(member > end ? [member - end] : []), 1);
    end = member + 1;
  }
  return runs;
}

function putRun(bits: BitsOut, length: number): void {
  if (length === 1) bits.put(1, 1);
  else if (length < 16) {
    bits.put(0b10, 2);
    bits.put(length, 4);
  } else {
    bits.put(0, 2);
    let left = length;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) bits.put((left % 0x80) | 0x80, 8);
    bits.put(left, 8);
  }
}

function runLength(bits: Bits): number {
  if (bits.take(1) === 1) return 1;
  if (bits.take(1) === 1) return bits.take(4);
  let length = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bits.take(8);
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return length;
  }
  throw new TypeError('a bit field with a run too long');
}

class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  hasMore(): boolean {
    return this.#at < this.#bytes.length * 8;
  }

  /** The next bits, the first one lowest; zeros past the end. */
  take(count: number): number {
    let value = 0;
    for (let one = 0; one < count; one++, this.#at++) value |= (((this.#bytes[this.#at >> 3] ?? 0) >> (this.#at & 7)) & 1) << one;
    return value;
  }
}

class BitsOut {
  readonly #bits: number[] = [];

  /** The lowest one first. */
  put(value: number, count: number): void {
    for (let one = 0; one < count; one++) this.#bits.push((value >> one) & 1);
  }

  bytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#bits.length / 8));
    for (const [at, bit] of this.#bits.entries()) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (bit << (at & 7));
    // Readers refuse zero bytes at the end.
    return bytes.subarray(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  }
}
