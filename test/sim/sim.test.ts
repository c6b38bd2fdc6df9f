import test from 'ava';

import { search } from './property.ts';

test('whatever happens, nothing is lost or made twice or overspent, and in the end every copy is there', async (t) => {
  t.timeout(120_000);
  await search({ numRuns: 25, maxLength: 25, untilMs: 60_000 });
  t.pass();
});
