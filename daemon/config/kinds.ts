import { isIP } from 'node:net';
import { resolve } from 'node:path';

import cron from 'node-cron';

import { parseDurationMs, parseSizeBytes } from '../domain/units.ts';

/** A value as TOML writes it. */
export type TomlValue = string | number | boolean | readonly string[] | Readonly<Record<string, number | string>>;

/** What a value is read against. */
export interface Base {
  /** Relative paths in the file start here: the directory of the file. */
  dir: string;
}

/** One key of the config file: everything that is known about it stands here and nowhere else. */
export interface Key<T> {
  /** Its name in TOML. */
  name: string;
  /** One sentence for the commented file and the README. */
  doc: string;
  /** What a value looks like, in words: "a size such as "31GiB"". */
  kind: string;
  /** The value when the file has none; undefined makes the key optional. */
  fallback: TomlValue | undefined;
  /** Shown, commented out, where there is no fallback. */
  example: TomlValue | undefined;
  /** @throws Error whose message says what was expected; the caller adds the key's name. */
  parse(raw: unknown, base: Base): T;
}

interface Described<F extends TomlValue | undefined> {
  doc: string;
  fallback: F;
  example?: TomlValue;
}

/** The parsed type: an optional key may be undefined. */
type Parsed<T, F> = F extends undefined ? T | undefined : T;

function key<T, F extends TomlValue | undefined>(
  name: string,
  kind: string,
  { doc, fallback, example }: Described<F>,
  parse: (raw: unknown, base: Base) => T,
): Key<Parsed<T, F>> {
  // An absent optional key never reaches `parse`: see `parseSection`.
  return { name, doc, kind, fallback, example, parse: parse as (raw: unknown, base: Base) => Parsed<T, F> };
}

/** Makes the builder of one kind of key. */
export function kindOf<T>(kind: string, parse: (raw: unknown, base: Base) => T | undefined) {
  return <F extends TomlValue | undefined>(name: string, described: Described<F>): Key<Parsed<T, F>> =>
    key(name, kind, described, (raw, base) => {
      const value = parse(raw, base);
      if (value === undefined) throw new Error(`expected ${kind}, got ${JSON.stringify(raw)}`);
      return value;
    });
}

