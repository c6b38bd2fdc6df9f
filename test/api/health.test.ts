import test from 'ava';

import type { Readiness } from '../../api/health.ts';
import { call, createTestApi } from '../fixtures/create-api.ts';

test('all is well: healthz and readyz are 200 and need no token', async (t) => {
  const { url } = await createTestApi(t);
  const health = await fetch(`${url}/healthz`);
  t.is(health.status, 200);
  t.deepEqual(await health.json(), { status: 'ok', checks: { store: { state: 'ok' }, hot: { state: 'ok' }, disk: { state: 'ok' } } });
  const ready = await fetch(`${url}/readyz`);
  t.is(ready.status, 200);
  t.like(await ready.json(), { ready: true, status: 'ok' });
});

test('a hot tier that is down degrades, and both stay 200', async (t) => {
  const readiness: Readiness = { ready: true, checks: { store: { state: 'ok' }, hot: { state: 'degraded', detail: 'restarting' } } };
  const { url } = await createTestApi(t, { ready: () => readiness });
  const health = await fetch(`${url}/healthz`);
  t.is(health.status, 200);
  t.like(await health.json(), { status: 'degraded', checks: { hot: { state: 'degraded', detail: 'restarting' } } });
  t.is((await fetch(`${url}/readyz`)).status, 200);
});

test('a full disk is red in healthz; reads still work, so it stays ready', async (t) => {
  let disk: 'ok' | 'low' | 'full' = 'full';
  const { url } = await createTestApi(t, { disk: () => disk });
  const health = await fetch(`${url}/healthz`);
  t.is(health.status, 503);
  t.like(await health.json(), { status: 'failed', checks: { disk: { state: 'failed' } } });
  t.is((await fetch(`${url}/readyz`)).status, 200);
  disk = 'low';
  t.like(await (await fetch(`${url}/healthz`)).json(), { status: 'degraded' });
});

test('a store that is not verified is neither healthy nor ready', async (t) => {
  const { url } = await createTestApi(t, { ready: () => ({ ready: false, checks: { store: { state: 'failed' } } }) });
  t.is((await fetch(`${url}/healthz`)).status, 503);
  t.is((await fetch(`${url}/readyz`)).status, 503);
});

test('metrics are open to this machine, with requests by route and status, pins, fetches and the hot tier', async (t) => {
  const { url, user } = await createTestApi(t);
  await user.call('GET', '/pins/some-pin-of-mine');
  await user.call('GET', '/another/path?with=query');
  await user.call('PATCH', '/pins', { body: {} });
  const response = await fetch(`${url}/metrics`);
  t.is(response.status, 200);
  t.regex(response.headers.get('content-type') ?? '', /^text\/plain/);
  const text = await response.text();
  t.regex(text, /fbpd_api_request_duration_seconds_count\{method="GET",route="\/pins\/:requestid",status="404"\} 1/);
  t.regex(text, /fbpd_api_request_duration_seconds_count\{method="GET",route="other",status="404"\} 1/);
  t.regex(text, /fbpd_api_request_duration_seconds_count\{method="other",route="other",status="405"\} 1/);
  t.regex(text, /fbpd_pins\{status="queued"\} 0/);
  t.regex(text, /fbpd_hot_up 1/);
  t.regex(text, /fbpd_fetches 0/);
  t.regex(text, /fbpd_disk_state 0/);
  t.false(text.includes('some-pin-of-mine') || text.includes('another'), 'no label comes from a client');
});

test('from elsewhere metrics need a token with metrics:read', async (t) => {
  const { url, user, addUser } = await createTestApi(t, { trustedProxies: ['127.0.0.1'] });
  const reader = await addUser('reader', ['pins:read']);
  const far = { 'X-Forwarded-For': '8.8.8.8' };
  t.is((await call(t, url, 'GET', '/metrics', { headers: far })).status, 401);
  t.is((await reader.call('GET', '/metrics', { headers: far })).status, 403);
  t.is((await fetch(`${url}/metrics`, { headers: { ...far, Authorization: `Bearer ${user.secret}` } })).status, 200);
});
