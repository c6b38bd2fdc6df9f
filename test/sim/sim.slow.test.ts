import test from 'ava';

import { search } from './property.ts';

test('whatever happens for long, nothing is lost or made twice or overspent, and in the end every copy is there', async (t) => {
  t.timeout(400_000);
  await search({ numRuns: 300, maxLength: 120, untilMs: 240_000 });
  t.pass();
});
