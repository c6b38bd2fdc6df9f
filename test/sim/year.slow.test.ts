import test from 'ava';

import { copiesShort } from './invariants.ts';
import { liveYear } from './year.ts';

test('a year of a thousand pins: each has its copies, renewed in time, and the day of each deal is paid for once', async (t) => {
  t.timeout(180_000);
  const { daemon, deals, dealYears } = await liveYear({ pins: 1_000, days: 365, seed: 7, onProgress: (text) => t.log(text) });
  t.log(`${deals} deals, ${dealYears.toFixed(1)} deal-years`);
  const pieces = new Set<string>();
  for (const { contentKey } of daemon.accepted.values()) {
    for (const { value } of await daemon.cold.piecesOf(contentKey)) if (value.state === 'built') pieces.add(value.id);
  }
  t.true(pieces.size >= 50, `${pieces.size} pieces`);
  // The misfortune of the last month may still be under repair.
  t.true(copiesShort(daemon, [...pieces]).length <= pieces.size / 10);
  t.true(dealYears > pieces.size * 2);
});
