/**
 * Where a reply differs in shape from the recorded one: keys, types, null or not, arrays, and what kind of text a text is.
 * Lengths of arrays and the values themselves may differ.
 */
export function differences(actual: unknown, recorded: unknown, at = '$'): string[] {
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    const [example] = recorded;
    return example === undefined ? [] : actual.flatMap((one, index) => differences(one, recorded[index] ?? example, `${at}[${index}]`));
  }
  if (isRecord(recorded) && isRecord(actual)) return differingKeys(actual, recorded, at);
  const [is, was] = [kindOf(actual), kindOf(recorded)];
  return is === was ? [] : [`${at}: ${is}, recorded: ${was}`];
}

function differingKeys(actual: Record<string, unknown>, recorded: Record<string, unknown>, at: string): string[] {
  const missing = Object.keys(recorded).filter((key) => !Object.hasOwn(actual, key));
  const added = Object.keys(actual).filter((key) => !Object.hasOwn(recorded, key));
  const common = Object.keys(recorded).filter((key) => Object.hasOwn(actual, key));
  return [
    ...missing.map((key) => `${at}.${key}: absent`),
    ...added.map((key) => `${at}.${key}: not recorded`),
    ...common.flatMap((key) => differences(actual[key], recorded[key], `${at}.${key}`)),
  ];
}

/** A message with everything in it that is a name or a number replaced: its form. */
export function formOf(message: string): string {
  return message
    .replaceAll(/\b(baf|bag|Qm)[A-Za-z0-9]{20,}/g, 'CID')
    .replaceAll(/\b[ft][0-3][a-z0-9]+\b/g, 'ADDRESS')
    .replaceAll(/(?<= )\/[\w./-]+/g, 'PATH')
    .replaceAll(/\d+/g, 'N');
}

const KINDS: readonly (readonly [string, RegExp])[] = [
  ['decimal', /^-?\d+$/],
  ['time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/],
  ['CID', /^(baf|bag)[a-z2-7]{5,}$/],
  ['address', /^[ft][0-3][a-z0-9]+$/],
  ['peer', /^12D3Koo/],
];

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  // What is 0 or small in one run may be large in another; above 2^53 is a matter of design.
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'fraction';
  if (typeof value === 'bigint') return 'integer above 2^53';
  if (typeof value !== 'string') return typeof value;
  return KINDS.find(([, pattern]) => pattern.test(value))?.[0] ?? 'text';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
