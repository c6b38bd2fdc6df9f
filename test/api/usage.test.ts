import test from 'ava';

import { TestClock } from '../fixtures/create-accounts.ts';
import { createTestApi } from '../fixtures/create-api.ts';
import { createDagPbCid } from '../fixtures/create-cid.ts';
import { served } from '../fixtures/create-metering.ts';

test('an account sees what was read of its own, and of nobody else', async (t) => {
  const clock = new TestClock();
  const { user, usage, addUser } = await createTestApi(t, { clock });
  const bob = await addUser('bob', ['account:read']);
  await user.call('POST', '/pins', { body: { cid: createDagPbCid('x').toString() } });
  await usage.note(served({ accountId: user.account.id, bytes: 5 }));
  const { status, json } = await user.call('GET', '/v1/usage');
  t.is(status, 200);
  const sums = { hotBytes: 5, networkBytes: 0, coldBytes: 0, responses: 1 };
  t.deepEqual(json, {
    from: '2025-12-03',
    to: '2026-01-01',
    served: sums,
    days: [{ day: '2026-01-01', served: sums }],
    stored: { pins: { queued: 1, pinning: 0, pinned: 0, failed: 0 } },
  });
  t.like((await bob.call('GET', '/v1/usage')).json, { served: { hotBytes: 0 }, days: [] });
  t.deepEqual((await user.call('GET', '/v1/usage?from=2025-12-31&to=2025-12-31')).json.days, []);
});

test('usage wants its scope, and days that there are', async (t) => {
  const { user, addUser } = await createTestApi(t);
  const reader = await addUser('reader', ['pins:read']);
  t.is((await reader.call('GET', '/v1/usage')).status, 403);
  for (const query of ['from=2026-02-30', 'to=x', 'from=2026-01-02&to=2026-01-01', 'from=1990-01-01', 'account=bob', 'contents=5']) {
    t.is((await user.call('GET', `/v1/usage?${query}`)).status, 400, query);
  }
  const { json } = await user.call('GET', '/v1/usage?contents=5');
  t.like(json, { error: { details: 'query has "contents", which is unknown here' } });
});
