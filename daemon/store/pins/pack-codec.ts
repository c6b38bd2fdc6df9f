import type { RosterEntry } from './roster-entry.ts';

/** Rows of a full pack: some 25 KiB. */
export const PACK_ROWS = 512;

export interface PackedRow {
  createdMs: number;
  entry: RosterEntry;
}

/** Each row: `created` in 6 bytes, the length of its entry in 4, both little-endian, then the entry. */
const CREATED_SIZE_BYTES = 6;
const HEAD_SIZE_BYTES = 10;

export function encodePack(rows: readonly PackedRow[]): Uint8Array {
  const size = rows.reduce((sum, { entry }) => sum + HEAD_SIZE_BYTES + entry.length, 0);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { createdMs, entry } of rows) {
    bytes.writeUIntLE(createdMs, at, CREATED_SIZE_BYTES);
    bytes.writeUInt32LE(entry.length, at + CREATED_SIZE_BYTES);
    bytes.set(entry, at + HEAD_SIZE_BYTES);
    at += HEAD_SIZE_BYTES + entry.length;
  }
  return bytes;
}

/** Calls back for each row, in order. */
export function decodePack(pack: Uint8Array, onRow: (createdMs: number, entry: RosterEntry) => void): void {
  const bytes = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const createdMs = bytes.readUIntLE(at, CREATED_SIZE_BYTES);
    const end = at + HEAD_SIZE_BYTES + bytes.readUInt32LE(at + CREATED_SIZE_BYTES);
    onRow(createdMs, bytes.subarray(at + HEAD_SIZE_BYTES, end));
    at = end;
  }
}
