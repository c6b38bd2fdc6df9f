import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import test from 'ava';
import { parse } from 'yaml';

import { generate, generated, SPEC_DIR, specNames } from '../tools/generate-spec.ts';

/**
 * SHA-256 of the canonical form of the frozen specification v1.0.0 (the `ipfs-pinning-service.yaml` that its authors
 * published), computed once. Words, examples and server addresses are left out; everything a program sees is in.
 */
const FROZEN_V1 = 'b909ff83819246b959a3f433ea17fe3a18c2a24f2f5c81ddf2bc5d49f51bb981';

const WORDS = new Set(['description', 'summary', 'example', 'examples', 'x-logo', 'contact', 'servers']);
/** Under these, keys are names that somebody chose, so `description` there would be a field and not a description. */
const MAPS_OF_NAMES = new Set(['paths', 'properties', 'schemas', 'parameters', 'responses']);

/** Sorted keys, no words; arrays keep their order. */
function canonical(value: unknown, namesBelow = false): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => namesBelow || !WORDS.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([key, child]) => [key, canonical(child, !namesBelow && MAPS_OF_NAMES.has(key) && !Array.isArray(child))]),
  );
}

function fingerprint(yaml: string): string {
  return createHash('sha256')
    .update(JSON.stringify(canonical(parse(yaml)), null, 1))
    .digest('hex');
}

test('pinning.yaml has exactly the structure of the frozen v1.0.0', async (t) => {
  t.is(fingerprint(await readFile(new URL('pinning.yaml', SPEC_DIR), 'utf8')), FROZEN_V1);
});

test('the fingerprint sees a changed limit, a changed default and a missing status code', async (t) => {
  const yaml = await readFile(new URL('pinning.yaml', SPEC_DIR), 'utf8');
  for (const [from, to] of [
    ['maximum: 1000', 'maximum: 1001'],
    ['default: exact', 'default: iexact'],
    ['"409":', '"410":'],
    ['maxLength: 255', 'maxLength: 256'],
  ] as const) {
    t.true(yaml.includes(from));
    t.not(fingerprint(yaml.replace(from, to)), FROZEN_V1, `${from} → ${to}`);
  }
});

test('the generated types are those of the YAML files', async (t) => {
  for (const name of await specNames()) {
    t.is(await generated(name), await generate(name), `spec/${name}.ts is stale: npm run generate`);
  }
});
