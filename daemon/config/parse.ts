import { parse as parseToml, TomlError } from 'smol-toml';

import { FbpdError } from '../domain/errors.ts';
import { coldContradictionIn } from './cold-contradictions.ts';
import { contradictionIn } from './contradictions.ts';
import { SECTIONS, type Settings, type Written } from './keys.ts';
import type { Base, Key } from './kinds.ts';
import { parsePolicies } from './policies.ts';
import { closest } from './similar.ts';
import { hint, isTable, parseKeys, type Refuse, type Table } from './table.ts';

type Section = keyof typeof SECTIONS;

/**
 * Reads the text of a config file: every key known, well-formed and in keeping with the others.
 *
 * @param file - its path, for the messages.
 * @throws FbpdError `BAD_CONFIG`; `subject` is the key.
 */
export function parseSettings(text: string, file: string, base: Base): Settings {
  const refuse: Refuse = (subject, message) => {
    throw new FbpdError('BAD_CONFIG', `${file}: ${message}`, subject === undefined ? {} : { subject });
  };
  const { policies, ...document } = tableOf(text, refuse);
  for (const [name, value] of Object.entries(document)) {
    if (!Object.hasOwn(SECTIONS, name)) refuse(name, unknownSection(name, value));
    if (!isTable(value)) refuse(name, `${name} is a section, so it is written [${name}]`);
  }
  const known = allKeyNames();
  const parse = (name: Section) => parseKeys(name, SECTIONS[name], (document[name] ?? {}) as Table, base, refuse, known);
  const parsed = parsePolicies(policies, base, refuse);
  const written = Object.fromEntries((Object.keys(SECTIONS) as Section[]).map((name) => [name, parse(name)])) as unknown as Written;
  const settings: Settings = {
    ...written,
    cold: { ...written.cold, maker: written.cold.maker ?? makerFor(written) },
    policies: parsed.map(({ cold }) => cold),
    hotPolicies: parsed.map(({ hot }) => hot),
  };
  const contradiction = contradictionIn(settings, (name) => isSet(document, name)) ?? coldContradictionIn(settings);
  if (contradiction !== undefined) refuse(contradiction.key, `${contradiction.key} ${contradiction.problem}`);
  return settings;
}

/** Who names a Lotus node wants deals, and there is one market that is open to everybody. */
function makerFor({ lotus }: Written): Settings['cold']['maker'] {
  return lotus.rpc === undefined ? 'none' : 'mk12';
}

function tableOf(text: string, refuse: Refuse): Table {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [summary = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    return refuse(undefined, `line ${error.line}, column ${error.column}: ${summary}`);
  }
}

/** Every key as `section.name`. */
function allKeyNames(): string[] {
  return Object.entries<Record<string, Key<unknown>>>(SECTIONS).flatMap(([section, keys]) =>
    Object.values(keys).map((key) => `${section}.${key.name}`),
  );
}

function unknownSection(name: string, value: unknown): string {
  const what = isTable(value) ? `unknown section [${name}]` : `unknown key ${name} outside any section`;
  const candidates = isTable(value) ? [...Object.keys(SECTIONS), 'policies'] : allKeyNames();
  return `${what}${hint(closest(name, candidates))}`;
}

function isSet(document: Table, name: string): boolean {
  const [section = '', key = ''] = name.split('.');
  const table = document[section];
  return isTable(table) && table[key] !== undefined;
}
