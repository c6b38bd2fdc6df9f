import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import test from 'ava';

import { partOf } from '../../daemon/cli/get.ts';
import { createTestDir } from '../fixtures/create-store.ts';

test('the name of a part fits wherever that of its target does, and is another', async (t) => {
  const dir = await createTestDir(t);
  t.is(partOf(join(dir, 'holiday')), join(dir, 'holiday.part'));
  for (const name of ['n'.repeat(250), 'n'.repeat(251), 'n'.repeat(255), `${'n'.repeat(250)}.part`, `n${'☃'.repeat(84)}`, '𝄞'.repeat(63)]) {
    const part = partOf(join(dir, name));
    await t.notThrowsAsync(Promise.all([writeFile(join(dir, name), ''), writeFile(part, '')]));
    t.not(basename(part), name);
    t.notRegex(part, /\uFFFD/);
    t.true(part.endsWith('.part'));
  }
});
