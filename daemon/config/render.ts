import { HOT_POLICY_DOC, HOT_POLICY_KEYS, POLICY_DOC, POLICY_KEYS } from './cold-keys.ts';
import { SECTION_DOCS, SECTIONS } from './keys.ts';
import type { Key, TomlValue } from './kinds.ts';
import { DEFAULT_POLICY } from './policies.ts';

/** Values that differ from the defaults, as `section.name`; of the policy `default`, as `policies.default.cold.name`. */
export type Overrides = Readonly<Record<string, TomlValue>>;

interface ShownSection {
  name: string;
  doc: string;
  keys: readonly Key<unknown>[];
}

/** A config file with every key in it: what `overrides` names is set, everything else is commented out at its default. */
export function renderConfigFile(heading: string, overrides: Overrides = {}): string {
  const sections = shownSections().map((section) => renderSection(section, overrides));
  return `${[comment(heading), ...sections].join('\n\n')}\n`;
}

function renderSection({ name, doc, keys }: ShownSection, overrides: Overrides): string {
  const lines = keys.map((key) => {
    const set = overrides[`${name}.${key.name}`];
    const line = set === undefined ? `# ${key.name} = ${tomlOf(key.fallback ?? key.example ?? '')}` : `${key.name} = ${tomlOf(set)}`;
    return `${comment(key.doc)}\n${line}`;
  });
  return [`${comment(doc)}\n[${name}]`, ...lines].join('\n\n');
}

/** The README's table of keys. */
export function renderMarkdownTable(): string {
  const rows = shownSections().flatMap(({ name, keys }) =>
    keys.map((key) => {
      const fallback = key.fallback === undefined ? `none; e.g. \`${tomlOf(key.example ?? '')}\`` : `\`${tomlOf(key.fallback)}\``;
      return `| \`${name.replace('.default.', '.NAME.')}.${key.name}\` | ${fallback} | ${key.doc.replaceAll('|', '\\|')} |`;
    }),
  );
  return ['| Key | Default | What it does |', '|---|---|---|', ...rows].join('\n');
}

/** The policies stand behind the providers that they choose from. */
function shownSections(): ShownSection[] {
  const policies: ShownSection[] = [
    { name: `policies.${DEFAULT_POLICY}.cold`, doc: POLICY_DOC, keys: Object.values<Key<unknown>>(POLICY_KEYS) },
    { name: `policies.${DEFAULT_POLICY}.hot`, doc: HOT_POLICY_DOC, keys: Object.values<Key<unknown>>(HOT_POLICY_KEYS) },
  ];
  return Object.entries<Record<string, Key<unknown>>>(SECTIONS).flatMap(([name, keys]) => {
    const section = { name, doc: SECTION_DOCS[name as keyof typeof SECTIONS], keys: Object.values(keys) };
    return name === 'providers' ? [section, ...policies] : [section];
  });
}

/** TOML's basic strings escape as JSON's do. */
function tomlOf(value: TomlValue): string {
  if (Array.isArray(value)) return `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const pairs = Object.entries(value).map(([name, item]) => `${name} = ${JSON.stringify(item)}`);
  return `{ ${pairs.join(', ')} }`;
}

const COMMENT_WIDTH_CHARS = 110;

function comment(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > COMMENT_WIDTH_CHARS) lines.push(`# ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
