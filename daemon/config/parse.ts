import { parse as parseToml, TomlError } from 'smol-toml';

import { FbpdError } from '../domain/errors.ts';
import { contradictionIn } from './contradictions.ts';
import { SECTIONS, type Settings } from './keys.ts';
import type { Base, Key } from './kinds.ts';
import { closest } from './similar.ts';

type Section = keyof typeof SECTIONS;
type Table = Record<string, unknown>;

/**
 * Reads the text of a config file: every key known, well-formed and in keeping with the others.
 *
 * @param file - its path, for the messages.
 * @throws FbpdError `BAD_CONFIG`; `subject` is the key.
 */
export function parseSettings(text: string, file: string, base: Base): Settings {
  const refuse = (subject: string | undefined, message: string): never => {
    throw new FbpdError('BAD_CONFIG', `${file}: ${message}`, subject === undefined ? {} : { subject });
  };
  const document = tableOf(text, refuse);
  for (const [name, value] of Object.entries(document)) {
    if (!Object.hasOwn(SECTIONS, name)) refuse(name, unknownSection(name, value));
    if (!isTable(value)) refuse(name, `${name} is a section, so it is written [${name}]`);
  }
  const settings = Object.fromEntries(
    (Object.keys(SECTIONS) as Section[]).map((name) => [name, parseSection(name, (document[name] ?? {}) as Table, base, refuse)]),
  ) as Settings;
  const contradiction = contradictionIn(settings, (name) => isSet(document, name));
  if (contradiction !== undefined) refuse(contradiction.key, `${contradiction.key} ${contradiction.problem}`);
  return settings;
}

type Refuse = (subject: string | undefined, message: string) => never;

function tableOf(text: string, refuse: Refuse): Table {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [summary = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    return refuse(undefined, `line ${error.line}, column ${error.column}: ${summary}`);
  }
}

function parseSection(section: Section, table: Table, base: Base, refuse: Refuse): Record<string, unknown> {
  const keys = Object.entries<Key<unknown>>(SECTIONS[section]);
  for (const name of Object.keys(table)) {
    if (!keys.some(([, key]) => key.name === name)) refuse(`${section}.${name}`, unknownKey(section, name));
  }
  return Object.fromEntries(
    keys.map(([property, key]) => {
      const raw = table[key.name] ?? key.fallback;
      try {
        return [property, raw === undefined ? undefined : key.parse(raw, base)];
      } catch (error) {
        return refuse(`${section}.${key.name}`, `${section}.${key.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }),
  );
}

/** Every key as `section.name`. */
function allKeyNames(): string[] {
  return Object.entries<Record<string, Key<unknown>>>(SECTIONS).flatMap(([section, keys]) =>
    Object.values(keys).map((key) => `${section}.${key.name}`),
  );
}

function unknownKey(section: Section, name: string): string {
  return `unknown key ${section}.${name}${hint(closest(`${section}.${name}`, allKeyNames()))}`;
}

function unknownSection(name: string, value: unknown): string {
  const what = isTable(value) ? `unknown section [${name}]` : `unknown key ${name} outside any section`;
  const candidates = isTable(value) ? Object.keys(SECTIONS) : allKeyNames();
  return `${what}${hint(closest(name, candidates))}`;
}

function hint(candidate: string | undefined): string {
  return candidate === undefined ? '; `fbpd init --stdout` prints every key there is' : `; did you mean ${candidate}?`;
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isSet(document: Table, name: string): boolean {
  const [section = '', key = ''] = name.split('.');
  const table = document[section];
  return isTable(table) && table[key] !== undefined;
}
