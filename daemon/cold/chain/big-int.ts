/** As Filecoin's CBOR has it: zero is nothing; else a byte for the sign, which is never negative here, and the magnitude from its highest byte. */
export function bigIntBytes(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  if (value < 0n) throw new RangeError('no negative amount is ever sent');
  const hex = value.toString(16);
  return Buffer.from(`00${hex.length % 2 === 0 ? '' : '0'}${hex}`, 'hex');
}
