import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { renderConfigFile, renderMarkdownTable } from '../../daemon/config/render.ts';
import { generate, specNames } from './generate-spec.ts';
import { ROOT } from './steps.ts';

const TABLE_START = '<!-- config table: made by npm run generate -->';
const TABLE_END = '<!-- end of config table -->';

/** A file, or a part of one, that is made from something else. */
export interface Generated {
  /** From the root of the repository. */
  file: string;
  /** What the whole file should be. */
  content: string;
}

/** Everything that is made, as it should be now. */
export async function allGenerated(): Promise<Generated[]> {
  const names = await specNames();
  const specs = await Promise.all(names.map(async (name) => ({ file: `spec/${name}.ts`, content: await generate(name) })));
  return [...specs, { file: 'systemd/fbpd.toml', content: exampleConfig() }, ...(await readme())];
}

/** Writes them; resolves with their names. */
export async function writeGenerated(): Promise<string[]> {
  const all = await allGenerated();
  for (const { file, content } of all) await writeFile(join(ROOT, file), content);
  return all.map(({ file }) => file);
}

function exampleConfig(): string {
  return renderConfigFile('/etc/fbpd/fbpd.toml: every key, commented out at its default. Check it with `fbpd doctor`.', {});
}

/** The README with today's table of config keys between its marks. */
async function readme(): Promise<Generated[]> {
  const text = await readFile(join(ROOT, 'README.md'), 'utf8').catch(() => '');
  const start = text.indexOf(TABLE_START);
  const end = text.indexOf(TABLE_END);
  if (start === -1 || end < start) return [];
  const content = `${text.slice(0, start)}${TABLE_START}\n${renderMarkdownTable()}\n${text.slice(end)}`;
  return [{ file: 'README.md', content }];
}
