import { readdir, readFile } from 'node:fs/promises';

import openapiTS, { astToString } from 'openapi-typescript';

/** Where the API descriptions live. */
export const SPEC_DIR = new URL('../../spec/', import.meta.url);

/** Names, without extension, of every `spec/*.yaml`. */
export async function specNames(): Promise<string[]> {
  const files = await readdir(SPEC_DIR);
  return files.filter((file) => file.endsWith('.yaml')).map((file) => file.slice(0, -'.yaml'.length));
}

/** The TypeScript that belongs in `spec/<name>.ts`. */
export async function generate(name: string): Promise<string> {
  const types = astToString(await openapiTS(new URL(`${name}.yaml`, SPEC_DIR)));
  return `// Generated from ${name}.yaml by openapi-typescript. Change that, then: npm run generate\n\n${types}`;
}

/** What is in `spec/<name>.ts` now, or undefined when it is not there. */
export async function generated(name: string): Promise<string | undefined> {
  return readFile(new URL(`${name}.ts`, SPEC_DIR), 'utf8').catch(() => undefined);
}
