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
