import { CID } from 'multiformats/cid';

/** What mk12's messages are made of. Integers beyond 2^53 do not occur. */
export type Cbor = number | string | boolean | null | Uint8Array | CID | readonly Cbor[] | ReadonlyMap<string, Cbor>;

/** Bytes that Go's generated decoders refuse. */
export class CborError extends Error {
  override readonly name = 'CborError';
}

const LINK_TAG = 42;
const DEPTH_MAX = 16;
/** Of cbor-gen: an array's items, a text's or byte string's bytes. */
const ITEMS_MAX = 8_192;
const BYTES_MAX = 2 << 20;

/** Not all of the item is here yet. */
const INCOMPLETE = Symbol('incomplete');

/**
 * The one item at the beginning of the bytes, and where it ends; undefined while it is incomplete. Written for this network alone,
 * so that no mistake of a client's codec can agree with one of its own.
 *
 * @throws CborError
 */
export function readItem(bytes: Uint8Array): { value: Cbor; end: number } | undefined {
  const reader = new Reader(bytes);
  try {
    return { value: reader.item(0), end: reader.at };
  } catch (error) {
    if (error === INCOMPLETE) return undefined;
    throw error;
  }
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  item(depth: number): Cbor {
    if (depth > DEPTH_MAX) throw new CborError('nested too deep');
    const [first = 0] = this.#take(1);
    const major = first >> 5;
    if (major === 7) return simple(first & 31);
    const argument = this.#argument(first & 31);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return this.#take(within(argument, BYTES_MAX)).slice();
      case 3:
        return new TextDecoder('utf-8', { fatal: true }).decode(this.#take(within(argument, BYTES_MAX)));
      case 4:
        return this.#items(within(argument, ITEMS_MAX), depth);
      case 5:
        return this.#map(within(argument, ITEMS_MAX), depth);
      default:
        return this.#link(argument, depth);
    }
  }

  #items(count: number, depth: number): Cbor[] {
    const items: Cbor[] = [];
    while (items.length < count) items.push(this.item(depth + 1));
    return items;
  }

  #map(count: number, depth: number): Map<string, Cbor> {
    const map = new Map<string, Cbor>();
    for (let left = count; left > 0; left -= 1) {
      const key = this.item(depth + 1);
      if (typeof key !== 'string') throw new CborError('a key that is no text');
      map.set(key, this.item(depth + 1));
    }
    return map;
  }

  #link(tag: number, depth: number): CID {
    const bytes = this.item(depth + 1);
    if (tag !== LINK_TAG || !(bytes instanceof Uint8Array) || bytes[0] !== 0) throw new CborError('a tag that is no link');
    try {
      return CID.decode(bytes.subarray(1));
    } catch {
      throw new CborError('a link that is no CID');
    }
  }

  #argument(info: number): number {
    if (info < 24) return info;
    if (info > 27) throw new CborError('an indefinite length');
    const width = 2 ** (info - 24);
    const start = this.at;
    this.#take(width);
    const value =
      width === 1
        ? this.#view.getUint8(start)
        : width === 2
          ? this.#view.getUint16(start)
          : width === 4
            ? this.#view.getUint32(start)
            : Number(this.#view.getBigUint64(start));
    if (!Number.isSafeInteger(value)) throw new CborError('an integer beyond 2^53');
    return value;
  }

  #take(count: number): Uint8Array {
    if (this.at + count > this.#bytes.length) throw INCOMPLETE;
    this.at += count;
    return this.#bytes.subarray(this.at - count, this.at);
  }
}

function simple(info: number): boolean | null {
  if (info === 20 || info === 21) return info === 21;
  if (info === 22) return null;
  throw new CborError('a float or an unknown simple value');
}

function within(count: number, most: number): number {
  if (count > most) throw new CborError(`${count} is more than ${most}`);
  return count;
}
