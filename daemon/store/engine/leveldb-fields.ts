/** What fbpd reads out of LevelDB's own records: the operations of a write batch and one field of the manifest. */

export interface LoggedPut {
  key: Buffer;
  value: Buffer;
}

/** Sequence number and count, which precede the operations of a batch. */
const BATCH_HEADER_SIZE_BYTES = 12;
const BATCH_DELETION = 0;
const BATCH_PUT = 1;

/** The puts of a write batch, in order. @throws RangeError when it is malformed */
export function putsOfBatch(batch: Buffer): LoggedPut[] {
  const fields = new Fields(batch, BATCH_HEADER_SIZE_BYTES);
  const puts: LoggedPut[] = [];
  while (!fields.ended) {
    const type = fields.byte();
    if (type !== BATCH_PUT && type !== BATCH_DELETION) throw new RangeError(`unknown operation ${type} in a batch`);
    const key = fields.bytes();
    if (type === BATCH_PUT) puts.push({ key, value: fields.bytes() });
  }
  return puts;
}

const TAG_COMPARATOR = 1;
const TAG_LOG_NUMBER = 2;
const TAG_NEXT_FILE = 3;
const TAG_LAST_SEQUENCE = 4;
const TAG_COMPACT_POINTER = 5;
const TAG_DELETED_FILE = 6;
const TAG_NEW_FILE = 7;
const TAG_PREVIOUS_LOG = 9;

/**
 * The number of the oldest write-ahead log that a version edit of the manifest still counts on, if it says so.
 *
 * @throws RangeError when the edit is malformed
 */
export function logNumberOfEdit(edit: Buffer): number | undefined {
  const fields = new Fields(edit, 0);
  let logNumber: number | undefined;
  while (!fields.ended) {
    const tag = fields.varint();
    if (tag === TAG_LOG_NUMBER) logNumber = fields.varint();
    else if (!skipField(fields, tag)) throw new RangeError(`unknown tag ${tag} in a version edit`);
  }
  return logNumber;
}

function skipField(fields: Fields, tag: number): boolean {
  switch (tag) {
    case TAG_COMPARATOR:
      fields.bytes();
      return true;
    case TAG_NEXT_FILE:
    case TAG_LAST_SEQUENCE:
    case TAG_PREVIOUS_LOG:
      fields.varint();
      return true;
    case TAG_COMPACT_POINTER:
      fields.varint();
      fields.bytes();
      return true;
    case TAG_DELETED_FILE:
      fields.varint();
      fields.varint();
      return true;
    case TAG_NEW_FILE:
      for (let number = 0; number < 3; number += 1) fields.varint();
      fields.bytes();
      fields.bytes();
      return true;
    default:
      return false;
  }
}

/** A cursor over varints and length-prefixed bytes. Reading past the end throws a RangeError. */
class Fields {
  readonly #data: Buffer;
  #at: number;

  constructor(data: Buffer, at: number) {
    this.#data = data;
    this.#at = at;
  }

  get ended(): boolean {
    return this.#at >= this.#data.length;
  }

  byte(): number {
    const byte = this.#data.readUInt8(this.#at);
    this.#at += 1;
    return byte;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; factor < Number.MAX_SAFE_INTEGER; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint has too many bytes');
  }

  bytes(): Buffer {
    const size = this.varint();
    const end = this.#at + size;
    if (end > this.#data.length) throw new RangeError('a field ends behind its record');
    const bytes = this.#data.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }
}
