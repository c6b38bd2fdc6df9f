import { crc32 } from 'node:zlib';

import { FbpdError } from '../../domain/errors.ts';
import type { StoredValue, Versioned } from '../../domain/ports.ts';

/**
 * One record on disk:
 *
 * | bytes | what |
 * |---|---|
 * | 0..3 | CRC-32 of the key and of everything behind these four bytes, little-endian |
 * | 4 | 1: the payload is JSON, 2: it is bytes |
 * | 5..10 | version: sequence number of the commit that wrote it, little-endian |
 * | 11.. | payload |
 *
 * LevelDB checks nothing when it reads, so every record carries its own checksum; the key is part of it because a
 * damaged table can also show a good value under a wrong key.
 */
const HEADER_SIZE_BYTES = 11;
const FLAG_OFFSET = 4;
const VERSION_OFFSET = 5;
const VERSION_SIZE_BYTES = 6;
const FLAG_JSON = 1;
const FLAG_BYTES = 2;

/** A record that still lacks its version and checksum: they are known only when its commit is judged. */
export type OpenRecord = Buffer;

/** Encodes the payload now, so that the caller may change the value afterwards. */
export function openRecord(value: StoredValue): OpenRecord {
  if (value instanceof Uint8Array) {
    const record = Buffer.allocUnsafe(HEADER_SIZE_BYTES + value.byteLength);
    record[FLAG_OFFSET] = FLAG_BYTES;
    record.set(value, HEADER_SIZE_BYTES);
    return record;
  }
  const json = JSON.stringify(value);
  const record = Buffer.allocUnsafe(HEADER_SIZE_BYTES + Buffer.byteLength(json));
  record[FLAG_OFFSET] = FLAG_JSON;
  record.write(json, HEADER_SIZE_BYTES);
  return record;
}

/** Writes version and checksum into the record, which is complete then. */
export function sealRecord(key: string, record: OpenRecord, version: number): Buffer {
  record.writeUIntLE(version, VERSION_OFFSET, VERSION_SIZE_BYTES);
  record.writeUInt32LE(checksum(key, record), 0);
  return record;
}

/** True when the record is whole and belongs to this key. */
export function isIntact(key: string, record: Buffer): boolean {
  return record.byteLength >= HEADER_SIZE_BYTES && record.readUInt32LE(0) === checksum(key, record);
}

/** @throws FbpdError `STORE_DAMAGED` with the key as subject. */
export function decodeRecord<T extends StoredValue>(key: string, record: Buffer): Versioned<T> {
  const version = versionOf(key, record);
  const payload = record.subarray(HEADER_SIZE_BYTES);
  const value: unknown = record[FLAG_OFFSET] === FLAG_BYTES ? payload : JSON.parse(payload.toString());
  return { value: value as T, version };
}

/**
 * The version alone, of a record that was checked.
 *
 * @throws FbpdError `STORE_DAMAGED` with the key as subject.
 */
export function versionOf(key: string, record: Buffer): number {
  if (!isIntact(key, record)) throw damagedRecord(key);
  return record.readUIntLE(VERSION_OFFSET, VERSION_SIZE_BYTES);
}

function damagedRecord(key: string): FbpdError {
  return new FbpdError(
    'STORE_DAMAGED',
    `store: the record ${JSON.stringify(key)} does not match its checksum: run "fbpd check" to see all that is damaged, then restore the store from a backup`,
    { subject: key },
  );
}

function checksum(key: string, record: Buffer): number {
  return crc32(record.subarray(FLAG_OFFSET), crc32(key));
}
