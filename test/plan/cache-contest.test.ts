import test from 'ava';

import { bestOther, runContest } from '../bench/cache/contest.ts';
import { TRACES } from '../bench/cache/traces.ts';

/** `npm run bench -- --only cache` has the long ones, with several seeds. */
for (const trace of Object.keys(TRACES)) {
  for (const share of [0.04, 0.12]) {
    test(`on a short trace of ${trace} with room for ${100 * share} % no known policy has a point more object hits`, (t) => {
      const contest = runContest(trace, { reads: 6_000, contents: 600, seed: 1, share });
      const { name, rate, lead } = bestOther(contest, 'object');
      t.true(lead >= -1, `${name} has ${(100 * rate).toFixed(1)} %, ours is ${lead.toFixed(2)} points ahead`);
    });
  }
}

test('the same trace gives the same hits', (t) => {
  const scale = { reads: 3_000, contents: 300, seed: 5, share: 0.1 };
  t.deepEqual(runContest('sizes-news', scale), runContest('sizes-news', scale));
});
