/** attoFIL in one FIL. */
const ATTO_PER_FIL = 10n ** 18n;
const DECIMALS = 18;

/** Decimal places by which each unit lies above attoFIL. */
const UNIT_DECIMALS = { FIL: 18, milliFIL: 15, microFIL: 12, nanoFIL: 9, picoFIL: 6, femtoFIL: 3, attoFIL: 0 } as const;

/** `"0.05 FIL"`, `"250 nanoFIL"`, `"1attoFIL"` → attoFIL, exactly. Undefined when it is none of these or finer than one attoFIL. */
export function parseAttoFil(text: string): bigint | undefined {
  const match = /^(\d+)(?:\.(\d+))?\s*([a-z]*FIL)$/.exec(text.trim());
  const [, whole = '', fraction = '', unit = ''] = match ?? [];
  if (match === null || !Object.hasOwn(UNIT_DECIMALS, unit)) return undefined;
  const decimals = UNIT_DECIMALS[unit as keyof typeof UNIT_DECIMALS];
  const kept = fraction.slice(0, decimals).padEnd(decimals, '0');
  if (/[1-9]/.test(fraction.slice(decimals))) return undefined;
  return BigInt(`${whole}${kept}`);
}

/** For people: `1.5 FIL`, `0 FIL`, `0.000000000000000001 FIL`; exact. */
export function formatFil(atto: bigint): string {
  const sign = atto < 0n ? '-' : '';
  const amount = atto < 0n ? -atto : atto;
  const fraction = (amount % ATTO_PER_FIL).toString().padStart(DECIMALS, '0').replace(/0+$/, '');
  return `${sign}${amount / ATTO_PER_FIL}${fraction === '' ? '' : `.${fraction}`} FIL`;
}
