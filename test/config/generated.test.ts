import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

import { allGenerated } from '../tools/generate.ts';
import { ROOT } from '../tools/steps.ts';

test('every file that is made from another is as it would be made now', async (t) => {
  const all = await allGenerated();
  t.true(all.some(({ file }) => file === 'systemd/fbpd.toml'));
  const readme = existsSync(join(ROOT, 'README.md'));
  t.is(
    all.some(({ file }) => file === 'README.md'),
    readme,
    'README.md has lost the marks around its table of config keys',
  );
  for (const { file, content } of all) {
    const found = await readFile(join(ROOT, file), 'utf8').catch(() => '');
    t.true(found === content, `${file} is stale: npm run generate`);
  }
});
