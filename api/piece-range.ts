/** Bytes of a whole: `to` is not included. */
export interface Span {
  from: number;
  to: number;
}

/** One range, as RFC 9110 has it. */
const ONE = /^bytes=(?<first>\d*)-(?<last>\d*)$/i;

/**
 * The part that a Range header asks for. Undefined for the whole: without a header, and, as HTTP allows for what is not understood,
 * with one that is malformed or names several ranges. `none` when it begins at or behind the end.
 *
 * An end past the end of the whole is taken for the end: a provider's last range ends one byte past it.
 */
export function spanOf(header: string | undefined, sizeBytes: number): Span | 'none' | undefined {
  const { first = '', last = '' } = ONE.exec(header?.replaceAll(/[ \t]/g, '') ?? '')?.groups ?? {};
  if (first === '' && last === '') return undefined;
  if (first === '') return Number(last) === 0 ? 'none' : { from: Math.max(0, sizeBytes - Number(last)), to: sizeBytes };
  const from = Number(first);
  if (last !== '' && Number(last) < from) return undefined;
  if (from >= sizeBytes) return 'none';
  return { from, to: last === '' ? sizeBytes : Math.min(sizeBytes, Number(last) + 1) };
}
