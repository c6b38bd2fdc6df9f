/** CRC-32C (Castagnoli), which LevelDB's log uses and Node's zlib has not. Eight table look-ups take eight bytes. */
const POLYNOMIAL = 0x82f63b78;
const TABLES = buildTables();

/** CRC-32C of `data[start..end)`, unsigned. */
export function crc32c(data: Buffer, start: number, end: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ data.readInt32LE(at);
    const high = data.readInt32LE(at + 4);
    crc =
      look(t7, low) ^
      look(t6, low >>> 8) ^
      look(t5, low >>> 16) ^
      look(t4, low >>> 24) ^
      look(t3, high) ^
      look(t2, high >>> 8) ^
      look(t1, high >>> 16) ^
      look(t0, high >>> 24);
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ look(t0, crc ^ data.readUInt8(at));
  return ~crc >>> 0;
}

/** The inverse of what LevelDB does to a CRC before it stores it beside the data it covers. */
export function unmaskCrc(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

type Table = Int32Array;

function look(table: Table, index: number): number {
  return table[index & 0xff] ?? 0;
}

function buildTables(): readonly [Table, Table, Table, Table, Table, Table, Table, Table] {
  const first = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  const next = (table: Table): Table => table.map((crc) => (crc >>> 8) ^ look(first, crc));
  const t1 = next(first);
  const t2 = next(t1);
  const t3 = next(t2);
  const t4 = next(t3);
  const t5 = next(t4);
  const t6 = next(t5);
  return [first, t1, t2, t3, t4, t5, t6, next(t6)];
}