/** A value within a table that is wrong; `field` is its name there. */
export class FieldError extends Error {
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** What may stand in a table, by its name in TOML. */
type Fields = Readonly<Record<string, { kind: string; parse: (raw: unknown) => unknown }>>;
type FieldValues<F extends Fields> = { [N in keyof F]: NonNullable<ReturnType<F[N]['parse']>> };

/** Reads a table with just these fields. @throws FieldError about the one that is wrong, missing or unknown. */
export const fieldsOf =
  <F extends Fields>(fields: F) =>
  (raw: unknown): FieldValues<F> | undefined => {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return undefined;
    const table = raw as Record<string, unknown>;
    const stray = Object.keys(table).find((name) => !Object.hasOwn(fields, name));
    if (stray !== undefined) throw new FieldError(stray, `unknown key; there are ${Object.keys(fields).join(' and ')}`);
    const values = Object.entries(fields).map(([name, { kind, parse }]) => {
      const value = table[name] === undefined ? undefined : parse(table[name]);
      if (value !== undefined) return [name, value];
      const got = table[name] === undefined ? 'but it is not there' : `got ${JSON.stringify(table[name])}`;
      throw new FieldError(name, `expected ${kind}, ${got}`);
    });
    return Object.fromEntries(values) as FieldValues<F>;
  };

/** Reads a text. */
export const onText =
  <T>(parse: (text: string, base: Base) => T | undefined) =>
  (raw: unknown, base: Base): T | undefined =>
    typeof raw === 'string' ? parse(raw, base) : undefined;

/** Reads a list of texts. */
export const listOf =
  (parse: (text: string) => string | undefined) =>
  (raw: unknown): readonly string[] | undefined => {
    if (!Array.isArray(raw)) return undefined;
    const items = raw.map((item) => (typeof item === 'string' ? parse(item) : undefined));
    return items.every((item): item is string => item !== undefined) ? items : undefined;
  };

export const size = kindOf('a size such as "31GiB"', onText(parseSizeBytes));
export const duration = kindOf('a duration such as "5m" or "30d"', onText(parseDurationMs));
export const bool = kindOf('true or false', (raw) => (typeof raw === 'boolean' ? raw : undefined));
export const text = kindOf(
  'a text',
  onText((value) => (value === '' ? undefined : value)),
);
export const path = kindOf(
  'a path',
  onText((value, base) => (value === '' ? undefined : resolve(base.dir, value))),
);
export const count = kindOf('a whole number of at least 1', (raw) =>
  Number.isSafeInteger(raw) && Number(raw) >= 1 ? Number(raw) : undefined,
);
export const countOrOff = kindOf('a whole number, 0 for no limit', (raw) =>
  Number.isSafeInteger(raw) && Number(raw) >= 0 ? Number(raw) : undefined,
);
export const fraction = kindOf('a part such as 0.9, more than 0 and at most 1', (raw) =>
  typeof raw === 'number' && raw > 0 && raw <= 1 ? raw : undefined,
);
export const port = kindOf('a port, 0 for any free one', (raw) =>
  Number.isInteger(raw) && Number(raw) >= 0 && Number(raw) <= 65_535 ? Number(raw) : undefined,
);
export const schedule = kindOf(
  'a cron expression such as "30 4 * * *"',
  onText((value) => {
    const { valid, errors } = cron.validateDetailed(value);
    // The only thing that it says of a day of the month in well-formed fields: 31 February, and the like.
    if (errors.some(({ message }) => message.includes('impossible day of month')))
      throw new Error(`${JSON.stringify(value)} never comes: none of its months has such a day`);
    return valid ? value : undefined;
  }),
);
export const httpUrl = kindOf('an http or https URL', onText(parseHttpUrl));
export const listen = kindOf('an address and port such as "127.0.0.1:5080" or "[::1]:5080"', onText(parseListen));
export const networks = kindOf('a list of addresses or networks such as ["10.0.0.0/8"]', listOf(parseNetwork));
export const addresses = kindOf(
  'a list of addresses such as ["0.0.0.0", "::"]',
  listOf((item) => (isIP(item) > 0 ? item : undefined)),
);
export const multiaddrs = kindOf(
  'a list of multiaddrs such as ["/ip4/203.0.113.7/tcp/4101"]',
  listOf((item) => (/^\/[a-z0-9-]+\/.+/.test(item) ? item : undefined)),
);
export const origins = kindOf('a list of origins such as ["https://app.example.org"], or ["*"]', listOf(parseOrigin));

/** A key whose value is one of a few words. */
export function oneOf<const W extends string>(words: readonly W[]) {
  return kindOf(
    `one of ${words.map((word) => `"${word}"`).join(', ')}`,
    onText((value) => words.find((word) => word === value)),
  );
}

export interface ListenAddress {
  /** An IP address without brackets, or a host name. */
  host: string;
  /** 0 means any free one. */
  port: number;
}

function parseListen(value: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const number = Number(match?.[3]);
  if (host === undefined || number > 65_535) return undefined;
  return match?.[1] !== undefined && isIP(host) !== 6 ? undefined : { host, port: number };
}

function parseNetwork(value: string): string | undefined {
  const [address = '', bits, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  if (bits === undefined) return value;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128) ? value : undefined;
}

function parseOrigin(value: string): string | undefined {
  return value === '*' || (isHttpUrl(value) && new URL(value).origin === value) ? value : undefined;
}

/** Without slashes at its end. */
export function parseHttpUrl(value: string): string | undefined {
  return isHttpUrl(value) ? value.replace(/\/+$/, '') : undefined;
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}
