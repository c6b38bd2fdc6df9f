import test from 'ava';

import { createTestApi } from '../fixtures/create-api.ts';

const PAGE = 'https://app.example.org';

function preflight(url: string, origin: string): Promise<Response> {
  return fetch(`${url}/pins`, {
    method: 'OPTIONS',
    headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type' },
  });
}

test('without origins in the config no page may call', async (t) => {
  const { url, user } = await createTestApi(t);
  t.is((await preflight(url, PAGE)).headers.get('access-control-allow-origin'), null);
  t.is((await user.call('GET', '/pins', { headers: { Origin: PAGE } })).headers.get('access-control-allow-origin'), null);
});

test('a preflight from an origin in the config is answered without a token', async (t) => {
  const { url } = await createTestApi(t, { cors: { origins: [PAGE] } });
  const { status, headers } = await preflight(url, PAGE);
  t.is(status, 204);
  t.is(headers.get('access-control-allow-origin'), PAGE);
  t.regex(headers.get('access-control-allow-methods') ?? '', /POST.*DELETE/);
  t.regex(headers.get('access-control-allow-headers') ?? '', /Authorization.*Content-Type/i);
  t.is(headers.get('access-control-allow-credentials'), null);
  t.regex(headers.get('vary') ?? '', /Origin/);
});

test('other origins get nothing, and caches are told that replies differ', async (t) => {
  const { url, user } = await createTestApi(t, { cors: { origins: [PAGE] } });
  t.is((await preflight(url, 'https://evil.example')).headers.get('access-control-allow-origin'), null);
  const { headers } = await user.call('GET', '/pins', { headers: { Origin: `${PAGE}.evil.example` } });
  t.is(headers.get('access-control-allow-origin'), null);
  t.regex((await user.call('GET', '/pins')).headers.get('vary') ?? '', /Origin/);
});

test('a star lets every page in', async (t) => {
  const { url, user } = await createTestApi(t, { cors: { origins: ['*'] } });
  t.is((await preflight(url, PAGE)).headers.get('access-control-allow-origin'), '*');
  t.is((await user.call('GET', '/pins', { headers: { Origin: 'null' } })).headers.get('access-control-allow-origin'), '*');
});

test('pages can read refusals, and Retry-After on them', async (t) => {
  const { url, user } = await createTestApi(t, { cors: { origins: [PAGE] }, limits: { requestsPerSecond: 0.1 } });
  const unauthorized = await fetch(`${url}/pins`, { headers: { Origin: PAGE } });
  t.is(unauthorized.status, 401);
  t.is(unauthorized.headers.get('access-control-allow-origin'), PAGE);
  await user.call('GET', '/pins');
  const limited = await user.call('GET', '/pins', { headers: { Origin: PAGE } });
  t.is(limited.status, 429);
  t.is(limited.headers.get('access-control-allow-origin'), PAGE);
  t.regex(limited.headers.get('access-control-expose-headers') ?? '', /Retry-After/);
});

test('an OPTIONS that is no preflight tells the methods', async (t) => {
  const { url, user } = await createTestApi(t, { cors: { origins: [PAGE] } });
  const reply = await fetch(`${url}/pins`, { method: 'OPTIONS', headers: { Authorization: `Bearer ${user.secret}` } });
  t.is(reply.status, 204);
  t.is(reply.headers.get('allow'), 'GET, HEAD, POST');
});
