import { type Base, FieldError, type Key } from './kinds.ts';
import { closest } from './similar.ts';

export type Table = Record<string, unknown>;

/** Throws `BAD_CONFIG` about a key. */
export type Refuse = (subject: string | undefined, message: string) => never;

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/**
 * The values of one section, by the names that the code uses.
 *
 * @param others - what else a mistyped key may have been meant to be, as `section.name`.
 */
export function parseKeys(
  section: string,
  keys: Readonly<Record<string, Key<unknown>>>,
  table: Table,
  base: Base,
  refuse: Refuse,
  others: readonly string[] = [],
): Record<string, unknown> {
  const names = Object.values(keys).map(({ name }) => name);
  const stray = Object.keys(table).find((name) => !names.includes(name));
  if (stray !== undefined) {
    const candidates = [...names.map((name) => `${section}.${name}`), ...others];
    refuse(`${section}.${stray}`, `unknown key ${section}.${stray}${hint(closest(`${section}.${stray}`, candidates))}`);
  }
  return Object.fromEntries(
    Object.entries(keys).map(([property, key]) => {
      const raw = table[key.name] ?? key.fallback;
      try {
        return [property, raw === undefined ? undefined : key.parse(raw, base)];
      } catch (error) {
        const name = [section, key.name, ...(error instanceof FieldError ? [error.field] : [])].join('.');
        return refuse(name, `${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }),
  );
}

export function hint(candidate: string | undefined): string {
  return candidate === undefined ? '; `fbpd init --stdout` prints every key there is' : `; did you mean ${candidate}?`;
}
