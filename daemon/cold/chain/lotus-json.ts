/** Of one number in the text that `JSON.parse` reads. */
interface Source {
  source?: string;
}

/** In V8 since Node 21; TypeScript's library does not have it yet. */
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown };

const INTEGER = /^-?\d+$/;
/** The shortest number that may be beyond 2^53 has sixteen digits: without such a run nothing can be lost. */
const MAY_BE_LARGE = /\d{16}/;

/**
 * JSON whose integers stay what they are: one beyond 2^53 becomes a bigint. Lotus's ids of imports, retrievals and
 * transfers are such numbers. Throws a SyntaxError.
 */
export function parseLotusJson(text: string): unknown {
  return MAY_BE_LARGE.test(text) ? JSON.parse(text, keepInteger) : JSON.parse(text);
}

function keepInteger(_key: string, value: unknown, context?: Source): unknown {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || Number.isSafeInteger(value)) return value;
  return INTEGER.test(source) ? BigInt(source) : value;
}

/** The other way: bigints are written as numbers, digit by digit. */
export function writeLotusJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? rawJSON(part.toString()) : part));
}
