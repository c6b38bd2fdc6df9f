import { SECTION_DOCS, SECTIONS } from './keys.ts';
import type { Key, TomlValue } from './kinds.ts';

type Section = keyof typeof SECTIONS;

/** Values that differ from the defaults, as `section.name`. */
export type Overrides = Readonly<Record<string, TomlValue>>;

/** A config file with every key in it: what `overrides` names is set, everything else is commented out at its default. */
export function renderConfigFile(heading: string, overrides: Overrides = {}): string {
  const sections = sectionNames().map((section) => renderSection(section, overrides));
  return `${[comment(heading), ...sections].join('\n\n')}\n`;
}

function renderSection(section: Section, overrides: Overrides): string {
  const keys = keysOf(section).map((key) => {
    const set = overrides[`${section}.${key.name}`];
    const line = set === undefined ? `# ${key.name} = ${tomlOf(key.fallback ?? key.example ?? '')}` : `${key.name} = ${tomlOf(set)}`;
    return `${comment(key.doc)}\n${line}`;
  });
  return [`# ${SECTION_DOCS[section]}\n[${section}]`, ...keys].join('\n\n');
}

/** The README's table of keys. */
export function renderMarkdownTable(): string {
  const rows = sectionNames().flatMap((section) =>
    keysOf(section).map((key) => {
      const fallback = key.fallback === undefined ? `none; e.g. \`${tomlOf(key.example ?? '')}\`` : `\`${tomlOf(key.fallback)}\``;
      return `| \`${section}.${key.name}\` | ${fallback} | ${key.doc.replaceAll('|', '\\|')} |`;
    }),
  );
  return ['| Key | Default | What it does |', '|---|---|---|', ...rows].join('\n');
}

function sectionNames(): Section[] {
  return Object.keys(SECTIONS) as Section[];
}

function keysOf(section: Section): Key<unknown>[] {
  return Object.values<Key<unknown>>(SECTIONS[section]);
}

/** TOML's basic strings escape as JSON's do. */
function tomlOf(value: TomlValue): string {
  return typeof value === 'object' ? `[${value.map((item) => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value);
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
