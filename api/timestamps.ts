/** A moment as somebody wrote it, against a clock that counts milliseconds. */
export interface Instant {
  /** Milliseconds since 1970, rounded down. */
  ms: number;
  /** True when it was written finer than that, so it lies strictly between `ms` and `ms + 1`. */
  between: boolean;
}

// A space where the sign of an offset belongs is a plus that nobody escaped: in a query string `+` means a space.
const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(?:\.(\d{1,64}))?(?:([Zz])|([+\- ])(\d\d):(\d\d))$/;

const MINUTE_MS = 60_000;

/**
 * Parses an RFC 3339 date-time (section 5.6): any length of fraction, any offset, `t` and `z` in either case, leap seconds.
 * Undefined when it isn't one, or names a day or an hour that does not exist.
 */
export function parseTimestamp(text: string): Instant | undefined {
  const match = RFC_3339.exec(text);
  if (match === null) return undefined;
  const [, date = '', time = '', seconds = '', fraction = '', zulu, sign, offsetHours = '0', offsetMinutes = '0'] = match;
  const leap = seconds === '60';
  const wholeMs = Date.parse(`${date}T${time}:${leap ? '59' : seconds}Z`);
  // Date.parse turns 30 February into 2 March and 24:00 into the next day.
  if (Number.isNaN(wholeMs) || !new Date(wholeMs).toISOString().startsWith(`${date}T${time}`)) return undefined;
  const offset = zulu === undefined ? offsetMs(sign, Number(offsetHours), Number(offsetMinutes)) : 0;
  if (offset === undefined) return undefined;
  const fractionMs = Number(fraction.slice(0, 3).padEnd(3, '0'));
  return {
    ms: wholeMs + (leap ? 1000 : 0) + fractionMs - offset,
    between: /[1-9]/.test(fraction.slice(3)),
  };
}

function offsetMs(sign: string | undefined, hours: number, minutes: number): number | undefined {
  if (hours > 23 || minutes > 59) return undefined;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * MINUTE_MS;
}

/** RFC 3339 in UTC to the millisecond, `2020-07-27T17:32:28.276Z`: what JavaScript clients can hold without loss. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
