/** `JSON.parse` with a reviver that sees the source text, and `JSON.rawJSON`: in every Node we run on, not yet in TypeScript's types. */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  stringify(value: unknown, replacer: (key: string, value: unknown) => unknown): string;
  rawJSON(text: string): unknown;
};

/** Integers beyond 2^53 become bigints. */
export function parseJson(text: string): unknown {
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value,
  );
}

/** Bigints become numbers of any size, and `<`, `>`, `&` are escaped as Go's encoder does. */
export function stringifyJson(value: unknown): string {
  const text = json.stringify(value, (_key, one) => (typeof one === 'bigint' ? json.rawJSON(one.toString()) : one));
  return text.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
}
