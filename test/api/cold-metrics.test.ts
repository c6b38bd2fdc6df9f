import test from 'ava';

import { createMetrics } from '../../daemon/metrics.ts';
import { TestClock } from '../fixtures/create-accounts.ts';
import { createColdApi, createTestApi } from '../fixtures/create-api.ts';
import { addPiece, HEAD } from '../fixtures/create-cold-side.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

async function read(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

test('the cold layer shows deals, money, the chain, and what holds it', async (t) => {
  const { url, cold } = await createColdApi(t, { metrics: createMetrics(), clock: new TestClock() });
  await addPiece(cold.store, createContentKey(1), [
    { state: 'active', costAtto: 10n ** 18n },
    { state: 'proposed', outcome: 'unknown', provider: 'f01001', costAtto: 5n },
  ]);
  const text = await read(url);
  for (const line of [
    'fbpd_deals{state="active"} 1',
    'fbpd_deals{state="proposed"} 1',
    'fbpd_deals{state="lost"} 0',
    'fbpd_pieces{state="built"} 1',
    'fbpd_deals_unknown 1',
    'fbpd_pieces_short{below="target"} 0',
    'fbpd_deals_committed_attofil 1000000000000000000',
    'fbpd_budget_per_day_attofil 1000000000000000000',
    'fbpd_budget_committed_attofil 1',
    `fbpd_chain_head_epoch ${HEAD}`,
    `fbpd_chain_finalized_epoch ${HEAD - 900}`,
    'fbpd_chain_seen_age_seconds 0',
    'fbpd_escrow_attofil 1000000000000000000',
  ]) {
    t.true(text.includes(`\n${line}\n`), line);
  }
  t.false(text.includes('fbpd_spending_held{'));
  t.false(text.includes('fbpd_breaker{'));
});

test('what stops spending is named, and what is not known is left out', async (t) => {
  const { url, cold } = await createColdApi(t, { metrics: createMetrics() });
  await cold.view.freeze('');
  cold.view.chain = undefined;
  cold.view.short = { pieces: 7, belowMin: 2, isMore: false, why: { code: 'over_budget', text: '' } };
  const text = await read(url);
  t.true(text.includes('\nfbpd_spending_held{reason="frozen"} 1\n'));
  t.true(text.includes('\nfbpd_breaker{reason="frozen"} 1\n'));
  t.true(text.includes('\nfbpd_pieces_short{below="target"} 7\nfbpd_pieces_short{below="min"} 2\n'));
  t.notRegex(text, /\nfbpd_chain_head_epoch \d/);
  await cold.view.unfreeze();
  t.false((await read(url)).includes('fbpd_breaker{'));
});

test('how the escrow stands is shown, and what runs low has a reason of its own', async (t) => {
  const { url, cold } = await createColdApi(t, { metrics: createMetrics() });
  t.notRegex(await read(url), /\nfbpd_(escrow_free_attofil \d|funds_warning\{)/);
  cold.view.standing = {
    state: { code: 'wallet_low', text: '' },
    warnings: [{ code: 'wallet_low', text: '' }],
    escrowAtto: 9n,
    lockedAtto: 4n,
    freeAtto: 5n,
    levelAtto: 7n,
    runwayDays: 2.5,
  };
  const text = await read(url);
  for (const line of [
    'fbpd_escrow_free_attofil 5',
    'fbpd_escrow_level_attofil 7',
    'fbpd_funds_runway_days 2.5',
    'fbpd_funds_warning{reason="wallet_low"} 1',
  ])
    t.true(text.includes(`\n${line}\n`), line);
});

test('without a cold layer there are none of them', async (t) => {
  const { url } = await createTestApi(t, { metrics: createMetrics() });
  t.notRegex(await read(url), /fbpd_(deals|pieces|chain|budget)/);
});

test('the last restore drill is shown by provider, with nobody who was not asked', async (t) => {
  const { url, cold } = await createColdApi(t, { metrics: createMetrics(), clock: new TestClock() });
  t.true((await read(url)).includes('\nfbpd_drill_last_timestamp_seconds 0\n'));
  const copy = { contentKey: createContentKey(1), dealId: 'deal', text: '' };
  cold.drills.copies = [
    { ...copy, provider: 'f01000', end: 'ok', code: 'done', bytes: 2_000, firstByteMs: 500, tookMs: 1_000 },
    { ...copy, provider: 'f01001', end: 'failed', code: 'refused', bytes: 0, tookMs: 10 },
  ];
  await cold.drills.run({}, {});
  const text = await read(url);
  for (const line of [
    `fbpd_drill_last_timestamp_seconds ${Date.parse('2026-01-01T00:00:00Z') / 1_000}`,
    'fbpd_drill_copies{provider="f01000",end="ok"} 1',
    'fbpd_drill_copies{provider="f01001",end="failed"} 1',
    'fbpd_drill_bytes{provider="f01000"} 2000',
    'fbpd_drill_first_byte_seconds{provider="f01000"} 0.5',
    'fbpd_drill_seconds{provider="f01000"} 1',
    'fbpd_drill_bytes_per_second{provider="f01000"} 2000',
  ]) {
    t.true(text.includes(`\n${line}\n`), line);
  }
  t.false(text.includes('fbpd_drill_seconds{provider="f01001"}'));
  cold.drills.copies = cold.drills.copies.slice(0, 1);
  await cold.drills.run({}, {});
  t.false((await read(url)).includes('provider="f01001",end'));
});
